"""Exercises of 05-dockerfile-user."""

from __future__ import annotations

from typing import Any

from labkit.core.causes import Cause
from labkit.course.exercise import Assessment, Exercise, Wrong, not_right, not_yet, passed
from labkit.course.users import why_not_non_root
from labkit.course.world import World


def _check_fails_open(world: World, _: Any) -> Assessment:
    image = world.look.image("fails-open")
    if image is None:
        return not_yet("There is no image fails-open: the cell was not run, or its build stopped; read what it said.")
    if not image.user:
        return not_yet("The newest image fails-open still has no user, so it is root.")
    if problem := why_not_non_root(image.user):
        return not_right(problem)
    process = world.start.run("fails-open", "id")
    if process.cause is not None:
        return not_right(f'Config.User is "{image.user}", and the engine does not start it: {process.message}.')
    if "uid=0(" in process.output:
        return not_right(f'Config.User is "{image.user}", and the process is root all the same: {process.output}.')
    return passed(f'Config.User is "{image.user}", and the process says {process.output}.')


_FAILS_OPEN = Exercise(
    name="fails-open",
    kind="repair",
    hints=(
        "What is the value of APP_UID in ubuntu's image? Ask `lab.image` for its environment.",
        "Either the line needs no variable, or the variable needs a value: in the line, in an ENV, from another base.",
        "`${APP_UID:-...}` takes what follows the :- where APP_UID is empty.",
    ),
    solution='''
lab.build("""
    FROM ubuntu
    USER ${APP_UID:-1654}
""", name="fails-open")
''',
    others=(
        '''
lab.build("""
    FROM ubuntu
    USER 5678
""", name="fails-open")
''',
        '''
lab.build("""
    FROM runtime-deps
    USER ${APP_UID:?}
""", name="fails-open")
''',
        '''
lab.build("""
    FROM ubuntu
    ENV APP_UID=4242
    RUN useradd --uid $APP_UID me
    USER $APP_UID:me
""", name="fails-open")
''',
    ),
    wrong=(
        Wrong(
            '''
lab.build("""
    FROM ubuntu
    USER ubuntu
""", name="fails-open")
''',
            "a name",
        ),
        Wrong(
            '''
lab.build("""
    FROM ubuntu
    USER $APP_UID:1654
""", name="fails-open")
''',
            "nothing before the colon",
        ),
        Wrong(
            '''
lab.build("""
    FROM ubuntu
    USER ${APP_UID:-0}
""", name="fails-open")
''',
            "the one of root",
        ),
        Wrong(
            '''
lab.build("""
    FROM ubuntu
    USER 4294967296
""", name="fails-open")
''',
            "the engine does not start it",
        ),
    ),
    check=_check_fails_open,
)


def _check_after_the_colon(world: World, answer: str) -> Assessment:
    if answer not in set(Cause) and answer != "runs":
        return not_right(f"{answer!r} is neither one of the causes nor 'runs'.")
    world.start.build("FROM runtime-chiseled\nUSER 1654:web", name="after-the-colon").expect()
    pod = world.start.pod("after-the-colon", pod={"runAsNonRoot": True}, command=["dotnet"], name="after-the-colon")
    if answer == str(pod.cause or "runs"):
        engine = world.start.run("after-the-colon", "dotnet")
        return passed(f"The pod runs, and the group is lost; the engine, which reads all of it, says {engine.cause}.")
    if answer == Cause.UNKNOWN_GROUP:
        return not_right("That is the engine's answer. In the cluster nobody gets to see what follows the colon.")
    if answer == Cause.IMAGE_USER_NOT_NUMERIC:
        return not_right("The kubelet does not say that: what it was given to look at is a number.")
    return not_right(f"The kubelet does not say {answer}. Which part of the user does it get to see?")


_AFTER_THE_COLON = Exercise(
    name="after-the-colon",
    kind="predict",
    answers=str,
    hints=(
        "Who tells the kubelet what an image's user is, and in which form: as text, or as a number?",
        "The runtime in the node reads the image's user up to the first colon and gives the kubelet that "
        "(containerd/containerd:internal/cri/server/images/image_status.go, getUserFromImage).",
        "So the kubelet sees 1654, a number, and nobody looks `web` up. What is left to refuse?",
    ),
    solution='prediction = "runs"',
    wrong=(
        Wrong('prediction = "unknown-group"', "the engine's answer"),
        Wrong('prediction = "image-user-not-numeric"', "is a number"),
        Wrong('prediction = "image-runs-as-root"', "Which part of the user"),
        Wrong('prediction = "it is refused"', "neither one of the causes"),
        Wrong("prediction = True", "a text in quotes is expected"),
    ),
    check=_check_after_the_colon,
)


_TRY_TO_WRITE = """
exec 2>/dev/null
id -u
test -x /app/aspnetapp || echo no program
touch /app/data/kept && echo kept
rm -f /app/data/kept
touch /app/planted && echo planted
test -w /app/aspnetapp && echo changeable
rm -f /app/aspnetapp && echo removed
"""


