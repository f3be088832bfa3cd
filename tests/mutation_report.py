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
    *(f"No change breaks the demand *{demand}* of {exercise}: {why}." for (exercise, demand), why in UNBROKEN.items()),
    "Left out is 05-a-free-number: any free number of the range is right, so another number may be as right as the",
    "first. Its wrong answers are planted (`labkit/course/exercises/lesson_05.py`).",
)


def report(junit: Path) -> str:
    """The page, from the file that pytest's --junitxml has written."""
    rows: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    left = []
    for case in ElementTree.parse(junit).iter("testcase"):
        recorded = {item.get("name"): item.get("value") or "" for item in case.iter("property")}
        if "exercise" not in recorded:
            continue
        is_good = case.find("failure") is None and case.find("error") is None
        place = 0 if recorded["wrong"] == "True" else 2
        rows[recorded["exercise"]][place] += 1
        rows[recorded["exercise"]][place + 1] += is_good
        if not is_good:
            left.append(f"- {recorded['exercise']}: {recorded['change']}")
    lines = [f"| {name} | {' | '.join(map(str, counts))} |" for name, counts in sorted(rows.items())]
    totals = [sum(column) for column in zip(*rows.values(), strict=True)]
    lines.append(f"| **all** | {' | '.join(map(str, totals))} |")
    ending = ["", "## Not as it should be", "", *left] if left else ["", "All is as it should be.", "", *_LEFT_OUT]
    return _HEAD.format(day=date.today()) + "\n".join([*lines, *ending, ""])


if __name__ == "__main__":
    print(report(Path(sys.argv[1])), end="")
