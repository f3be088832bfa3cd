"""A class that nobody is in: what the laptops of so many participants would share in the middle of a course."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from labkit.course.course_overview import Course, the_course
from labkit.course.exercises import exercises_of
from labkit.course.hand import Hand
from labkit.course.handing_in import hand_in
from labkit.course.records import Event, Lessons, after

NAMES = (
    "Ann Lee",
    "Bo",
    "Çağla Öztürk",
    "Dmitri Шостакович",
    "李小龙",
    "Eve-Marie van der Berg",
    "Farid",
    "Gül",
    "Hana",
    "Ivo",
)
QUESTIONS = ("", "my pod is refused and I do not see why", "is 1654 always the same?", "the cell hangs")


def played_class(count: int, seed: int = 1, now: datetime | None = None) -> Iterator[tuple[str, bytes]]:
    """Keys and documents of so many participants, the same each time.

    Args:
        count: how many.
        seed: of what is random about them.
        now: the time; None for the clock's.
    """
    chance = random.Random(seed)
    course = the_course()
    now = (now or datetime.now(UTC)).replace(microsecond=0)
    for number in range(count):
        name = NAMES[number % len(NAMES)] + (f" {number // len(NAMES)}" if number >= len(NAMES) else "")
        far = max(1, round(chance.gauss(22, 7)))
        hand = Hand(now - timedelta(seconds=chance.randrange(600)), chance.choice(QUESTIONS))
        raised = hand if chance.random() < 0.06 else None
        document = hand_in(_lessons(chance, course, far, now), course, name, raised)
        yield f"{chance.getrandbits(128):032x}", document.encode()


def _lessons(chance: random.Random, course: Course, far: int, now: datetime) -> Lessons:
    """Somebody who has come so far; the last exercises are not passed."""
    lessons: Lessons = {}
    places = [(lesson, name) for lesson, names in course.items() for name in names][:far]
    moment = now - timedelta(seconds=170 * len(places) + chance.choice((30, 200, 400, 900)))
    for position, (lesson, name) in enumerate(places):
        if lesson not in lessons:
            lessons = after(lessons, Event("opened", lesson, moment))
        exercise = next(exercise for exercise in exercises_of(lesson) if exercise.name == name)
        if chance.random() < 0.5:
            wrong = chance.choice(exercise.wrong[:2])
            lessons = after(
                lessons, Event("checked", lesson, moment, name, verdict="not right", diagnosis=wrong.diagnosis)
            )
        if chance.random() < 0.3:
            lessons = after(lessons, Event("hinted", lesson, moment + timedelta(seconds=60), name, number=1))
        is_last = position >= len(places) - chance.choice((0, 1, 1, 2))
        verdict = "passed" if not is_last else chance.choice(("not yet", "not right"))
        moment += timedelta(seconds=chance.randrange(100, 240))
        if verdict == "passed":
            lessons = after(lessons, Event("checked", lesson, moment, name, verdict=verdict))
    return lessons
