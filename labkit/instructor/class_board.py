"""Who is where, who is stuck at what, and what happened just now: made of the records alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TypedDict

from labkit.course.course_overview import Course
from labkit.course.judging.assessment import CheckVerdict
from labkit.course.records import ExerciseRecord
from labkit.course.stuck import diagnosis_text, stuck_exercises
from labkit.instructor.record_source import Participant

FORMAT = 1
"""Of the board as JSON; labkit/instructor/page/watch.js reads this one alone."""

AWAY_SECONDS = 60
"""A laptop says every twenty seconds that it is there."""

NEWS_MINUTES = 10
_MOST_NEWS = 40

HINT = "hint"
"""How an exercise stands of which hints were read, or the solution, and nothing was checked."""


class BoardHand(TypedDict):
    """A hand that is up, since how many seconds."""

    text: str
    seconds: int


class BoardRow(TypedDict):
    """A participant; cells by LESSON/EXERCISE: how it stands, checks, hints, solution shown first, diagnosis."""

    number: int
    name: str
    lesson: str
    idle: int
    away: bool
    seen: int
    passed: int
    hints: int
    hand: BoardHand | None
    cells: dict[str, list[object]]


class BoardNews(TypedDict):
    """What happened, by whom, before how many seconds."""

    seconds: int
    number: int
    text: str


class BoardLesson(TypedDict):
    """A lesson, and the names of its exercises."""

    lesson: str
    exercises: list[str]


class BoardJson(TypedDict):
    """All that the instructor's page shows."""

    format: int
    lessons: list[BoardLesson]
    participants: list[BoardRow]
    stuck: list[dict[str, object]]
    news: list[BoardNews]


def standing(record: ExerciseRecord) -> str:
    """How an exercise stands, in a word: passed, not right, not yet or hint."""
    return str(CheckVerdict.PASSED) if record.passed is not None else record.verdict or HINT


def board(participants: Sequence[Participant], course: Course, now: datetime) -> BoardJson:
    """All that the page shows, as JSON-ready values. Times are seconds before now, by our clock.

    Args:
        participants: of the class.
        course: its lessons and exercises.
        now: the time.
    """
    taught = {lesson: names for lesson, names in course.items() if names}
    lessons = [participant.lessons for participant in participants]
    return {
        "format": FORMAT,
        "lessons": [{"lesson": lesson, "exercises": list(names)} for lesson, names in taught.items()],
        "participants": [_row(participant, taught, now) for participant in participants],
        "stuck": [asdict(row) for row in stuck_exercises(lessons, taught)],
        "news": _news(participants, taught, now),
    }


def _row(participant: Participant, course: Course, now: datetime) -> BoardRow:
    cells: dict[str, list[object]] = {}
    passed = hints = 0
    for lesson, names in course.items():
        kept = participant.lessons.get(lesson)
        for name in names if kept else ():
            record = kept.exercises.get(name) if kept else None
            if record is None:
                continue
            passed += record.passed is not None
            hints += len(record.hints)
            cells[f"{lesson}/{name}"] = [
                standing(record),
                record.checks,
                len(record.hints),
                record.solution_first,
                diagnosis_text(lesson, name, record),
            ]
    last = max(participant.lessons.items(), key=lambda pair: pair[1].last, default=("", None))[0]
    return {
        "number": participant.number,
        "name": participant.name,
        "lesson": last,
        "idle": _seconds(now - participant.active),
        "away": (now - participant.seen).total_seconds() > AWAY_SECONDS,
        "seen": _seconds(now - participant.seen),
        "passed": passed,
        "hints": hints,
        "hand": _hand(participant, now),
        "cells": cells,
    }


def _hand(participant: Participant, now: datetime) -> BoardHand | None:
    hand = participant.hand
    if hand is None:
        return None
    return {"text": hand.text, "seconds": _seconds(now - participant.by_our_clock(hand.since))}


def _news(participants: Sequence[Participant], course: Course, now: datetime) -> list[BoardNews]:
    """What happened in the last minutes, the last first: of each exercise how it stands, not how it came to that."""
    since = now - timedelta(minutes=NEWS_MINUTES)
    news = [
        (moment, participant.number, text)
        for participant in participants
        for moment, text in _events(participant, course)
        if moment > since
    ]
    news.sort(key=lambda event: event[0], reverse=True)
    latest = news[:_MOST_NEWS]
    return [{"seconds": _seconds(now - moment), "number": number, "text": text} for moment, number, text in latest]


def _events(participant: Participant, course: Course) -> Iterator[tuple[datetime, str]]:
    if participant.hand is not None:
        text = f"hand raised: {participant.hand.text}" if participant.hand.text else "hand raised"
        yield participant.by_our_clock(participant.hand.since), text
    for lesson, kept in participant.lessons.items():
        yield participant.by_our_clock(kept.opened), f"opened {lesson}"
        for name, record in kept.exercises.items():
            if name not in course.get(lesson, ()):
                continue
            moment = participant.by_our_clock(record.passed or record.last)
            yield moment, f"{lesson[:2]} {name}: {_told(lesson, name, record)}"


def _told(lesson: str, name: str, record: ExerciseRecord) -> str:
    state = standing(record)
    if state == HINT:
        return f"hint {max(record.hints)} read" if record.hints else "solution shown"
    diagnosis = diagnosis_text(lesson, name, record)
    return f"{state}, {diagnosis}" if diagnosis else state


def _seconds(duration: timedelta) -> int:
    return max(0, int(duration.total_seconds()))
