"""How long each check takes once its world is as it shall be, and what it asks for meanwhile.

`python tools/bench_checks.py [--requests] [01 02 ...]` on the running lab; `make bench` has the median and the longest.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from labkit.base.resources import CHECKOUT
from labkit.lab.lab import Lab
from labkit.notebook import Lesson, open_lesson

sys.path.insert(0, str(CHECKOUT))
from tests.course import Placed, all_placed

_LOGGERS = ("labkit.requests", "labkit.commands")


@dataclass(frozen=True)
class Look:
    """One look of a check.

    Args:
        seconds: until it had answered.
        cpu: seconds of this process's own work in it.
        requests: what was asked of the engine, of the cluster, and of other programs.
    """

    seconds: float
    cpu: float
    requests: Sequence[str]


class _Recorder(logging.Handler):
    """Keeps what the kit logs of its requests and commands."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def looks(
    lab: Lab, numbers: Iterable[str] = (), tell: Callable[[str, Look, Look], None] = lambda *_: None
) -> dict[str, tuple[Look, Look]]:
    """Each exercise's check on the world of its solution: the first look at it, and another one after that.

    Args:
        lab: it is up.
        numbers: of the lessons, such as "02"; none for all.
        tell: is told of each exercise as soon as it was looked at.
    """
    recorder, wanted = _Recorder(), set(numbers)
    logging.getLogger("labkit").setLevel(logging.DEBUG)
    for name in _LOGGERS:
        logging.getLogger(name).addHandler(recorder)
    taken: dict[str, tuple[Look, Look]] = {}
    tasks = [task for task in all_placed() if not wanted or task.lesson[:2] in wanted]
    for lesson_name in dict.fromkeys(task.lesson for task in tasks):
        with open_lesson(lesson_name, lab) as lesson:
            for task in tasks:
                if task.lesson == lesson_name:
                    names = task.give(lesson, task.exercise.solution)
                    taken[str(task)] = _look(lesson, task, names, recorder), _look(lesson, task, names, recorder)
                    tell(str(task), *taken[str(task)])
    for name in _LOGGERS:
        logging.getLogger(name).removeHandler(recorder)
    return taken


def _look(lesson: Lesson, task: Placed, names: dict[str, object], recorder: _Recorder) -> Look:
    recorder.lines.clear()
    started, cpu = time.monotonic(), time.process_time()
    result = lesson.check(task.exercise.name, task.answer(names))
    seconds, cpu = time.monotonic() - started, time.process_time() - cpu
    if result.verdict != "passed":
        raise SystemExit(f"{task}: {result}")
    return Look(seconds, cpu, tuple(recorder.lines))


def summary(taken: dict[str, tuple[Look, Look]]) -> str:
    """The medians and the longest, in one line."""
    first = {name: look.seconds for name, (look, _) in taken.items()}
    again = [look.seconds for _, look in taken.values()]
    longest = max(first, key=first.__getitem__)
    over = sum(seconds > 1.5 for seconds in first.values())
    return (
        f"first look: median {statistics.median(first.values()):.2f} s, longest {first[longest]:.1f} s ({longest}), "
        f"{over} over 1.5 s; another look: median {statistics.median(again):.2f} s, longest {max(again):.1f} s"
    )


def main() -> None:
    """Print a row for each check, and what they come to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lessons", nargs="*", help="numbers of lessons; all by default")
    parser.add_argument("--requests", action="store_true", help="what each first look asked for, and how long it took")
    options = parser.parse_args()
    data = tempfile.TemporaryDirectory(prefix="labkit-data-")
    os.environ["LABKIT_DATA"] = data.name

    def tell(name: str, *pair: Look) -> None:
        columns = (f"{look.seconds:6.2f} s {look.cpu:6.2f} {len(look.requests):>6}" for look in pair)
        print(f"{name:<24} {'   '.join(columns)}", flush=True)
        if options.requests:
            print("\n".join(f"    {line}" for line in pair[0].requests))

    print(f"{'check':<24} {'first':>7} {'CPU':>6} {'asked':>6}   {'again':>7} {'CPU':>6} {'asked':>6}")
    with Lab() as lab:
        lab.up()
        taken = looks(lab, options.lessons, tell)
    print(summary(taken))


if __name__ == "__main__":
    main()
