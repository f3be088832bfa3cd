"""Writes the plans of the instructor's guide by the minutes of the lessons, and measures those.

`.venv/bin/python -m tools.instructor` writes them and prints what a slow reader needs for each lesson;
tests/unit/test_instructor.py holds guide and lessons to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from labkit.base.resources import CHECKOUT
from labkit.course.exercises import exercises_of
from labkit.course.lessons import FOLDER, lessons

GUIDE = CHECKOUT / "docs" / "instructor.md"
_PLANS = re.compile(r"(?<=<!-- plans, by tools/instructor.py -->\n).*(?=<!-- end of plans -->)", re.DOTALL)

BREAK, LUNCH, RESERVE = "break", "lunch", "reserve: the laptop that is late, the exercise that half of the room wants"
_MINUTES = {
    "welcome; every laptop shows `labkit status`": 10,
    BREAK: 15,
    LUNCH: 60,
    "questions; progress handed in": 15,
    "worksheets shown to one another; progress handed in; questions": 15,
}
_WELCOME, _QUESTIONS, _HAND_IN = (step for step in _MINUTES if step not in (BREAK, LUNCH))

PLANS: dict[str, tuple[str, tuple[str, ...]]] = {
    "A day, without 04, 06 and 08": (
        "17:00",
        (_WELCOME, "00", "01", "02", BREAK, "03", "05", LUNCH, "07", "09", BREAK, "10", BREAK, "11", _HAND_IN),
    ),
    "Half a day, the shortest way to a refusal and its repair": (
        "13:00",
        (_WELCOME, "00", "02", BREAK, "05", "07", BREAK, "09", _QUESTIONS),
    ),
    "Three mornings, all of it: the first": ("12:30", (_WELCOME, "00", "01", "02", BREAK, "03", "04", _QUESTIONS)),
    "The second morning": ("12:30", ("05", "06", BREAK, "07", BREAK, "08", _QUESTIONS)),
    "The third morning": ("12:30", ("09", "10", BREAK, "11", _HAND_IN)),
}
"""Each plan by its title: its end and its steps, lessons by number. It begins at 09:00; what is left is reserve."""


_WORDS_A_MINUTE = 100
"""How fast somebody reads a technical text in a language that is not their own, and thinks about it."""
_MINUTES_A_CELL = 0.4
"""To run it, and to look at what comes."""
_MINUTES_AN_EXERCISE = {"predict": 2, "choose": 2, "repair": 5, "build": 5}
_SOURCE = re.compile(r"\([^()]*[:/][^()]*\)")
"""In parentheses, which nobody reads while they learn."""


def slow_minutes(lesson: str) -> float:
    """What a slow reader needs who reads every word, runs every cell and does every exercise.

    Args:
        lesson: its name.
    """
    cells = json.loads((FOLDER / f"{lesson}.ipynb").read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    prose = "\n".join(texts).partition("## On your own")[0]
    exercises = sum(_MINUTES_AN_EXERCISE[exercise.kind] for exercise in exercises_of(lesson))
    word_count = len(_SOURCE.sub("", prose).split())
    return word_count / _WORDS_A_MINUTE + (len(cells) - len(texts)) * _MINUTES_A_CELL + exercises


def plan_rows(title: str) -> Iterator[tuple[str, int, str]]:
    """The rows of a plan: when, how long, the topic.

    Args:
        title: of the plan.

    Raises:
        ValueError: its steps take longer than it lasts.
    """
    end, steps = PLANS[title]
    minutes = {lesson["lesson"][:2]: (lesson["lesson"], lesson["minutes"] or 0) for lesson in lessons()}
    at = datetime.strptime("09:00", "%H:%M")
    for step in steps:
        topic, lasts = minutes.get(step) or (step, _MINUTES[step])
        yield at.strftime("%H:%M"), lasts, topic
        at += timedelta(minutes=lasts)
    left = (datetime.strptime(end, "%H:%M") - at).total_seconds() // 60
    if left < 0:
        raise ValueError(f"the plan {title!r} lasts {-left:.0f} minutes too long: take a lesson out of it")
    yield at.strftime("%H:%M"), int(left), RESERVE


def plans() -> str:
    """All plans, as Markdown."""
    return "\n".join(_table(title) for title in PLANS)


def _table(title: str) -> str:
    rows = "".join(f"| {at} | {minutes} | {topic} |\n" for at, minutes, topic in plan_rows(title))
    return f"### {title}\n\n| at | minutes | what |\n| --- | --- | --- |\n{rows}"


def with_plans(guide: str) -> str:
    """The guide with the plans of today.

    Args:
        guide: its text.
    """
    return _PLANS.sub(lambda _: f"\n{plans()}\n", guide)


def main() -> None:
    """Write them, and say how long each lesson is."""
    for lesson in lessons():
        print(f"{lesson['lesson']}: {lesson['minutes']}, for a slow reader {slow_minutes(lesson['lesson']):.0f}")
    GUIDE.write_text(with_plans(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
