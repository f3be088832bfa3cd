"""Exercises of 08-change-the-user."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from labkit.core.started import AppProcess
from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging import breaks
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.judging.breaks import AnswerBreak
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.image_demands import may_not_replace, non_root_by_number, starts
from labkit.course.judging.judged_container import JudgedContainer
from labkit.course.judging.judged_image import JudgedImage, image_named
from labkit.course.judging.program_demands import is_app, starts_published_app
from labkit.course.world import World
from labkit.lab.container import Container

_NOTE, _PROGRAM = "/app/note.txt", "/app/aspnetapp"


def _moment_as_given(app: JudgedContainer) -> str | None:
    if app.is_gone:
        return None
    is_changed = app.tree.entry(_NOTE) is not None or app.is_changed_in("/app") or app.new_setuid_files(app.base)
    if is_changed or any(process.uid != 1654 for process in app.processes):
        return None
    return f"There is no {_NOTE} in the container: the app itself may not write there."


def _no_note(app: JudgedContainer) -> str | None:
    entry = app.tree.entry(_NOTE)
    if entry is None:
        return f"There is no {_NOTE} in the container."
    return None if entry.kind == "file" else f"{_NOTE} is not a file."


def _is_another_app(app: JudgedContainer) -> str | None:
    image = app.world.look.image(app.base)
    if image is not None and not app.facts.stands_on(image):
        return f"The container is not one of {app.base}, so this is not the app."
    if not app.processes:
        return "The container does not run any more."
    if not any(_is_app(app, process) for process in app.processes):
        return f"The container runs {app.processes[0].arguments} in place of the app."
    return None


def _is_app(app: JudgedContainer, process: AppProcess) -> bool:
    return is_app(app, process, _PROGRAM, [app.base])


def _does_not_go_on_as_1654(app: JudgedContainer) -> str | None:
    for process in app.processes:
        if process.uid != 1654 and _is_app(app, process):
            return f"The file is there, but the app itself runs as uid {process.uid} now."
        if process.uid != 1654:
            return f"The file is there, and something else was left running as uid {process.uid}: {process.arguments}."
    return None


def _has_new_way_to_root(app: JudgedContainer) -> str | None:
    left = app.new_setuid_files(app.base)
    return f"A setuid program of root's was left behind, so the app can be root: {', '.join(left)}." if left else None


def _has_opened_more(app: JudgedContainer) -> str | None:
    opened = app.newly_open(app.process, app.base) if app.process is not None else []
    return f"The app may now change what was closed to it in its image: {', '.join(opened[:3])}." if opened else None


def _afterwards(name: str, command: list[str]) -> AnswerBreak:
    def change(app: Container) -> Container:
        app.exec(command, user="root")
        return app

    return AnswerBreak(name, change)


_CHECK_ROOT_FOR_A_MOMENT = DemandCheck(
    look=lambda world, app: JudgedContainer(world, app, "aspnetapp"),
    as_given=_moment_as_given,
    demands=(
        Demand("app", "in the app's container", _is_another_app),
        Demand("file", "a file `/app/note.txt`", _no_note, (_afterwards("the file removed", ["rm", _NOTE]),)),
        Demand(
            "uid",
            "The app must go on as 1654",
            _does_not_go_on_as_1654,
            (_afterwards("a program of root's left", ["sh", "-c", "sleep 300 > /dev/null 2>&1 &"]),),
        ),
        replace(
            may_not_replace("must not be able to change `/app` or its own program", "/app", "/app/aspnetapp"),
            breaks=(
                _afterwards("/app open to everybody", ["chmod", "777", "/app"]),
                _afterwards("/app given away", ["chown", "1654", "/app"]),
                _afterwards("the program given away", ["chown", "1654", "/app/aspnetapp"]),
            ),
        ),
        Demand(
            "no setuid",
            "must not be able to change `/app`",
            _has_new_way_to_root,
            (_afterwards("a setuid program left", ["install", "-m", "4755", "/bin/sh", "/usr/local/bin/left"]),),
        ),
        # Whoever may write passwd, or a program that root starts, can be root.
        Demand(
            "no more open",
            "must not be able to change `/app`",
            _has_opened_more,
            (_afterwards("passwd open to everybody", ["chmod", "666", "/etc/passwd"]),),
        ),
    ),
    praise=lambda app: "The file is there, the app runs as uid 1654 as before, and its program is closed to it.",
)

_TOUCHED = """
app = lab.start("aspnetapp")
app.exec("touch /app/note.txt", user="root")
"""
_ENGINE = """
import subprocess
subprocess.run(["docker", "{}", "{}", app.id], capture_output=True, check=True)
"""

_ROOT_FOR_A_MOMENT = Exercise(
    name="root-for-a-moment",
    kind="repair",
    answers=Container,
    hints=(
        "As whom does app.exec run a command if you name no user?",
        "A single command can run as another user, and the app goes on as it is.",
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
        # The note is in an image of one's own.
        '''
lab.build("""
FROM aspnetapp
USER 0
RUN touch /app/note.txt
USER 1654
""", name="noted")
app = lab.start("noted")
''',
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
            "can put new files into /app",
        ),
        Wrong(
            """
