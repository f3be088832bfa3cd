"""What laptops share, in memory alone: each says the whole of it again, so that nothing need be kept on a disk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from labkit.base.errors import LabFailed
from labkit.course.course_overview import Course
from labkit.course.hand import MOST_CHARACTERS, Hand, read_hand
from labkit.course.handing_in import HAND_IN, VERSION, showable
from labkit.course.progress_file import lessons_of, read_content
from labkit.course.records import LessonRecord, Lessons
from labkit.instructor.flood_limits import Crowd
from labkit.instructor.record_source import Participant

MOST_BYTES = 128_000
"""What a laptop may send at once; a whole course with every hint and guess is 20 to 60 kB."""

MOST_PARTICIPANTS = 300

_KEY = re.compile(r"[0-9a-f]{32}")
_FILE = Path("what was shared")


class Crowded(LabFailed):
    """There are too many participants of one address."""


class SharedRecords:
    """The participants whose laptops share, as the last thing that came from each says.

    Args:
        course: the lessons and exercises that are kept; anything else is dropped.
        clock: the time, in UTC.
        most: participants at most.
    """

    def __init__(
        self,
        course: Course,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        most: int = MOST_PARTICIPANTS,
    ) -> None:
        self._course, self._clock = course, clock
        self._shared: dict[str, Participant] = {}
        # From one address may come all: a class behind one router.
        self._crowd: Crowd[str] = Crowd(most, most, "newest")
        self._numbers = 0

    def take(self, key: str, content: bytes, neighbours: str) -> None:
        """Take what a laptop shares; it replaces what came before from the same.

        Args:
            key: by which the laptop is known again.
            content: as `labkit progress export` writes it; anything at all.
            neighbours: where it came from.

        Raises:
            Crowded: there are too many from there.
            LabFailed: it makes no sense; what came before stays.
        """
        if not _KEY.fullmatch(key):
            raise LabFailed("Reading who shares", "the key is malformed", "use the labkit of this course")
        now = self._clock()
        shared = read_shared(content, self._course, now)
        before = self._shared.get(key)
        if before is None:
            self._make_room(key, neighbours)
            self._numbers += 1
        self._shared[key] = replace(
            shared, number=before.number if before else self._numbers, since=before.since if before else now
        )

    def forget(self, key: str) -> bool:
        """Forget one who shares no more; whether there was one."""
        self._crowd.remove(key)
        return self._shared.pop(key, None) is not None

    def participants(self) -> Sequence[Participant]:
        """All of them, in the order in which they came."""
        seen = Counter[str]()
        listed = []
        for shared in self._shared.values():
            name = shared.name or "(no name)"
            seen[name] += 1
            listed.append(replace(shared, name=name if seen[name] == 1 else f"{name} ({seen[name]})"))
        return listed

    def problem(self) -> str:
        """Laptops come by themselves: nothing can be said of those that do not."""
        return ""

    def _make_room(self, key: str, neighbours: str) -> None:
        leaving = self._crowd.add(key, neighbours)
        if leaving == key:
            raise Crowded("Taking another participant", "there are too many from your address", "tell your instructor")
        if leaving is not None:
            self._shared.pop(leaving, None)


def read_shared(content: bytes, course: Course, seen: datetime) -> Participant:
    """What somebody shares, as the participant that it says; their number is for the caller to give.

    Args:
        content: as `labkit progress export` writes it; anything at all.
        course: the lessons and exercises that are kept; anything else is dropped.
        seen: when it came, by our clock.

    Raises:
        LabFailed: it makes no sense.
    """
    document = read_content(content, _FILE, (HAND_IN,), VERSION)
    if not isinstance(document.name, str):
        raise LabFailed("Reading what was shared", "its name is not text", "use the labkit of this course")
    lessons = _of_course(lessons_of(document, _FILE), course)
    try:
        hand = read_hand(document.hand)
    except ValueError as error:
        raise LabFailed("Reading what was shared", f"its hand: {error}", "use the labkit of this course") from None
    return Participant(
        number=0,
        name=showable(document.name.strip()),
        lessons=lessons,
        clock_ahead=_clock_ahead(document.made, seen),
        since=seen,
        seen=seen,
        hand=Hand(hand.since, showable(hand.text, MOST_CHARACTERS)) if hand else None,
    )


def _clock_ahead(made: object, now: datetime) -> timedelta:
    """How far the clock is ahead that wrote a document just now; nothing if it does not say."""
    try:
        moment = datetime.fromisoformat(made) if isinstance(made, str) else None
        return moment - now if moment is not None and moment.tzinfo is not None else timedelta()
    except (ValueError, OverflowError):
        return timedelta()


def _of_course(lessons: Lessons, course: Course) -> Lessons:
    """What the page shows and no more: others could fill the memory with lessons that do not exist."""
    return {
        name: LessonRecord(
            lesson.opened,
            lesson.last,
            lesson.seconds,
            {exercise: kept for exercise, kept in lesson.exercises.items() if exercise in course[name]},
        )
        for name, lesson in lessons.items()
        if name in course
    }
