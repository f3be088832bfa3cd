"""Exercises of 06-chiseled-images."""

from __future__ import annotations

import re

from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging import breaks
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.image_demands import (
    describe,
    may_write,
    non_root_by_number,
    not_root,
    same_program,
    stands_on,
    starts,
)
from labkit.course.judging.judged_image import JudgedImage, image_named
from labkit.course.judging.program_demands import no_shell, starts_app
from labkit.course.world import World

# As the classic builder has it, with the digest of what it copied, and as BuildKit has it.
_COPIED = re.compile(r"COPY (dir:[0-9a-f]+ in|/data) /data")


def _lost_as_given(image: JudgedImage) -> str | None:
    if image.facts_or_none is None or image.is_edited("lost-on-the-way/Dockerfile"):
        return None
    *before, last = ("", *image.instructions)
    if tuple(before[1:]) != image.world.look.instructions("runtime-chiseled") or not _COPIED.fullmatch(last):
        return None
    folder = image.tree.entry("/data")
    if folder is None or (folder.uid, folder.gid, folder.mode) != (0, 0, 0o755):
        return None
    return f"{describe(image, '/data')}: it is still root's, whoever owned it in the stage before."


_CHECK_LOST_ON_THE_WAY = DemandCheck(
    look=image_named("lost-on-the-way"),
    ahead=lambda image, pool: image.begin(pool, starts=()),
    as_given=_lost_as_given,
    demands=(
        stands_on("still on the chiseled base", "runtime-chiseled"),
        not_root("as non-root"),
        may_write("the app must be able to write to `/data`", "/data"),
    ),
    praise=lambda image: (
        f"{describe(image, '/data')}, and the app runs as uid {image.identity.uid}, gid {image.identity.gid}: "
        "it may write there."
    ),
)


