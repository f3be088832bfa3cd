"""Writes docs/mutations.md from what the tests by mutation have recorded (`make mutations`)."""

from __future__ import annotations

import sys
from collections import defaultdict
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

from tests.mutations import UNBROKEN

_HEAD = """\
# What the checks were tried with

Each right answer of each exercise is changed in one way and checked again on the live lab (`make mutations`, a part of
`make test`). A change that breaks what the task demands must be seen, with the diagnosis of that demand. A change that
the task says nothing about, or another spelling of the same answer, must not matter. The demands and the changes that
break them are data of the exercise (`labkit/course/exercises`, `labkit/course/judging`).

Measured on {day}.

| exercise | wrong: made | wrong: seen | right all the same: made | passed |
| --- | --- | --- | --- | --- |
"""


_LEFT_OUT = (
    "What no change of a right answer breaks, and why:",
    "",
    *(f"- the demand *{demand}* of {exercise}: {why}" for (exercise, demand), why in UNBROKEN.items()),
    "- 05-a-free-number: any free number of the range is right, so another number may be as right as the first.",
    "  Its wrong answers are planted (`labkit/course/exercises/lesson_05.py`).",
)


def report(*runs: Path) -> str:
    """The page, from the files that pytest's --junitxml has written.

    Args:
        runs: the older ones first; an exercise that a later one has tried is as that has seen it.
    """
    rows: dict[str, list[int]] = {}
    left: dict[str, list[str]] = {}
    for run in runs:
        counts, problems = _read(run)
        rows |= counts
        left |= {exercise: problems.get(exercise, []) for exercise in counts}
    lines = [f"| {name} | {' | '.join(map(str, counts))} |" for name, counts in sorted(rows.items())]
    totals = [sum(column) for column in zip(*rows.values(), strict=True)]
    lines.append(f"| **all** | {' | '.join(map(str, totals))} |")
    unexpected = [line for exercise in sorted(left) for line in left[exercise]]
    ending = ["", "## Not as it should be", "", *unexpected] if unexpected else ["", "All is as it should be."]
    return _HEAD.format(day=date.today()) + "\n".join([*lines, *ending, "", *_LEFT_OUT, ""])


def _read(run: Path) -> tuple[dict[str, list[int]], dict[str, list[str]]]:
    """What a run has counted of each exercise, and what was not as it should be."""
    rows: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    left: dict[str, list[str]] = defaultdict(list)
    for case in ElementTree.parse(run).iter("testcase"):
        recorded = {item.get("name"): item.get("value") or "" for item in case.iter("property")}
        if "exercise" not in recorded:
            continue
        is_good = case.find("failure") is None and case.find("error") is None
        place = 0 if recorded.get("wrong") == "True" else 2
        rows[recorded["exercise"]][place] += 1
        rows[recorded["exercise"]][place + 1] += is_good
        if not is_good:
            left[recorded["exercise"]].append(f"- {recorded['exercise']}: {recorded['change']}")
    return dict(rows), dict(left)


if __name__ == "__main__":
    print(report(*map(Path, sys.argv[1:])), end="")
