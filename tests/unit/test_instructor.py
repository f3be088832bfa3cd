"""The instructor's guide names targets that exist, and plans with the lessons' own minutes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from labkit.base.resources import CHECKOUT
from labkit.course.lessons import lessons

GUIDE = (CHECKOUT / "docs" / "instructor.md").read_text(encoding="utf-8")
_TARGETS = re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
_ROW = re.compile(r"^\| (\d\d:\d\d) \| (\d+) \| (.+) \|$", re.MULTILINE)


def test_a_target_of_the_guide_exists() -> None:
    named = set(re.findall(r"`make ([a-z]+)", GUIDE))
    assert {"up", "lab", "site"} <= named <= set(_TARGETS)


def plans() -> Iterator[tuple[str, list[tuple[datetime, int, str]]]]:
    """Each plan by its heading: when, how long, the topic."""
    for section in re.split(r"^## ", GUIDE, flags=re.MULTILINE)[1:]:
        if rows := _ROW.findall(section):
            plan = [(datetime.strptime(at, "%H:%M"), int(minutes), topic) for at, minutes, topic in rows]
            yield section.splitlines()[0], plan


def test_the_plans_fill_a_day_and_half_a_day_without_a_gap() -> None:
    ends = {}
    for name, plan in plans():
        for (at, minutes, _), (following, _, _) in pairwise(plan):
            assert at + timedelta(minutes=minutes) == following
        ends[name] = (plan[-1][0] + timedelta(minutes=plan[-1][1])).strftime("%H:%M")
    assert ends == {"A day": "17:00", "Half a day": "13:00"}


def test_nobody_sits_for_much_over_an_hour() -> None:
    for _, plan in plans():
        sat = 0
        for _, minutes, topic in plan:
            sat = 0 if topic in ("break", "lunch") else sat + minutes
            assert sat <= 100


@pytest.mark.parametrize("lesson", lessons(), ids=lambda lesson: str(lesson["lesson"]))
def test_a_plan_gives_a_lesson_its_minutes(lesson: dict[str, object]) -> None:
    for name, plan in plans():
        given = [minutes for _, minutes, topic in plan if topic == lesson["lesson"]]
        assert given == [lesson["minutes"]] or (name == "Half a day" and not given)


def test_no_lesson_asks_for_what_is_cut_first() -> None:
    (sentence,) = re.findall(r"\*\*Cut first\*\* (.+): no other lesson asks for them", GUIDE)
    cut = set(re.findall(r"\d\d", sentence))
    assert cut
    for lesson in lessons():
        opening = json.loads((CHECKOUT / str(lesson["notebook"])).read_text(encoding="utf-8"))["cells"][0]["source"]
        (needs,) = re.findall(r"\*\*What you need\*\*: ([^;]+);", "".join(opening))
        assert not cut & set(re.findall(r"\b\d\d\b", needs)), lesson["lesson"]
