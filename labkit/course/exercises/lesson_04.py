"""Exercises of 04-where-1654-comes-from."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from labkit.core.identity.ranges import range_of
from labkit.core.run_results import RunResult
from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging import breaks
from labkit.course.judging.assessment import Assessment, not_right, not_yet, passed
from labkit.course.judging.breaks import ImageBreak
from labkit.course.judging.demands import Demand, DemandCheck
from labkit.course.judging.image_demands import non_root_by_number, not_in_group_zero, stands_on
from labkit.course.judging.judged_image import JudgedImage, image_named
from labkit.course.world import World

# The same image, only that app's uid is another one.
_ANOTHER_UID = """
FROM runtime-deps
ENV APP_UID=4242
RUN sed -i s/1654/4242/g /etc/passwd /etc/group && chown -R 4242:4242 /home/app
"""


_TWO_SHELLS_GIVEN = ["echo", "uid $APP_UID"]


def _check_two_shells(world: World, command: object) -> Assessment:
    is_list = isinstance(command, list | tuple) and all(isinstance(word, str) for word in command)
    if not command or not (is_list or isinstance(command, str)):
        return not_right("A command is expected: a list of words, or one text.")
    argv = command if isinstance(command, str) else list(map(str, command))  # type: ignore[call-overload]
    with ThreadPoolExecutor() as pool:
        elsewhere = pool.submit(world.start.run, "debian", argv)
        changed = pool.submit(_run_with_another_uid, world, argv)
        return _assess_two_shells(
            world.start.run("runtime-deps", argv), elsewhere, changed, is_given=argv == _TWO_SHELLS_GIVEN
        )


def _run_with_another_uid(world: World, argv: str | list[str]) -> RunResult:
    world.start.build(_ANOTHER_UID, name="two-shells").expect()
    return world.start.run("two-shells", argv)


def _assess_two_shells(
    result: RunResult, elsewhere: Future[RunResult], changed: Future[RunResult], *, is_given: bool
) -> Assessment:
    if result.cause is not None:
        return not_right(f"Nothing ran in the container: {result.cause}, {result.message}.")
    if result.output == "uid $APP_UID":
        seen = "The container printed uid $APP_UID: nobody expanded the variable."
        return not_yet(seen) if is_given else not_right(seen)
    if result.output != "uid 1654":
        return not_right(f"It printed {result.output!r}, with exit status {result.exit_status}; uid 1654 was expected.")
    if elsewhere.result().stdout == "uid 1654":
        return not_right(
            "It prints uid 1654 on debian as well, which has no APP_UID: the number is in the command itself."
        )
    if changed.result().stdout == "uid 1654":
        return not_right("Where app has another uid it still prints uid 1654: the number is in the command itself.")
    return passed("The number was read in the container; on an image without APP_UID it is not printed.")


_TWO_SHELLS = Exercise(
    name="two-shells",
    kind="repair",
    answers=object,
    hints=(
        "Who expands a variable: docker, the program echo, or a shell?",
        "Start a shell in the container, and hand it the line with the variable as one word.",
        'The list has three words: "sh", "-c", and the whole line with echo in it.',
    ),
    solution='command = ["sh", "-c", "echo uid $APP_UID"]',
    others=(
        "command = \"sh -c 'echo uid $APP_UID'\"",
        # As it is typed, where the shell in front must not expand it.
        r'''command = r"""sh -c "echo uid \$APP_UID" """''',
        'command = ["sh", "-c", "echo uid $(id -u app)"]',
        """command = ["sh", "-c", 'printf "uid %s" "$(printenv APP_UID)"']""",
        'command = ("sh", "-c", "echo uid $APP_UID")',
        'command = ["sh", "-c", "echo uid $(stat -c %u /home/app)"]',
        """command = ["perl", "-e", 'print "uid $ENV{APP_UID}"']""",
    ),
    wrong=(
        Wrong('command = ["echo", "uid 1654"]', "the number is in the command"),
        Wrong('command = ["sh", "-c", "test $APP_UID && echo uid 1654"]', "still prints uid 1654"),
        Wrong('command = ["sh", "-c", "echo uid", "$APP_UID"]', "It printed 'uid'"),
        Wrong('command = ["echo uid $APP_UID"]', "command-not-found"),
        Wrong('command = ["printf", "uid $APP_UID"]', "nobody expanded the variable"),
        Wrong("command = 1654", "a list of words"),
    ),
    check=_check_two_shells,
)

_OFFERED = (999, 1000, 1654, 60000, 64198)
_TRY = 'for uid; do text=$(useradd --uid $uid user$uid 2>&1) || text="$text (refused)"; echo "$uid:$text"; done'


def _check_which_uids(world: World, answer: list[object]) -> Assessment:
    chosen = set(map(str, answer))
    stdout = world.start.run("ubuntu", ["sh", "-c", _TRY, "sh", *map(str, _OFFERED)]).expect().stdout
    complaints = {uid: text for uid, _, text in (line.partition(":") for line in stdout.splitlines())}
    if bad := next((uid for uid in complaints if uid in chosen and complaints[uid]), None):
        return not_right(f"Of {bad} useradd says: {complaints[bad]}")
    if left := [uid for uid in complaints if not complaints[uid] and uid not in chosen]:
        return not_right(f"useradd takes all that you chose, but you left out {len(left)} that it takes, too.")
    return passed(f"Made without a warning: {', '.join(sorted(chosen, key=int))}.")


_WHICH_UIDS = Exercise(
    name="which-uids",
    kind="choose",
    answers=list,
    choices=_OFFERED,
    hints=(
        "There are two ways for useradd to object: a number that is taken, and a number out of its range.",
        "Look at the table: which range is useradd's own? Its ends belong to it.",
        "Two are out of the range, and one is in it and has a user already.",
    ),
    solution="chosen = [1654, 60000]",
    wrong=(
        Wrong("chosen = [1000, 1654, 60000]", "UID 1000 is not unique"),
        Wrong("chosen = [1654]", "you left out 1"),
        Wrong("chosen = [1654, 60000, 64198]", "outside of the UID_MIN"),
        Wrong("chosen = [999, 1654, 60000]", "outside of the UID_MIN"),
        Wrong("chosen = [0, 1654]", "not one of the five"),
        Wrong("chosen = 1654", "a list is expected"),
        Wrong("chosen = []", "The list is empty"),
    ),
    check=_check_which_uids,
)


_OWN_USER_STEPS = 5  # two of them are labels


def _own_user_as_given(image: JudgedImage) -> str | None:
    if image.is_edited("own-user/Dockerfile"):
        return None
    if not image.stopped_at(_OWN_USER_STEPS, "RUN useradd --uid 1000 worker"):
        return None
    return f"There is no image own-user: its build stops before the end. {image.why_it_stopped}"


def _is_not_worker(image: JudgedImage) -> str | None:
    worker = next((user for user in image.facts.users if user.name == "worker"), None)
    uid = image.identity.uid
    if worker is None:
        return f"It runs as {uid}, but no line of its passwd file is worker's."
    return None if worker.uid == uid else f"It runs as {uid}, but worker is uid {worker.uid}."


def _shares_its_uid(image: JudgedImage) -> str | None:
    uid = image.identity.uid
    names = [user.name for user in image.facts.users if user.uid == uid]
    return (
        None if len(names) < 2 else f"Uid {uid} has two names now, {' and '.join(names)}: to the kernel they are one."
    )


def _is_reserved(image: JudgedImage) -> str | None:
    place = range_of(image.identity.uid)
    return None if place.is_free else f"Uid {image.identity.uid} lies in the range {place.name}: {place.purpose}."


_SECOND_NAME = ImageBreak(
    "a second name for it", ("USER 0", "RUN useradd --non-unique --uid {uid} second", "USER {uid}")
)
_RESERVED_UID = ImageBreak("a reserved uid", ("USER 0", "RUN usermod --uid 64198 worker", "USER 64198"))

_CHECK_OWN_USER = DemandCheck(
    look=image_named("own-user"),
    as_given=_own_user_as_given,
    demands=(
        non_root_by_number("the kubelet would let it pass"),
        stands_on("from `ubuntu`", "ubuntu"),
        Demand("worker", "runs as a user `worker`", _is_not_worker, (breaks.ANOTHER_UID,)),
        Demand("alone", "a uid that is worker's alone", _shares_its_uid, (_SECOND_NAME,)),
        Demand("range", "in no reserved range", _is_reserved, (_RESERVED_UID,)),
        not_in_group_zero("a group other than 0"),
    ),
    praise=lambda image: (
        f"It runs as uid {image.identity.uid}, {image.identity.user}, in group {image.identity.gid}: all its own."
    ),
)

_OWN_USER = Exercise(
    name="own-user",
    kind="build",
    file="own-user/Dockerfile",
    hints=(
        "What does useradd say, and who has the number already?",
        "Either take another number of the regular range, or take the number away from the user who has it.",
        "Any uid from 1001 to 60000 will do, once in useradd and once in USER.",
    ),
    solution='''
lab.build("""
FROM ubuntu
RUN useradd --uid 1654 worker
USER 1654
""", name="own-user")
''',
    others=(
        '''
lab.build("""
FROM ubuntu
RUN userdel ubuntu && useradd --uid 1000 worker
USER 1000
""", name="own-user")
''',
        '''
lab.build("""
FROM ubuntu
RUN useradd --uid 20000 --user-group worker
USER 20000:20000
""", name="own-user")
''',
    ),
    wrong=(
        Wrong(
            'lab.build("FROM ubuntu\\nRUN useradd --non-unique --uid 1000 worker\\nUSER 1000", name="own-user")',
            "has two names now",
        ),
        Wrong(
            'lab.build("FROM ubuntu\\nRUN useradd --uid 1654 worker\\nUSER worker", name="own-user")',
            "a name; the kubelet",
        ),
        Wrong('lab.build("FROM ubuntu\\nRUN useradd --uid 1654 worker", name="own-user")', "The image has no user"),
        Wrong('lab.build("FROM ubuntu\\nUSER 1654", name="own-user")', "no line of its passwd file"),
        # Changed below the step at which it stops.
        Wrong(
            'lab.build("FROM ubuntu\\nRUN useradd --uid 1000 worker\\nUSER 1654", name="own-user")',
            "Your last build stopped",
        ),
        Wrong('lab.build("FROM ubuntu\\nRUN useradd worker\\nUSER 1000", name="own-user")', "worker is uid 1001"),
        Wrong(
            'lab.build("FROM ubuntu\\nRUN useradd --uid 64198 worker\\nUSER 64198", name="own-user")',
            "the range dynamic",
        ),
        Wrong(
            'lab.build("FROM ubuntu\\nRUN useradd --uid 1654 worker\\nUSER 1654:0", name="own-user")',
            "in group 0",
        ),
        Wrong(
            'lab.build("FROM debian\\nRUN useradd --uid 1000 worker\\nUSER 1000", name="own-user")',
            "base is not ubuntu any more",
        ),
        Wrong(
            'lab.build("FROM ubuntu\\nRUN useradd --uid 1654 --gid 0 worker\\nUSER 1654", name="own-user")',
            "in group 0",
        ),
    ),
    check=_CHECK_OWN_USER,
)

EXERCISES = (_TWO_SHELLS, _OWN_USER, _WHICH_UIDS)
