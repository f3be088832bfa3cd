"""Exercises of 08-change-the-user."""

from __future__ import annotations

import re
from typing import Any

from labkit.course.exercise import Assessment, Exercise, Wrong, not_right, not_yet, passed
from labkit.course.users import kubelet_refusal
from labkit.course.world import World
from labkit.lab.container import Container

_NOTE = "/app/note.txt"


def _check_root_for_a_moment(world: World, app: Container) -> Assessment:
    if app.exec(f"test -e {_NOTE}").exit_status:
        return not_yet(f"There is no {_NOTE} in the container: the app itself may not write there.")
    uid = app.exec("stat -c %u /proc/1").output
    if uid != "1654":
        return not_right(f"The file is there, but the app itself runs as uid {uid} now.")
    open_to_app = [path for path in ("/app", "/app/aspnetapp") if not app.exec(f"test -w {path}").exit_status]
    if open_to_app:
        return not_right(f"The file is there, but the app may now change {' and '.join(open_to_app)} for good.")
    return passed(f"The file is there, the app runs as uid {uid} as before, and its program is closed to it.")


_ROOT_FOR_A_MOMENT = Exercise(
    name="root-for-a-moment",
    kind="repair",
    answers=Container,
    hints=(
        "Whom does app.exec run the command as, when you do not say?",
        "One command may run as somebody else; the container that is there need not know.",
        'Give the second line user="root".',
    ),
    solution="""
app = lab.start("aspnetapp")
app.exec("touch /app/note.txt", user="root")
""",
    others=(
        """
app = lab.start("aspnetapp")
app.exec("touch /app/note.txt", user="0:1654")
""",
        """
app = lab.start("aspnetapp")
app.exec("install -o 1654 -m 600 /dev/null /app/note.txt", user="0")
""",
    ),
    wrong=(
        Wrong(
            """
app = lab.start("aspnetapp", user="root")
app.exec("touch /app/note.txt")
""",
            "the app itself runs as uid 0",
        ),
        Wrong(
            """
app = lab.start("aspnetapp")
app.exec("chmod 777 /app", user="root")
app.exec("touch /app/note.txt")
""",
            "the app may now change /app for good",
        ),
        Wrong(
            """
app = lab.start("aspnetapp")
app.exec("chown -R app /app", user="root")
app.exec("touch /app/note.txt")
""",
            "/app and /app/aspnetapp",
        ),
        Wrong('app = "root"', "Container is expected"),
    ),
    check=_check_root_for_a_moment,
)

_USERS = ("root", "1654", "4242", "rich", "app:rich")


def _check_which_start(world: World, answer: list[object]) -> Assessment:
    chosen = set(map(str, answer))
    if unknown := chosen - set(_USERS):
        return not_right(f"{', '.join(sorted(unknown))}: not among the five.")
    results = {user: world.start.run("aspnetapp", "id", user=user) for user in _USERS}
    if bad := next((user for user in _USERS if user in chosen and results[user].cause is not None), None):
        return not_right(f"With {bad} it does not start: {results[bad].message}.")
    if left := [user for user in _USERS if user not in chosen and results[user].cause is None]:
        return not_right(f"Those that you chose start, and so do more; left out, {len(left)}.")
    return passed("; ".join(f"{user}: {results[user].output}" for user in _USERS if user in chosen))


_WHICH_START = Exercise(
    name="which-start",
    kind="choose",
    answers=list,
    hints=(
        "Which of them have to be looked up in a file of the image?",
        "A number is a uid as it is; a name needs a line. A group is a name, too.",
        "Three of the five start, and for one of these there is no line.",
    ),
    solution='chosen = ["root", "1654", "4242"]',
    wrong=(
        Wrong('chosen = ["root", "1654"]', "left out, 1"),
        Wrong('chosen = ["root", "1654", "4242", "app:rich"]', "unable to find group rich"),
        Wrong("chosen = list(('root', '1654', '4242', 'rich'))", "unable to find user rich"),
        Wrong('chosen = ["nobody"]', "not among the five"),
        Wrong('chosen = "root"', "a list is expected"),
    ),
    check=_check_which_start,
)


