"""The course's figures: the matrix, the notebooks, and how long a check takes once its world is as it shall be."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
import xml.etree.ElementTree as Xml
from collections import defaultdict

import bench_checks

from labkit.base.resources import CHECKOUT
from labkit.lab.lab import Lab
from labkit.notebook import open_lesson
from labkit.threat.measure import measure

TO_REACH = "at most 1.5 s, median 0.3 s"
_REPORT = CHECKOUT / "build" / "bench-notebooks.xml"

Row = tuple[str, str, str]


def rows(lab: Lab) -> list[Row]:
    """What, to reach, measured."""
    return [_matrix(lab), *_notebooks(), _checks(lab), _opening(lab), _extension()]


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
    each: defaultdict[str, float] = defaultdict(float)
    for case in Xml.parse(_REPORT).iter("testcase"):
        each[str(case.get("classname")).removeprefix("notebooks.").removesuffix(".ipynb")] += float(
            case.get("time") or 0
        )
    slowest, seconds = max(each.items(), key=lambda item: item[1])
    return [
        (f"every notebook under nbval, lab up ({len(each)} lessons)", "at most 2.5 min", f"{total:.0f} s"),
        ("the slowest of them", "at most 30 s", f"{seconds:.0f} s ({slowest})"),
    ]


def _checks(lab: Lab) -> Row:
    """Each exercise's check, on the world of its solution (`tools/bench_checks.py` has a row for each)."""
    taken = bench_checks.looks(lab)
    return f"a check, its world decided ({len(taken)} exercises)", TO_REACH, bench_checks.summary(taken)


def _opening(lab: Lab) -> Row:
    """A lesson opened, with the lab up."""
    taken = []
    for _ in range(5):
        started = time.monotonic()
        lesson = open_lesson("07-run-as-non-root", lab)
        taken.append(time.monotonic() - started)
        lesson.close()
    return "a lesson opens, lab up", "at most 1.5 s", f"{statistics.median(taken):.2f} s"


def _extension() -> Row:
    """What JupyterLab's page loads of the panel."""
    scripts = (CHECKOUT / "labkit" / "panel" / "labextensions").rglob("*.js")
    size = sum(path.stat().st_size for path in scripts)
    return "JupyterLab's extension, its scripts", "at most 150 kB", f"{size / 1000:.0f} kB"


if __name__ == "__main__":
    from labkit.show.steps import Silent

    up = Lab(steps=Silent())
    up.up()
    for row in rows(up):
        print(row)
