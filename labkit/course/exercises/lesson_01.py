"""Exercises of 01-threat-model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from labkit.course.exercise import Exercise, Wrong
from labkit.course.judging import breaks
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.judging.breaks import ImageBreak
from labkit.course.judging.demands import DemandCheck
from labkit.course.judging.image_demands import may_not_replace, not_root, same_program, starts
from labkit.course.judging.judged_image import JudgedImage, image_named
from labkit.course.judging.program_demands import keeps_its_program, no_way_to_root, starts_app
from labkit.course.world import World
from labkit.threat.evidence import Cell
from labkit.threat.judge import Verdict
from labkit.threat.postures import Posture, find_posture
from labkit.threat.probes import find_probe

_HOLE = ("write-volume-root", "write-volume-shared", "change-owner", "raw-socket", "ptrace-neighbour")
_MIXED = ("setuid-helper", "read-shadow", "engine-socket", "write-proc-sys", "install-package")


def _check_through_the_hole(world: World, answer: list[object]) -> Assessment:
    cells = world.start.probe("rce-app", *_HOLE)
    for cell in cells:
        if cell.probe in answer and cell.verdict is not Verdict.COULD:
            return not_right(
                f"{cell.probe} {cell.full_verdict} ({cell.reason}). What decides: {find_probe(cell.probe).rule}"
            )
    missing = [cell for cell in cells if cell.verdict is Verdict.COULD and cell.probe not in answer]
    if missing:
        return not_right(
            f"All five were tried as uid 1654, and {len(missing)} more could. Not every rule asks for root."
        )
    return passed("; ".join(f"{cell.probe} {cell.full_verdict}" for cell in cells))


_THROUGH_THE_HOLE = Exercise(
    name="through-the-hole",
    kind="predict",
    answers=list,
    choices=_HOLE,
    hints=(
        "Which of the five needs a piece of root's power, and which only the right owner or group?",
        '`lab.threats.describe("write-volume-shared").rule` names what decides; look at the rule of each. '
        'And what did `app.send("id")` say of the groups?',
        "Two of them could: one asks for the group 2000, the other for a process of the same uid.",
    ),
    solution='prediction = ["write-volume-shared", "ptrace-neighbour"]',
    others=('prediction = ["ptrace-neighbour", "write-volume-shared"]',),
    wrong=(
        Wrong("prediction = []", "The list is empty"),
        Wrong('prediction = ["write-volume-shared"]', "1 more could. Not every rule asks for root"),
        Wrong('prediction = ["write-volume-shared", "ptrace-neighbour", "raw-socket"]', "CAP_NET_RAW"),
        Wrong('prediction = ["write-volume-root", "ptrace-neighbour"]', "could not: DAC"),
        Wrong('prediction = ["mount"]', "not one of the five"),
        Wrong('prediction = "ptrace-neighbour"', "a list is expected"),
    ),
    check=_check_through_the_hole,
)


def _check_inside_or_out(_: World, answer: list[object]) -> Assessment:
    for name in _MIXED:
        probe = find_probe(name)
        if probe.threat == "rce" and name in answer:
            return not_right(f"{name} changes nothing outside of the container. It gives: {probe.meaning}")
    missing = [name for name in _MIXED if find_probe(name).threat == "breakout" and name not in answer]
    if missing:
        return not_right(
            f"{len(missing)} more of the five would reach something that is not the container's own. "
            "Ask of each: whose is it, if it works?"
        )
    return passed(
        "The engine and the kernel's settings are the machine's. All else stays in the container, root or not."
    )


_INSIDE_OR_OUT = Exercise(
    name="inside-or-out",
    kind="choose",
    answers=list,
    choices=_MIXED,
    hints=(
        "If it works: is what was read or changed the container's own, or the machine's?",
        "/etc/shadow here is the image's file, and root in the container is not root of the machine.",
        "Two lead out: one asks the engine, the other sets what the kernel does for everybody.",
    ),
    solution='leads_out = ["engine-socket", "write-proc-sys"]',
    others=('leads_out = ["write-proc-sys", "engine-socket"]',),
    wrong=(
        Wrong(
            'leads_out = ["setuid-helper", "engine-socket", "write-proc-sys"]', "setuid-helper changes nothing outside"
        ),
        Wrong('leads_out = ["engine-socket", "read-shadow", "write-proc-sys"]', "read-shadow changes nothing outside"),
        Wrong('leads_out = ["engine-socket"]', "1 more of the five"),
        Wrong('leads_out = ["breakout"]', "not one of the five"),
    ),
    check=_check_inside_or_out,
)


def _but_for_the_user(posture: Posture) -> Posture:
    """A posture without what tells root from uid 1654: the images of the two differ in their USER alone."""
    return replace(posture, name="", title="", user=None, image=posture.image.removesuffix("-root"))


def _is_uid_1654(posture: Posture) -> bool:
    """Whether it runs as the uid of .NET's images: their own USER, or the posture's."""
    return not posture.is_root and (posture.user is None or posture.user.partition(":")[0] == "1654")


def _pairs(rows: Sequence[Cell]) -> Iterator[tuple[Cell, Cell]]:
    """What root could and uid 1654, in the same posture but for the user, could not."""
    for first, second in itertools.product(rows, rows):
        as_root, as_user = find_posture(first.posture), find_posture(second.posture)
        is_same = (first.probe, first.where) == (second.probe, second.where)
        is_alike = _but_for_the_user(as_root) == _but_for_the_user(as_user)
        differ = (first.verdict, second.verdict) == (Verdict.COULD, Verdict.COULD_NOT)
        if is_same and is_alike and differ and as_root.is_root and _is_uid_1654(as_user):
            yield first, second


def _check_evidence(world: World, rows: list[object]) -> Assessment:
    cells = [row for row in rows if isinstance(row, Cell)]
    if len(cells) < len(rows) or not rows:
        return not_right('A list of cells is expected, such as lab.threats.probe("rce-root", "mount")["mount"].')
    pairs = {as_root.probe: (as_root, as_user) for as_root, as_user in _pairs(cells)}
    if not pairs:
        return not_right(
            f"{len(cells)} rows, and none of them shows what the user changes. That takes two rows of one probe, "
            "in two postures that differ in the user alone: the first, root, could, the second, uid 1654, could not."
        )
    if len(pairs) < 3:
        return not_right(f"The user makes the difference for {', '.join(pairs)}. Three probes are needed.")
    mine = {cell.key: cell for cell in cells}
    for where in dict.fromkeys(cell.where for cell in mine.values()):
        there = [cell for cell in mine.values() if cell.where == where]
        # All of them, whatever they show; side by side, because nobody wants to wait for a check.
        again = world.start.matrix([cell.posture for cell in there], [cell.probe for cell in there], where)
        for was in there:
            now = again.cell(*was.key)
            if now is None or now.full_verdict != was.full_verdict:
                result = now.full_verdict if now else "was not tried"
                return not_right(
                    f"Tried again, {was.probe} in {was.posture} {result}; your row says {was.full_verdict}."
                )
    return passed(f"Tried again just now, and each row holds: {', '.join(pairs)}.")


_EVIDENCE = Exercise(
    name="evidence",
    kind="build",
    answers=list,
    hints=(
        "Which probes ask for the owner of a file, or for a capability? Those are where root differs.",
        '`lab.threats.probe("rce-root", "raw-socket", ...)` gives a row for each probe. Which posture is the same '
        "app, only not as root?",
        'Take "raw-socket", "change-owner" and "change-root" in rce-root and in rce-app; '
        "`[*as_root, *as_user]` makes one list of both.",
    ),
    solution="""