_LOST_ON_THE_WAY = Exercise(
    name="lost-on-the-way",
    kind="repair",
    file="lost-on-the-way/Dockerfile",
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
        # The task asks for non-root, and for no number.
        '''
lab.build("""
    FROM debian AS prepared
    RUN mkdir /data
    FROM runtime-chiseled
    COPY --from=prepared --chown=1654 /data /data/
    USER app
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
            "It runs as root",
        ),
        Wrong(
            '''
lab.build("""
    FROM debian AS prepared
    RUN touch /data
    FROM runtime-chiseled
    COPY --from=prepared --chown=1654 /data /data
""", name="lost-on-the-way")
''',
            "it is not a folder",
        ),
        # It is as it was, once more by another way.
        Wrong(
            '''
lab.build("""
    FROM debian AS prepared
    RUN mkdir /data && chown 1654 /data
    FROM runtime-chiseled
    COPY --from=prepared /data /data
    USER $APP_UID
""", name="lost-on-the-way")
''',
            "belongs to 0:0",
        ),
        # Only the first stage is another one, and what comes of it is the same.
        Wrong(
            '''
lab.build("""
    FROM debian AS prepared
    RUN mkdir /data && chown 1654:1654 /data && ls -l /data
    FROM runtime-chiseled
    COPY --from=prepared /data /data
""", name="lost-on-the-way")
''',
            "belongs to 0:0",
        ),
        # COPY follows the link that it is given, and makes a folder of root's.
        Wrong(
            '''
lab.build("""
    FROM debian AS prepared
    RUN mkdir /real && ln -s /real /data
    FROM runtime-chiseled
    COPY --from=prepared --chown=1654 /real /real
    COPY --from=prepared /data /data
""", name="lost-on-the-way")
''',
            "belongs to 0:0",
        ),
        # The group is the app's own, and the mode gives it nothing.
        Wrong(
            '''
lab.build("""
    FROM debian AS prepared
    RUN mkdir /data
    FROM runtime-chiseled
    COPY --from=prepared --chown=0:1654 /data /data
""", name="lost-on-the-way")
''',
            "belongs to 0:1654, mode 755",
        ),
        Wrong(
            '''
lab.build("""
    FROM debian
    RUN mkdir /data && chown 1654 /data
    USER 1654
""", name="lost-on-the-way")
''',
            "base is not runtime-chiseled any more",
        ),
        Wrong(
            '''
lab.build("""
    FROM debian AS prepared
    RUN mkdir /data && chown 1654 /data
    FROM scratch
    COPY --from=prepared /data /data
    USER 1654
""", name="lost-on-the-way")
''',
            "base is not runtime-chiseled any more",
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
    check=_CHECK_LOST_ON_THE_WAY,
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

_PROGRAM = "/app/aspnetapp"
_WAYS = ("app", "image", "passwd", "whoami")


def _check_who_really(world: World, answer: str) -> Assessment:
    world.start.publish("-p:ContainerFamily=noble-chiseled", name="who-really")
    greeting = world.start.run("who-really", user="root").stdout
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
    choices=_WAYS,
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
        Wrong('way = "docker"', "not one of the four: app"),
        Wrong("way = 4", "a string in quotes is expected"),
    ),
    check=_check_who_really,
)


# The classic builder names what it copied by a digest, BuildKit by its path.
_ALL_COPIED = re.compile(r"COPY (\S+:[0-9a-f]+ in|/) /")


def _from_scratch_as_given(image: JudgedImage) -> str | None:
    made = image.instructions if image.facts_or_none is not None else ()
    if image.is_edited("from-scratch/Dockerfile"):
        return None
    if len(made) != 2 or not _ALL_COPIED.fullmatch(made[0]) or made[1] != f'ENTRYPOINT ["{_PROGRAM}"]':
        return None
    return "The image from-scratch has no user, so it is root; the other image's user is lost."


def _has_no_line(image: JudgedImage) -> str | None:
    process, passwd = image.identity, image.facts.passwd
    if process.user is not None:
        return None
    line = "has no line for it" if passwd is not None else "is not there"
    return f"It runs as uid {process.uid}, gid {process.gid}, home {process.home}: the image's passwd file {line}."


_CHECK_FROM_SCRATCH = DemandCheck(
    look=image_named("from-scratch"),
    ahead=JudgedImage.begin,
    as_given=_from_scratch_as_given,
    demands=(
        non_root_by_number("non-root by a number"),
        no_shell("without a shell"),
        same_program("with the app", _PROGRAM, "aspnetapp-chiseled"),
        Demand("known", "a number that its passwd file knows", _has_no_line, (breaks.ANOTHER_UID,)),
        starts("with the app", program=_PROGRAM, also=(breaks.ANOTHER_PROGRAM,)),
        starts_app("with the app", _PROGRAM, "aspnetapp-chiseled"),
    ),
    praise=lambda image: (
        f"It runs as uid {image.identity.uid}, whose name there is {image.identity.user}, "
        f"in group {image.identity.gid}; a pod may insist."
    ),
)


def _from_scratch(*lines: str, entrypoint: str = 'ENTRYPOINT ["/app/aspnetapp"]') -> str:
    text = "\n".join(f"    {line}" for line in ("FROM aspnetapp-chiseled AS built", *lines, entrypoint))
    return f'lab.build("""\n{text}\n""", name="from-scratch")'


_FROM_SCRATCH = Exercise(
    name="from-scratch",
    kind="repair",
    file="from-scratch/Dockerfile",
    hints=(
        "What does COPY bring from another stage: files, or also what `docker inspect` shows?",
        "USER and ENV are metadata of the stage that has them. `FROM scratch` begins with neither.",
        "Say the number again in the last stage. `$APP_UID` would be empty there; why?",
    ),
    solution=_from_scratch("FROM scratch", "COPY --from=built / /", "USER 1654"),
    others=(
        _from_scratch("FROM scratch", "COPY --from=built / /", "ENV APP_UID=1654", "USER $APP_UID"),
        _from_scratch("FROM built"),
        _from_scratch("FROM scratch", "COPY --from=built / /", "USER 1654", entrypoint='CMD ["/app/aspnetapp"]'),
    ),
    wrong=(
        Wrong(_from_scratch("FROM scratch", "COPY --from=built / /", "USER app"), "a name"),
        # A user in the stage that is left behind.
        Wrong(_from_scratch("USER 1654", "FROM scratch", "COPY --from=built / /"), "has no user"),
        Wrong(_from_scratch("FROM scratch", "COPY --from=built /app /app", "USER 1654"), "is not there"),
        Wrong(_from_scratch("FROM scratch", "COPY --from=built / /", "USER 65532"), "has no line for it"),
        Wrong(_from_scratch("FROM scratch", "COPY --from=built / /", "USER 1654", entrypoint=""), "does not start"),
        Wrong(
            _from_scratch("FROM scratch", "COPY --from=built / /", "USER 1654", entrypoint='ENTRYPOINT ["/aspnetapp"]'),
            "does not start",
        ),
        # Another program in the app's place.
        Wrong(
            _from_scratch(
                "FROM scratch",
                "COPY --from=built / /",
                "COPY --from=debian /usr/bin/sleep /app/aspnetapp",
                "USER 1654",
                entrypoint='ENTRYPOINT ["/app/aspnetapp", "100"]',
            ),
            "is another file than that of aspnetapp-chiseled",
        ),
        Wrong(
            _from_scratch("FROM scratch", "COPY --from=built / /", "COPY --from=debian /bin/sh /opt/sh", "USER 1654"),
            "has a shell, /opt/sh",
        ),
        Wrong(_from_scratch("FROM scratch", "COPY --from=built / /", "USER 00"), "the one of root"),
        Wrong(_from_scratch("FROM scratch", "COPY --from=built / /", "ENV APP_UID=1654"), "has no user"),
        Wrong(_from_scratch("FROM debian", "COPY --from=built /app /app", "USER 1654"), "has a shell"),
    ),
    check=_CHECK_FROM_SCRATCH,
)

EXERCISES = (_TWO_THINGS_WRONG, _WHO_REALLY, _LOST_ON_THE_WAY, _FROM_SCRATCH)
