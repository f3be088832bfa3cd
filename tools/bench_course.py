"""The course's figures: the matrix, the notebooks, and how long a check takes once its world is as it shall be."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import xml.etree.ElementTree as Xml
from collections import Counter

from labkit.base.resources import CHECKOUT
from labkit.lab.lab import Lab
from labkit.notebook import open_lesson
from labkit.threat.measure import measure

sys.path.insert(0, str(CHECKOUT))
from tests.course import all_placed, placed

_REPORT = CHECKOUT / "build" / "bench-notebooks.xml"

Row = tuple[str, str, str]


def rows(lab: Lab) -> list[Row]:
    """What, to reach, measured."""
    return [_matrix(lab), *_notebooks(), _checks(lab)]


def _matrix(lab: Lab) -> Row:
    started = time.monotonic()
    matrix = measure(lab)
    seconds = time.monotonic() - started
    return f"labkit matrix, {sum(1 for _ in matrix.cells)} cells", "at most 12 s", f"{seconds:.1f} s"


def _notebooks() -> list[Row]:
    """Every notebook under nbval, as `make test` runs them."""
    options = ["-p", "tests.notebooks.hooks", "-p", "nbval", "-p", "no:randomly", "--nbval-lax", "--nbval-current-env"]
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-q", f"--junitxml={_REPORT}", "notebooks"],
        check=True,
        capture_output=True,
        cwd=CHECKOUT,
    )
    total = time.monotonic() - started
    each: Counter[str] = Counter()
    for case in Xml.parse(_REPORT).iter("testcase"):
        each[str(case.get("classname")).removeprefix("notebooks.").removesuffix(".ipynb")] += float(
            case.get("time") or 0
        )
    ((slowest, seconds),) = each.most_common(1)
    return [
        (f"every notebook under nbval, lab up ({len(each)} lessons)", "at most 2.5 min", f"{total:.0f} s"),
        ("the slowest of them", "at most 30 s", f"{seconds:.0f} s ({slowest})"),
    ]


def _checks(lab: Lab) -> Row:
    """Each exercise's check, on the world of its solution."""
    taken = {}
    for name in dict.fromkeys(exercise.lesson for exercise in all_placed()):
        lesson = open_lesson(name, lab)
        for placement in placed(name):
            exercise = placement.exercise
            placement.run(lesson, exercise.solution)
            started = time.monotonic()
            if exercise.answers is None:
                lesson.check(exercise.name)
            else:
                placement.run(lesson, exercise.solution)
            taken[str(placement)] = time.monotonic() - started
        lesson.close()
    over = ", ".join(f"{name} {seconds:.1f}" for name, seconds in sorted(taken.items()) if seconds > 2)
    median, longest = statistics.median(taken.values()), max(taken.values())
    measured = f"median {median:.2f} s, longest {longest:.1f} s" + (f"; over 2 s: {over}" if over else "")
    return f"a check, its world decided ({len(taken)} exercises)", "at most 2 s", measured


if __name__ == "__main__":
    from labkit.show.steps import Silent

    up = Lab(steps=Silent())
    up.up()
    for row in rows(up):
        print(row)
