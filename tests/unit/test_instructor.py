"""The instructor's guide names commands that exist, and plans with the lessons' own minutes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import click
import pytest

from labkit.base.resources import CHECKOUT
from labkit.cli import main
from labkit.course.lessons import lessons

GUIDE = (CHECKOUT / "docs" / "instructor.md").read_text(encoding="utf-8")
_TARGETS = re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
_ROW = re.compile(r"^\| (\d\d:\d\d) \| (\d+) \| (.+) \|$", re.MULTILINE)


def commands(text: str) -> list[str]:
    """Every call of labkit in a code span or a fence."""
    spans = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^(labkit .*)$", text, re.MULTILINE)
    return sorted({span for span in spans if span.split()[0] == "labkit"})


def problem(call: str) -> str:
    """What click has against a call; empty if it would run it."""
    words, group = shlex.split(call)[1:], click.Context(main, info_name="labkit")
    found: click.Command = main
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        inner = found.get_command(group, name)
        if inner is None:
            return f"there is no {name}"
        found = inner
        group = click.Context(found, parent=group, info_name=name)
    known = {option for one in found.params if isinstance(one, click.Option) for option in one.opts}
    unknown = [word for word in words if word.startswith("--") and word.split("=")[0] not in known]
    return f"there is no {', '.join(unknown)}" if unknown else ""


@pytest.mark.parametrize("call", commands(GUIDE))
def test_a_command_of_the_guide_exists(call: str) -> None:
    assert problem(call) == ""


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("labkit status --json", ""),
        ("labkit registry up --listen 192.0.2.10", ""),
        ("labkit solve 07", "there is no solve"),
        ("labkit registry start", "there is no start"),
        ("labkit up --sauce stand-in", "there is no --sauce"),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(call: str, found: str) -> None:
    assert problem(call) == found


def test_a_target_of_the_guide_exists() -> None:
    named = set(re.findall(r"`make ([a-z]+)", GUIDE))
    assert {"up", "lab", "site"} <= named <= set(_TARGETS)


def plans() -> Iterator[tuple[str, list[tuple[datetime, int, str]]]]:
    """Each plan by its heading: when, how long, what."""
    for section in re.split(r"^## ", GUIDE, flags=re.MULTILINE)[1:]:
        if rows := _ROW.findall(section):
            plan = [(datetime.strptime(at, "%H:%M"), int(minutes), what) for at, minutes, what in rows]
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
        for _, minutes, what in plan:
            sat = 0 if what in ("break", "lunch") else sat + minutes
            assert sat <= 100


@pytest.mark.parametrize("lesson", lessons(), ids=lambda one: str(one["lesson"]))
def test_a_plan_gives_a_lesson_its_minutes(lesson: dict[str, object]) -> None:
    for name, plan in plans():
        given = [minutes for _, minutes, what in plan if what == lesson["lesson"]]
        assert given == [lesson["minutes"]] or (name == "Half a day" and not given)


def test_no_lesson_asks_for_what_is_cut_first() -> None:
    (sentence,) = re.findall(r"\*\*Cut first\*\* (.+): no other lesson asks for them", GUIDE)
    cut = set(re.findall(r"\d\d", sentence))
    assert cut
    for lesson in lessons():
        opening = json.loads((CHECKOUT / str(lesson["notebook"])).read_text(encoding="utf-8"))["cells"][0]["source"]
        (needs,) = re.findall(r"\*\*What you need\*\*: ([^;]+);", "".join(opening))
        assert not cut & set(re.findall(r"\b\d\d\b", needs)), lesson["lesson"]