app = lab.start("aspnetapp")
app.exec("chown -R app /app", user="root")
app.exec("touch /app/note.txt")
""",
            "can put new files into /app",
        ),
        Wrong(
            """
app = lab.start("aspnetapp")
app.exec("touch /app/note.txt", user="root")
app.exec("install -m 4755 /bin/sh /usr/local/bin/left", user="root")
""",
            "setuid program of root's was left behind",
        ),
        Wrong(
            """
app = lab.start("aspnetapp")
app.exec("touch /app/note.txt", user="root")
app.exec("chmod 666 /etc/passwd", user="root")
""",
            "what was closed to it in its image: /etc/passwd",
        ),
        Wrong(
            """
app = lab.start("aspnetapp")
app.exec(["sh", "-c", "touch /app/note.txt; sleep 300 >/dev/null 2>&1 &"], user="root")
""",
            "something else was left running as uid 0",
        ),
        Wrong(
            """
app = lab.start("debian", "sleep 3600", user="1654")
app.exec("install -D /dev/null /app/note.txt", user="root")
""",
            "this is not the app",
        ),
        # The app is not there any more.
        Wrong(_TOUCHED + _ENGINE.format("stop", "--time=0"), "does not run any more"),
        Wrong(_TOUCHED + _ENGINE.format("rm", "--force"), "somebody has removed it"),
        # A program that gives its group away, and a folder in which root's files can be replaced.
        Wrong(_TOUCHED + 'app.exec("install -m 2755 /bin/sh /usr/bin/left", user="root")', "was left behind"),
        Wrong(_TOUCHED + 'app.exec("chmod 777 /etc", user="root")', "what was closed to it in its image: /etc"),
        Wrong('app = "root"', "what lab.start gives is expected"),
    ),
    check=_CHECK_ROOT_FOR_A_MOMENT,
)

_USERS = ("root", "1654", "4242", "rich", "app:rich")


def _check_which_start(world: World, answer: list[object]) -> Assessment:
    chosen = set(map(str, answer))
    with ThreadPoolExecutor(len(_USERS)) as pool:
        results = dict(
            zip(_USERS, pool.map(lambda user: world.start.run("aspnetapp", "id", user=user), _USERS), strict=True)
        )
    if bad := next((user for user in _USERS if user in chosen and results[user].cause is not None), None):
        return not_right(f"With {bad} it does not start: {results[bad].message}.")
    if left := [user for user in _USERS if user not in chosen and results[user].cause is None]:
        return not_right(f"All that you chose start, but you left out {len(left)} that start, too.")
    return passed("; ".join(f"{user}: {results[user].output}" for user in _USERS if user in chosen))


_WHICH_START = Exercise(
    name="which-start",
    kind="choose",
    answers=list,
    choices=_USERS,
    hints=(
        "Which of them have to be looked up in a file of the image?",
        "A number is a uid as it is; a name needs a line in passwd. And a group's name needs one in the group file.",
        "Three of the five start, and for one of these there is no line.",
    ),
    solution='chosen = ["root", "1654", "4242"]',
    wrong=(
        Wrong('chosen = ["root", "1654"]', "you left out 1"),
        Wrong('chosen = ["root", "1654", "4242", "app:rich"]', "unable to find group rich"),
        Wrong("chosen = list(('root', '1654', '4242', 'rich'))", "unable to find user rich"),
        Wrong('chosen = ["nobody"]', "not one of the five"),
        Wrong('chosen = "root"', "a list is expected"),
        Wrong("chosen = ()", "The list is empty"),
    ),
    check=_check_which_start,
)


def _by_name_as_given(image: JudgedImage) -> str | None:
    if image.facts_or_none is None or image.given_to_publish != "-p:ContainerUser=app":
        return None
    return "The image by-name says app, a name, and the kubelet would refuse it: image-user-not-numeric."


_CHECK_A_NUMBER_PLEASE = DemandCheck(
    look=image_named("by-name"),
    ahead=lambda image, pool: image.begin(pool, reads_tree=False),
    as_given=_by_name_as_given,
    demands=(
        non_root_by_number("it passes"),
        starts("says the same", prints="Hello app", also=(breaks.ANOTHER_UID,)),
        starts_published_app("says the same"),
    ),
    praise=lambda image: f'Config.User is "{image.facts.user}", and the program still says Hello app.',
)

_A_NUMBER_PLEASE = Exercise(
    name="a-number-please",
    kind="repair",
    hints=(
        "Which number is app in this image? Where does the base say so?",
        "ContainerUser may be a number. And what does the SDK write by default, without ContainerUser?",
        "-p:ContainerUser=1654, or no ContainerUser at all.",
    ),
    solution='lab.publish("-p:ContainerUser=1654", name="by-name")',
    others=(
        'lab.publish(name="by-name")',
        'lab.publish("-p:ContainerUser=1654:1654", name="by-name")',
        # By way of a Dockerfile.
        'lab.publish("-p:ContainerUser=app", name="by-name")\nlab.build("FROM by-name\\nUSER 1654", name="by-name")',
    ),
    wrong=(
        Wrong('lab.publish("-p:ContainerUser=root", name="by-name")', "the app would be root"),
        Wrong('lab.publish("-p:ContainerUser=0", name="by-name")', "the one of root"),
        Wrong('lab.publish("-p:ContainerUser=4242", name="by-name")', "not 'Hello app'"),
        Wrong('lab.publish("-p:ContainerUser=:1654", name="by-name")', "no user at all is root"),
        Wrong('lab.publish("-p:ContainerUser=app:app", name="by-name")', "a name"),
        # It prints what the app would, and is not the app.
        Wrong(
            '''
lab.build("""
FROM debian
USER 1654
CMD ["echo", "Hello app, using Linux on X64"]
""", name="by-name")
''',
            "not the program that lab.publish puts there",
        ),
        Wrong(
            'lab.publish(name="by-name")\nlab.build("FROM by-name\\nUSER app", name="by-name")',
            'Config.User is "app", a name',
        ),
    ),
    check=_CHECK_A_NUMBER_PLEASE,
)

_IDS = re.compile(r"[0-9]+:[0-9]+")


def _check_field_by_field(world: World, answer: str) -> Assessment:
    answer = "".join(answer.split())
    if not _IDS.fullmatch(answer):
        return not_right(f"{answer!r} is not of the form uid:gid, two numbers.")
    pod = world.start.pod(
        "aspnetapp", name="field-by-field", pod={"runAsUser": 2000, "runAsGroup": 3000}, container={"runAsUser": 4242}
    )
    ids = world.start.exec(pod.expect_running(), ["sh", "-c", "echo $(id -u):$(id -g)"]).expect().stdout
    uid, gid = answer.split(":")
    if uid != ids.split(":")[0]:
        return not_right(f"It is not uid {uid}: two settings override the image's user, and one of them the other.")
    if gid != ids.split(":")[1]:
        return not_right(f"The uid is right, the group is not {gid}: which setting gives one, and is it overridden?")
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
    others=('prediction = "4242 : 3000"',),
    wrong=(
        Wrong('prediction = "2000:3000"', "one of them the other"),
        Wrong('prediction = "4242:0"', "the group is not 0"),
        Wrong('prediction = "1654:1654"', "two settings override"),
        Wrong('prediction = "app"', "not of the form"),
        Wrong("prediction = 4242", "a string in quotes"),
    ),
    check=_check_field_by_field,
)

EXERCISES = (_ROOT_FOR_A_MOMENT, _WHICH_START, _A_NUMBER_PLEASE, _FIELD_BY_FIELD)