def _check_a_number_please(world: World, _: Any) -> Assessment:
    image = world.look.image("by-name")
    if image is None or image.user == "app":
        return not_yet("The image by-name says app, a name, and the kubelet would refuse it: image-user-not-numeric.")
    if (refusal := kubelet_refusal(image.user)) is not None:
        return not_right(f'Config.User is "{image.user}", and the kubelet would refuse: {refusal.cause}.')
    greeting = world.start.run("by-name").output
    if not greeting.startswith("Hello app"):
        return not_right(
            f"The kubelet lets {image.user} pass, but the program says {greeting.partition(',')[0]!r}: "
            f"no line of the image's passwd file has that uid."
        )
    return passed(f'Config.User is "{image.user}", and the program still says Hello app.')


_A_NUMBER_PLEASE = Exercise(
    name="a-number-please",
    kind="repair",
    hints=(
        "Which number is app in this image? Where does the base say so?",
        "ContainerUser may be a number; and what does the SDK do when nobody gives it?",
        "-p:ContainerUser=1654, or no ContainerUser at all.",
    ),
    solution='lab.publish("-p:ContainerUser=1654", name="by-name")',
    others=(
        'lab.publish(name="by-name")',
        'lab.publish("-p:ContainerUser=1654:1654", name="by-name")',
    ),
    wrong=(
        Wrong('lab.publish("-p:ContainerUser=root", name="by-name")', "image-user-not-numeric"),
        Wrong('lab.publish("-p:ContainerUser=0", name="by-name")', "image-runs-as-root"),
        Wrong('lab.publish("-p:ContainerUser=4242", name="by-name")', "no line of the image's passwd"),
    ),
    check=_check_a_number_please,
)

_IDS = re.compile(r"[0-9]+:[0-9]+")


def _check_field_by_field(world: World, answer: str) -> Assessment:
    if not _IDS.fullmatch(answer):
        return not_right(f"{answer!r} is not of the form uid:gid, two numbers.")
    pod = world.start.pod(
        "aspnetapp", name="field-by-field", pod={"runAsUser": 2000, "runAsGroup": 3000}, container={"runAsUser": 4242}
    )
    ids = world.start.exec(pod.expect_running(), ["sh", "-c", "echo $(id -u):$(id -g)"]).expect().output
    uid, gid = answer.split(":")
    if uid != ids.split(":")[0]:
        return not_right(f"It is not uid {uid}: two settings override the image's user, and one of them the other.")
    if gid != ids.split(":")[1]:
        return not_right(f"The uid is right, the group is not {gid}: who says a group, and does anybody take it back?")
    return passed(f"{ids}: the container's runAsUser replaces the pod's, and the pod's runAsGroup stays.")


_FIELD_BY_FIELD = Exercise(
    name="field-by-field",
    kind="predict",
    answers=str,
    hints=(
        "Does a container's securityContext replace the pod's as a whole?",
        "Settings are compared one by one: runAsUser with runAsUser, runAsGroup with runAsGroup.",
        "The container says a user and no group, so the group is the pod's.",
    ),
    solution='prediction = "4242:3000"',
    wrong=(
        Wrong('prediction = "2000:3000"', "one of them the other"),
        Wrong('prediction = "4242:0"', "the group is not 0"),
        Wrong('prediction = "1654:1654"', "two settings override"),
        Wrong('prediction = "app"', "not of the form"),
        Wrong("prediction = 4242", "a text in quotes"),
    ),
    check=_check_field_by_field,
)

EXERCISES = (_ROOT_FOR_A_MOMENT, _WHICH_START, _A_NUMBER_PLEASE, _FIELD_BY_FIELD)
