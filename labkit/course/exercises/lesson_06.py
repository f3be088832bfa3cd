"""Exercises of 06-chiseled-images."""

from __future__ import annotations

from typing import Any

from labkit.core.identity.answers import explain_in_engine
from labkit.core.identity.model import Identity, Image
from labkit.course.exercise import Assessment, Exercise, Wrong, not_right, not_yet, passed
from labkit.course.users import why_not_non_root
from labkit.course.world import World
from labkit.lab.samples.image_facts import FileFact, ImageFacts

_NO_IMAGE = "There is no image {}: the cell was not run, or its build stopped; read what it said."
_OWNER, _GROUP, _OTHERS = 0o300, 0o030, 0o003


def _runs_as(image: ImageFacts) -> Identity | None:
    """As whom the engine would run an image; None if it would refuse."""
    return explain_in_engine(Image(image.user, image.passwd, image.group)).runs_as


def _may_write(process: Identity, folder: FileFact) -> bool:
    """Whether a process without capabilities may make files in a folder (path_resolution(7), permissions).

    The first class that fits decides: the owner, else the group, else the others.
    """
    groups = {process.gid, *process.groups}
    needed = _OWNER if process.uid == folder.uid else _GROUP if folder.gid in groups else _OTHERS
    return int(folder.mode, 8) & needed == needed


def _check_lost_on_the_way(world: World, _: Any) -> Assessment:
    image = world.look.image("lost-on-the-way")
    if image is None:
        return not_yet(_NO_IMAGE.format("lost-on-the-way"))
    if image.shell:
        return not_right("The finished image has a shell: it does not stand on the chiseled base any more.")
    if problem := why_not_non_root(image.user):
        return not_right(problem)
    process, folder = _runs_as(image), world.look.file("lost-on-the-way", "/data")
    if process is None:
        return not_right(f'Config.User is "{image.user}", and the engine cannot resolve it.')
    if folder is None:
        return not_right("There is no /data in the finished image.")
    owner = f"/data belongs to {folder.uid}:{folder.gid}, mode {folder.mode}"
    if _may_write(process, folder):
        return passed(f"{owner}, and the app runs as uid {process.uid}, gid {process.gid}: it may write there.")
    if folder.uid == 0:
        return not_yet(f"{owner}: it is still root's, whoever owned it in the stage before.")
    return not_right(f"{owner}, and the app runs as uid {process.uid}, gid {process.gid}: it may not write there.")


_LOST_ON_THE_WAY = Exercise(
    name="lost-on-the-way",
    kind="repair",
    hints=(
        'Who owns the folder in the finished image? `lab.file("lost-on-the-way", "/data")` says it.',
        "COPY makes a new folder, owned by root. It has an option that sets the owner.",
        "`COPY --from=prepared --chown=...`, with the number that the base runs as.",
    ),
    solution='''
lab.build("""
    FROM debian AS prepared
    RUN mkdir /data
    FROM runtime-chiseled
    COPY --from=prepared --chown=1654 /data /data
""", name="lost-on-the-way")
''',
    others=(
        '''
lab.build("""
    FROM debian AS prepared
    RUN mkdir -p /new/data && chown 1654:1654 /new/data && chmod 700 /new/data
    FROM runtime-chiseled
    COPY --from=prepared /new /
""", name="lost-on-the-way")
''',
        '''
lab.build("""
    FROM debian AS prepared
    RUN mkdir /data
    FROM runtime-chiseled
    COPY --from=prepared --chown=4242:4242 /data /data
    USER 4242
""", name="lost-on-the-way")
''',
    ),
    wrong=(
        Wrong(
            '''
lab.build("""
    FROM debian AS prepared
    RUN mkdir /data && chown 1654 /data
    FROM runtime-chiseled
    COPY --from=prepared /data /data
    USER 0
""", name="lost-on-the-way")
''',
            "the one of root",
        ),
        Wrong(
            '''
lab.build("""
    FROM debian
    RUN mkdir /data && chown 1654 /data
    USER 1654
""", name="lost-on-the-way")
''',
            "has a shell",
        ),
        Wrong(
            '''
lab.build("""
    FROM debian AS prepared
    RUN mkdir /data
    FROM runtime-chiseled
    COPY --from=prepared --chown=1000 /data /data
""", name="lost-on-the-way")
''',
            "belongs to 1000",
        ),
    ),
    check=_check_lost_on_the_way,
)


def _check_two_things_wrong(world: World, answer: int) -> Assessment:
    result = world.start.run("runtime-chiseled", "sh", user="rich")
    if answer == result.exit_status:
        return passed(f"{result.cause}: the engine looks the user up before it has the runtime look for the program.")
    if answer == 127:
        return not_right("127 is for a program that was looked for and not found. Did anybody get so far?")
    if answer == 126:
        return not_right("126 is for a program that is there and may not be run; here there is no such program.")
    return not_right(
        f"It does not end with {answer}: no program ran that could have ended so; the engine or the runtime said no."
    )


