"""The instructor's guide names targets that exist, and plans with the lessons' own minutes."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from labkit.base.resources import CHECKOUT
from labkit.course.lessons import lessons
from tools import instructor
from tools.instructor import BREAK, LUNCH, PLANS, slow_minutes, with_plans

GUIDE = (CHECKOUT / "docs" / "instructor.md").read_text(encoding="utf-8")
_TARGETS = re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
_ROW = re.compile(r"^\| (\d\d:\d\d) \| (\d+) \| (.+) \|$", re.MULTILINE)


def test_a_target_of_the_guide_exists() -> None:
    named = set(re.findall(r"`make ([a-z]+)", GUIDE))
    assert {"up", "lab", "site"} <= named <= set(_TARGETS)


def _steps(title: str) -> list[tuple[datetime, int, str]]:
    """A plan of the guide: when, how long, the topic."""
    (section,) = re.findall(rf"^### {re.escape(title)}\n(.*?)(?=^#|^<!--)", GUIDE, re.MULTILINE | re.DOTALL)
    return [(datetime.strptime(at, "%H:%M"), int(minutes), topic) for at, minutes, topic in _ROW.findall(section)]


def test_the_plans_are_those_of_the_lessons_minutes() -> None:
    assert with_plans(GUIDE) == GUIDE, "the minutes of a lesson have changed: run python -m tools.instructor"


@pytest.mark.parametrize("title", PLANS)
def test_a_plan_goes_from_nine_to_its_end_without_a_gap(title: str) -> None:
    plan = _steps(title)
    assert plan[0][0].hour == 9
    for (at, minutes, _), (following, _, _) in pairwise(plan):
        assert at + timedelta(minutes=minutes) == following
    assert (plan[-1][0] + timedelta(minutes=plan[-1][1])).strftime("%H:%M") == PLANS[title][0]


@pytest.mark.parametrize("title", PLANS)
def test_a_plan_has_a_reserve_and_nobody_sits_for_much_over_an_hour(title: str) -> None:
    sat, plan = 0, _steps(title)
    for _, minutes, topic in plan[:-1]:
        sat = 0 if topic in (BREAK, LUNCH) else sat + minutes
        assert sat <= 100, topic
    assert plan[-1][1] >= 5


def test_three_mornings_have_every_lesson_once_in_order() -> None:
    mornings = [title for title in PLANS if "morning" in title]
    taught = [topic for title in mornings for _, _, topic in _steps(title) if topic[0].isdigit()]
    assert taught == [lesson["lesson"] for lesson in lessons()]


def test_every_lesson_has_its_minutes_in_each_plan() -> None:
    minutes = {lesson["lesson"]: lesson["minutes"] for lesson in lessons()}
    for title in PLANS:
        assert all(minutes.get(topic, lasts) == lasts for _, lasts, topic in _steps(title))


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: str(lesson["lesson"]))
def test_a_lesson_says_the_minutes_of_a_slow_reader(lesson: dict[str, Any]) -> None:
    """The capstone's exercise is longer than others: so it may say more."""
    assert -5 <= lesson["minutes"] - slow_minutes(lesson["lesson"]) <= 12


def test_the_guide_says_of_every_exercise_what_people_get_wrong() -> None:
    (section,) = re.findall(r"^## What people get wrong.*?\n(.*?)^## ", GUIDE, re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| (\d\d) (\S+) \| \S.* \| \S.*\? \|$", section, re.MULTILINE)
    taught = [(lesson["lesson"][:2], exercise["id"]) for lesson in lessons() for exercise in lesson["exercises"]]
    assert rows == taught


def test_a_plan_that_is_too_long_says_by_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(instructor.PLANS, "An hour", ("10:00", ("07", "09", BREAK)))
    with pytest.raises(ValueError, match="'An hour' lasts"):
        list(instructor.plan_rows("An hour"))


def test_no_lesson_asks_for_what_is_cut_first() -> None:
    (sentence,) = re.findall(r"\*\*Cut first\*\* (.+): no other lesson asks for them", GUIDE)
    cut = set(re.findall(r"\d\d", sentence))
    assert cut
    for lesson in lessons():
        opening = json.loads((CHECKOUT / str(lesson["notebook"])).read_text(encoding="utf-8"))["cells"][0]["source"]
        (needs,) = re.findall(r"\*\*What you need\*\*: ([^;]+);", "".join(opening))
        assert not cut & set(re.findall(r"\b\d\d\b", needs)), lesson["lesson"]