names = ["raw-socket", "change-owner", "change-root"]
rows = [*lab.threats.probe("rce-root", *names), *lab.threats.probe("rce-app", *names)]
""",
    others=(
        """
names = ["write-volume-root", "make-device", "kill-other-user", "write-tmp"]
rows = [*lab.threats.probe("app-default", *names), *lab.threats.probe("root-default", *names)]
""",
    ),
    wrong=(
        Wrong('rows = list(lab.threats.probe("rce-app", "raw-socket", "change-owner", "mount"))', "none of them shows"),
        Wrong(
            """
names = ["write-tmp", "listen-80", "mount"]
rows = [*lab.threats.probe("rce-root", *names), *lab.threats.probe("rce-app", *names)]
""",
            "none of them shows",
        ),
        Wrong(
            """
names = ["raw-socket", "write-tmp", "listen-80"]
rows = [*lab.threats.probe("rce-root", *names), *lab.threats.probe("rce-app", *names)]
""",
            "the difference for raw-socket",
        ),
        # Two things differ between these postures, so that nobody knows which of them said no.
        Wrong(
            """
names = ["write-tmp", "plant-system-file", "read-shadow"]
rows = [*lab.threats.probe("root-default", *names), *lab.threats.probe("app-restricted", *names)]
""",
            "differ in the user alone",
        ),
        # This posture runs as uid 4242, with root's group.
        Wrong(
            """
names = ["change-owner", "raw-socket", "make-device"]
rows = [*lab.threats.probe("root-default", *names), *lab.threats.probe("unknown-gid-0", *names)]
""",
            "the second, uid 1654, could not",
        ),
        Wrong('rows = ["raw-socket", "change-owner", "change-root"]', "A list of cells"),
        Wrong(
            """
from dataclasses import replace
from labkit.threat.judge import Control, Verdict
names = ["raw-socket", "change-owner", "write-tmp"]
as_root, as_user = lab.threats.probe("rce-root", *names), lab.threats.probe("rce-app", *names)
rows = [*as_root, *(replace(cell, verdict=Verdict.COULD_NOT, control=Control.DAC) for cell in as_user)]
""",
            "Tried again",
        ),
        # Three right pairs, and one row more that was written by hand.
        Wrong(
            """