_TWO_THINGS_WRONG = Exercise(
    name="two-things-wrong",
    kind="predict",
    answers=int,
    hints=(
        "Which of the two is looked up first, the user or the program?",
        "A process is someone's before it runs anything: the engine resolves the user when it prepares the container.",
        "125 is the engine's own no, 126 is *may not run*, 127 is *not found*.",
    ),
    solution="prediction = 125",
    wrong=(
        Wrong("prediction = 127", "looked for and not found"),
        Wrong("prediction = 126", "may not be run"),
        Wrong("prediction = 1", "no program ran"),
        Wrong('prediction = "127"', "a whole number is expected"),
    ),
    check=_check_two_things_wrong,
)

_WAYS = ("app", "image", "passwd", "whoami")


def _check_who_really(world: World, answer: str) -> Assessment:
    if answer not in _WAYS:
        return not_right(f"{answer!r} is not one of {', '.join(_WAYS)}.")
    world.start.publish("-p:ContainerFamily=noble-chiseled", name="who-really")
    greeting = world.start.run("who-really", user="root").output
    image = world.look.image("who-really")
    assert image is not None  # it was published just now
    if answer == "whoami":
        whoami = world.start.run("who-really", "whoami", user="root")
        return not_right(f"It ends with {whoami.exit_status}, {whoami.cause}: nothing is there that could answer.")
    if answer == "image":
        return not_right(f'The image says "{image.user}" and the process says "{greeting}": somebody chose otherwise.')
    if answer == "passwd":
        names = " and ".join(user.name for user in image.users)
        return not_right(f"The file names {names}: who there could be, and not which of them it is.")
    return passed(f'"{greeting}", it says, while the image says "{image.user}": ask the process itself.')


_WHO_REALLY = Exercise(
    name="who-really",
    kind="choose",
    answers=str,
    hints=(
        "Which of the four would say something else if nobody had asked for root?",
        "Two of them look at the image, which is the same for every container of it; one needs a program.",
        "What is left is the one program that is in the image.",
    ),
    solution='way = "app"',
    wrong=(
        Wrong('way = "image"', "somebody chose otherwise"),
        Wrong('way = "whoami"', "command-not-found"),
        Wrong('way = "passwd"', "root and app"),
        Wrong('way = "docker"', "not one of app"),
        Wrong("way = 4", "a text in quotes is expected"),
    ),
    check=_check_who_really,
)


def _check_from_scratch(world: World, _: Any) -> Assessment:
    image = world.look.image("from-scratch")
    if image is None:
        return not_yet(_NO_IMAGE.format("from-scratch"))
    if not image.user:
        return not_yet("The newest image from-scratch has no user, so it is root; the other image's user is lost.")
    if problem := why_not_non_root(image.user):
        return not_right(problem)
    if image.shell:
        return not_right("It has a user, and a shell as well: it is not that small image any more.")
    if world.look.file("from-scratch", "/app/aspnetapp") is None:
        return not_right("It has a user, and the app is gone.")
    process = _runs_as(image)
    if process is None:
        return not_right(f'Config.User is "{image.user}", and the engine cannot resolve it.')
    if process.user is None:
        line = "has no line for it" if image.passwd is not None else "is not there"
        return not_right(
            f"It runs as uid {process.uid}, gid {process.gid}, home {process.home}: the image's passwd file {line}."
        )
    return passed(
        f"It runs as uid {process.uid}, whose name there is {process.user}, in group {process.gid}; a pod may insist."
    )


def _from_scratch(*lines: str) -> str:
    text = "\n".join(f"    {line}" for line in ("FROM aspnetapp-chiseled AS built", *lines))
    return f'lab.build("""\n{text}\n    ENTRYPOINT ["/app/aspnetapp"]\n""", name="from-scratch")'


_FROM_SCRATCH = Exercise(
    name="from-scratch",
    kind="repair",
    hints=(
        "What does COPY bring from another stage: files, or also what `docker inspect` shows?",
        "USER and ENV are metadata of the stage that has them. `FROM scratch` begins with neither.",
        "Say the number again in the last stage. `$APP_UID` would be empty there; why?",
    ),
    solution=_from_scratch("FROM scratch", "COPY --from=built / /", "USER 1654"),
    others=(
        _from_scratch("FROM scratch", "COPY --from=built / /", "ENV APP_UID=1654", "USER $APP_UID"),
        _from_scratch("FROM built"),
    ),
    wrong=(
        Wrong(_from_scratch("FROM scratch", "COPY --from=built / /", "USER app"), "a name"),
        Wrong(_from_scratch("FROM scratch", "COPY --from=built /app /app", "USER 1654"), "is not there"),
        Wrong(_from_scratch("FROM scratch", "COPY --from=built / /", "USER 65532"), "has no line for it"),
        Wrong(_from_scratch("FROM debian", "COPY --from=built /app /app", "USER 1654"), "a shell as well"),
    ),
    check=_check_from_scratch,
)

EXERCISES = (_TWO_THINGS_WRONG, _WHO_REALLY, _LOST_ON_THE_WAY, _FROM_SCRATCH)
