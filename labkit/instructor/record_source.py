"""Where records of participants come from: laptops that share theirs, or anything else that can say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from labkit.course.hand import Hand
from labkit.course.records import Lessons


@dataclass(frozen=True)
class Participant:
    """One participant, as far as is known.

    Args:
        number: tells them from all others, in the order in which they came. It is no secret.
        name: that they chose, made fit to be shown; of two with one name the second has a number behind it.
        lessons: what they have done, limited to the course.
        clock_ahead: how far the clock that their records were written by is ahead of ours.
        since: when they came, by our clock.
        seen: when something came from them the last time, by our clock.
        hand: theirs, if it is up.
    """

    number: int
    name: str
    lessons: Lessons
    clock_ahead: timedelta
    since: datetime
    seen: datetime
    hand: Hand | None = None

    def by_our_clock(self, moment: datetime) -> datetime:
        """A time of their records by our clock; never later than when it came."""
        try:
            return min(moment - self.clock_ahead, self.seen)
        except OverflowError:
            return self.seen

    @property
    def active(self) -> datetime:
        """When they did something the last time, as far as is known, by our clock."""
        moments = [self.by_our_clock(lesson.last) for lesson in self.lessons.values()]
        return max(moments, default=self.since)


class RecordSource(Protocol):
    """Where records come from."""

    def participants(self) -> Sequence[Participant]:
        """All of them, in the order in which they came."""

    def problem(self) -> str:
        """Why nothing new comes, in one sentence; empty where it does."""
