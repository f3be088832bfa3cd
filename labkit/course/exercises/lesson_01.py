"""Exercises of 01-threat-model."""

from __future__ import annotations

from labkit.course.exercise import Exercise, Wrong
from labkit.course.exercises.lesson_01_evidence import EVIDENCE
from labkit.course.exercises.lesson_01_whose_files import WHOSE_FILES
from labkit.course.judging.assessment import Assessment, not_right, passed
from labkit.course.world import World
from labkit.threat.judge import Verdict
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

EXERCISES = (WHOSE_FILES, _THROUGH_THE_HOLE, _INSIDE_OR_OUT, EVIDENCE)