def _check_a_folder_to_write(world: World, _: Any) -> Assessment:
    image = world.look.image("notes")
    if image is None:
        return not_yet("There is no image notes: the cell was not run, or its build stopped; read what it said.")
    if problem := why_not_non_root(image.user):
        return not_right(problem)
    attempts = world.start.run("notes", ["sh", "-c", _TRY_TO_WRITE])
    if attempts.cause is not None:
        return not_right(f"The container does not start: {attempts.message}.")
    uid, *lines = attempts.stdout.splitlines()
    if "removed" in lines or "changeable" in lines:
        return not_right(f"As uid {uid} the app can replace its own program, and so can whoever breaks into it.")
    if "planted" in lines:
        return not_right(f"As uid {uid} the app can put new files beside its program; its data folder would do.")
    if "no program" in lines:
        return not_right("The app's program is not there any more, or that user may not run it.")
    if "kept" in lines:
        return passed(f"As uid {uid} the app writes to /app/data, and can neither add to /app nor replace its program.")
    folder = world.look.file("notes", "/app/data")
    if folder is None:
        return not_right("There is no /app/data, and the app cannot make it: the folder around it is not its own.")
    if (folder.uid, folder.gid, folder.mode) == (0, 0, "755") and uid == "1654":
        return not_yet("/app/data is still root's: the app, uid 1654, cannot write there.")
    return not_right(
        f"As uid {uid} the app cannot write to /app/data; it belongs to {folder.uid}:{folder.gid}, mode {folder.mode}."
    )


def _notes(*lines: str) -> str:
    text = "\n".join(f"    {line}" for line in ("FROM aspnetapp", *lines))
    return f'lab.build("""\n{text}\n""", name="notes")'


_A_FOLDER_TO_WRITE = Exercise(
    name="a-folder-to-write",
    kind="repair",
    hints=(
        "Who makes the folder while the image is built, and who wants to write to it later?",
        "Give away one folder, not the one around it: what the app may write should hold nothing that it runs.",
        "Add a `chown` of /app/data, and of nothing else, to the line that makes it.",
    ),
    solution=_notes("USER root", "RUN mkdir /app/data && chown $APP_UID /app/data", "USER $APP_UID"),
    others=(
        _notes("USER root", "RUN mkdir -m 1777 /app/data", "USER ${APP_UID:?}"),
        _notes("USER root", "RUN mkdir -m 770 /app/data && chgrp $APP_UID /app/data", "USER 1654"),
        _notes("USER root", "RUN mkdir /app/data && chown 4242 /app/data", "VOLUME /app/data", "USER 4242"),
    ),
    wrong=(
        Wrong(_notes("USER root", "RUN mkdir /app/data && chown -R $APP_UID /app", "USER $APP_UID"), "its own program"),
        Wrong(_notes("USER root", "RUN mkdir /app/data && chmod -R 777 /app", "USER $APP_UID"), "its own program"),
        Wrong(_notes("USER root", "RUN mkdir -m 777 /app/data && chmod 1777 /app", "USER $APP_UID"), "put new files"),
        Wrong(_notes("USER root", "RUN mkdir /app/data"), "would be root"),
        Wrong(_notes("USER root", "RUN mkdir /app/data", "USER $APP_UDI"), "has no user"),
        Wrong(_notes("USER root", "RUN mkdir /app/data && chown 1000 /app/data", "USER 1654"), "belongs to 1000:0"),
    ),
    check=_check_a_folder_to_write,
)


def _check_a_free_number(world: World, answer: int) -> Assessment:
    useradd = world.start.run("ubuntu", ["useradd", f"--uid={answer}", "me"])
    if useradd.exit_status:
        return not_right(f"useradd refuses: {useradd.output}.")
    if useradd.output:
        return not_right(f"useradd makes that user, and warns: {useradd.output}")
    world.start.build(f"FROM ubuntu\nRUN useradd --uid {answer} me\nUSER {answer}", name="a-free-number").expect()
    process = world.start.run("a-free-number", "id")
    return passed(f"useradd is content with it, and a process of that image says {process.output}.")


_A_FREE_NUMBER = Exercise(
    name="a-free-number",
    kind="choose",
    answers=int,
    hints=(
        "Which numbers has the image given away already? `lab.image` has its users.",
        "useradd reads the range of ordinary users from a file of the image, and grep can read it, too: "
        '`lab.run("ubuntu", "grep ^UID_M /etc/login.defs")`.',
        "Anything from 1001 to 60000 is free there.",
    ),
    solution="uid = 1654",
    others=("uid = 1001", "uid = 60000"),
    wrong=(
        Wrong("uid = 1000", "not unique"),
        Wrong("uid = 500", "outside of the UID_MIN"),
        Wrong("uid = 64198", "outside of the UID_MIN"),
        Wrong("uid = -1", "useradd refuses"),
        Wrong('uid = "1654"', "a whole number is expected"),
    ),
    check=_check_a_free_number,
)

EXERCISES = (_FAILS_OPEN, _AFTER_THE_COLON, _A_FOLDER_TO_WRITE, _A_FREE_NUMBER)
