"""Who is where, who is stuck at what, and what happened just now: made of the records alone. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from labkit.course.exercise import Exercise
from labkit.course.exercises import find_exercise
from labkit.course.judging.assessment import CheckVerdict
from labkit.course.progress import Course
from labkit.course.records import ExerciseRecord
from labkit.instructor.record_source import Participant

FORMAT = 1
"""Of the board as JSON; labkit/instructor/page/watch.js reads this one alone."""

AWAY_SECONDS = 60
"""A laptop says every twenty seconds that it is there."""

NEWS_MINUTES = 10
MOST_STUCK = 3
_MOST_NEWS = 40

HINT = "hint"
"""How an exercise stands of which hints were read, or the solution, and nothing was checked."""


@dataclass(frozen=True)
class StuckExercise:
    """An exercise that some have tried and not passed.

    Args:
        lesson: its lesson.
        exercise: its name.
        stuck: how many are stuck at it.
        tried: how many have tried it.
        passed: how many have passed it.
        diagnosis: what the last check said to most of the stuck ones, in the course's words; empty if it is unknown.
        diagnosed: how many of them got that.
    """

    lesson: str
    exercise: str
    stuck: int
    tried: int
    passed: int
    diagnosis: str
    diagnosed: int


def standing(record: ExerciseRecord) -> str:
    """How an exercise stands, in a word: passed, not right, not yet or hint."""
    return str(CheckVerdict.PASSED) if record.passed is not None else record.verdict or HINT


def is_stuck(record: ExerciseRecord) -> bool:
    """Whether somebody has tried it and not passed it: a check said *not right*, or they asked for help.

    *Not yet* alone is the cell as it was given, which everybody runs.
    """
    return record.passed is None and (record.verdict == CheckVerdict.NOT_RIGHT or bool(record.hints))


def diagnosis_text(lesson: str, exercise: str, record: ExerciseRecord) -> str:
    """What the last check said, in the course's words; empty if that is unknown, or no longer so."""
    if record.passed is not None or not record.diagnosis:
        return ""
    return _exercise(lesson, exercise).describe_diagnosis(record.diagnosis) or ""


@cache
def _exercise(lesson: str, name: str) -> Exercise:
    # Looking for a module each time would take most of what a page takes.
    return find_exercise(lesson, name)


def stuck_exercises(participants: Sequence[Participant], course: Course) -> list[StuckExercise]:
    """The exercises where most are stuck, worst first."""
    rows = []
    for lesson, names in course.items():
        kept = [participant.lessons[lesson].exercises for participant in participants if lesson in participant.lessons]
        for name in names:
            records = [exercises[name] for exercises in kept if name in exercises]
            stuck = [record for record in records if is_stuck(record)]
            if not stuck:
                continue
            diagnoses = Counter(filter(None, (diagnosis_text(lesson, name, record) for record in stuck)))
            diagnosis, diagnosed = diagnoses.most_common(1)[0] if diagnoses else ("", 0)
            passed = sum(record.passed is not None for record in records)
            rows.append(StuckExercise(lesson, name, len(stuck), len(records), passed, diagnosis, diagnosed))
    return sorted(rows, key=lambda row: (-row.stuck, row.passed))[:MOST_STUCK]


def board(participants: Sequence[Participant], course: Course, now: datetime) -> dict[str, Any]:
    """All that the page shows, as JSON-ready values. Times are seconds before now, by our clock.

    Args:
        participants: of the class.
        course: its lessons and exercises.
        now: the time.
    """
    taught = {lesson: names for lesson, names in course.items() if names}
    return {
        "format": FORMAT,
        "lessons": [{"lesson": lesson, "exercises": list(names)} for lesson, names in taught.items()],
        "participants": [_row(participant, taught, now) for participant in participants],
        "stuck": [_stuck_values(row) for row in stuck_exercises(participants, taught)],
        "news": _news(participants, taught, now),
    }


def _row(participant: Participant, course: Course, now: datetime) -> dict[str, Any]:
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


def _hand(participant: Participant, now: datetime) -> dict[str, Any] | None:
    hand = participant.hand
    if hand is None:
        return None
    return {"text": hand.text, "seconds": _seconds(now - participant.by_our_clock(hand.since))}


def _stuck_values(row: StuckExercise) -> dict[str, Any]:
    return {
        "lesson": row.lesson,
        "exercise": row.exercise,
        "stuck": row.stuck,
        "tried": row.tried,
        "passed": row.passed,
        "diagnosis": row.diagnosis,
        "diagnosed": row.diagnosed,
    }


def _news(participants: Sequence[Participant], course: Course, now: datetime) -> list[dict[str, Any]]:
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