from dataclasses import replace
from labkit.threat.judge import Control, Verdict
names = ["raw-socket", "change-owner", "change-root"]
extra = replace(lab.threats.probe("rce-app", "write-tmp")["write-tmp"], verdict=Verdict.COULD_NOT, control=Control.DAC)
rows = [*lab.threats.probe("rce-root", *names), *lab.threats.probe("rce-app", *names), extra]
""",
            "Tried again, write-tmp in rce-app could",
        ),
    ),
    check=_check_evidence,
)

_PROGRAM = "/app/rce-app"


def _whose_files_as_given(image: JudgedImage) -> str | None:
    if not image.is_built_by("rce-app", "RUN chown -R 1654 /app", "USER 1654"):
        return None
    return "The app runs as uid 1654, and the attacker still replaces it: the files are 1654's own."


_ENDS = ImageBreak("another program that ends", ('ENTRYPOINT ["/bin/true"]',))
_NOT_THE_APP = (_ENDS, breaks.ANOTHER_PROGRAM)

_CHECK_WHOSE_FILES = DemandCheck(
    look=image_named("our-app"),
    ahead=JudgedImage.begin,
    as_given=_whose_files_as_given,
    demands=(
        not_root("as a user who is not root"),
        same_program("must start as before", _PROGRAM, "rce-app"),
        starts("must start as before", program=_PROGRAM, also=_NOT_THE_APP),
        starts_app("must start as before", _PROGRAM, "rce-app", also=_NOT_THE_APP),
        may_not_replace("must not be able to replace its program", _PROGRAM),
        keeps_its_program("must not be able to replace its program", _PROGRAM),
        no_way_to_root("must not be able to replace its program", "rce-app", program=_PROGRAM),
    ),
    praise=lambda image: f"The app starts as uid {image.identity.uid}, and uid {image.identity.uid} cannot replace it.",
)

_WHOSE_FILES = Exercise(
    name="whose-files",
    kind="repair",
    hints=(
        "Whose are the files in /app, and as whom does the app run? What may an owner do with the mode of a file?",
        "The app needs to read and to start its files, not to own them. In rce-app they are root's.",
        "Two lines are enough: FROM rce-app, and a USER that is neither root nor the owner.",
    ),
    solution='''
lab.build("""
FROM rce-app
USER 1654
""", name="our-app")
''',
    others=(
        # By a shell, and by its whole path.
        '''
lab.build("""
FROM rce-app
USER 4242:4242
ENTRYPOINT exec /app/rce-app
""", name="our-app")
''',
        '''
lab.build("""
FROM rce-app
RUN chown -R 1654 /app
USER 4242
""", name="our-app")
''',
        # Without a shell, which an attacker would like to have.
        '''
lab.build("""
FROM runtime-chiseled
ENV LABKIT_VULNERABLE_ON_PURPOSE=yes
WORKDIR /app
COPY --from=rce-app /app/rce-app /app/rce-app
ENTRYPOINT ["./rce-app"]
""", name="our-app")
''',
    ),
    wrong=(
        Wrong('lab.build("FROM rce-app", name="our-app")', "runs as root"),
        Wrong(
            '''
lab.build("""
FROM rce-app
RUN chown -R 1654 /app && chmod -R a-w /app
USER 1654
""", name="our-app")
''',
            "replace its own program",
        ),
        Wrong(
            '''
lab.build("""
FROM rce-app
RUN chmod a-x /app/rce-app
USER 1654
""", name="our-app")
''',
            "does not start",
        ),
        Wrong(
            '''
lab.build("""
FROM runtime-deps
COPY --from=rce-app /app/rce-app /app/rce-app
USER 1654
""", name="our-app")
''',
            "so the app does not run",
        ),
        Wrong(
            '''
lab.build("""
FROM rce-app
RUN chmod u+s /bin/cp
USER 1654
""", name="our-app")
''',
            "gets root's rights",
        ),
        Wrong(
            '''
lab.build("""
FROM rce-app
RUN chmod 666 /etc/passwd
USER 1654
""", name="our-app")
''',
            "has closed to it: /etc/passwd",
        ),
        # The program, from where it may be replaced; and another one by its name.
        Wrong(
            '''
lab.build("""
FROM rce-app
RUN install -d -o 1654 /srv/own && install -o 1654 /app/rce-app /srv/own/rce-app
WORKDIR /srv/own
USER 1654
""", name="our-app")
''',
            "replace its own program, /srv/own/rce-app",
        ),
        Wrong(
            '''
lab.build("""
FROM rce-app
USER 1654
ENTRYPOINT ["bash", "-c", "exec -a ./rce-app sleep 60"]
""", name="our-app")
''',
            "and not the app: what is executed there is /usr/bin/sleep",
        ),
        Wrong(
            '''
lab.build("""
FROM rce-app
RUN cp /bin/sleep /app/rce-app
USER 1654
CMD ["60"]
""", name="our-app")
''',
            "not the program that it was",
        ),
        Wrong(
            '''
lab.build("""
FROM rce-app
USER nobody-at-all
""", name="our-app")
''',
            "unable to find user",
        ),
    ),
    check=_CHECK_WHOSE_FILES,
)

EXERCISES = (_WHOSE_FILES, _THROUGH_THE_HOLE, _INSIDE_OR_OUT, _EVIDENCE)
