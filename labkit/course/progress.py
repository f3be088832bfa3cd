"""The participant's progress: which exercises were checked, with what verdict, hints used; in one file of theirs.

Nothing is sent from here: `labkit.course.sharing` does so, where the participant agrees. Recording never stops a
lesson: what is wrong with the file is printed, and the check's result is given all the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from labkit.base.configuration import Configuration
from labkit.base.errors import LabError
from labkit.course.judging.assessment import CheckVerdict
from labkit.course.progress_file import read_progress, record
from labkit.course.records import Event, ExerciseRecord, GuessRecord, after


def progress_path(configuration: Configuration) -> Path:
    """Where a lab's participant has their file: it lies with what survives the lab."""
    return configuration.data / "progress.json"


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


@dataclass
class Progress:
    """What one notebook records; any number of them may write the same file at once.

    What cannot be recorded is kept in memory, and recorded together with the next event that can.

    Args:
        path: the participant's file.
        tell: is given a sentence when something is wrong with it.
        clock: the time, in UTC and whole seconds.
    """

    path: Path
    tell: Callable[[str], None] = _tell
    clock: Callable[[], datetime] = _now
    _waiting: list[Event] = field(default_factory=list, init=False)
    _hints: dict[tuple[str, str], int] = field(default_factory=dict, init=False)

    @classmethod
    def open(cls, path: Path) -> Progress:
        """The progress in a file; nothing is read or written yet."""
        return cls(path)

    def opened(self, lesson: str) -> None:
        """Record that a lesson was opened."""
        self._record(Event("opened", lesson, self.clock()))

    def checked(self, lesson: str, exercise: str, verdict: str, diagnosis: str = "") -> None:
        """Record a check.

        Args:
            lesson: the lesson.
            exercise: its name.
            verdict: passed, not yet or not right.
            diagnosis: which of the course's own diagnoses it gave; empty for none of them.
        """
        self._record(Event("checked", lesson, self.clock(), exercise, verdict=verdict, diagnosis=diagnosis))

    def hinted(self, lesson: str, exercise: str, number: int) -> None:
        """Record that a hint was read.

        Args:
            lesson: the lesson.
            exercise: its name.
            number: of the hint, from 1.
        """
        self._hints[lesson, exercise] = max(number, self._hints.get((lesson, exercise), 0))
        self._record(Event("hinted", lesson, self.clock(), exercise, number=number))

    def shown(self, lesson: str, exercise: str) -> None:
        """Record that the solution was shown."""
        self._record(Event("shown", lesson, self.clock(), exercise))

    def guessed(self, lesson: str, question: str, choice: str, *, late: bool) -> None:
        """Record a guess.

        Args:
            lesson: the lesson.
            question: what was guessed at.
            choice: what was guessed.
            late: whether the answer had been seen; then an earlier guess stays.
        """
        self._record(Event("guessed", lesson, self.clock(), question=question, choice=choice, late=late))

    def guess(self, lesson: str, question: str) -> GuessRecord | None:
        """What was guessed, now or before; None for nothing."""
        waiting = [event for event in self._waiting if event.lesson == lesson and event.question == question]
        try:
            kept = read_progress(self.path)
        except LabError:  # reported when something is recorded
            kept = {}
        for event in waiting:
            kept = after(kept, event)
        return kept[lesson].guesses.get(question) if lesson in kept else None

    def hints_used(self, lesson: str, exercise: str) -> int:
        """The highest number of an exercise's hints that were read, now or before; 0 if none was."""
        kept = self._kept(lesson, exercise)
        return max(*(kept.hints if kept else ()), self._hints.get((lesson, exercise), 0), 0)

    def is_passed(self, lesson: str, exercise: str) -> bool:
        """Whether an exercise was passed, now or before."""
        waiting = any(
            (event.lesson, event.exercise, event.verdict) == (lesson, exercise, CheckVerdict.PASSED)
            for event in self._waiting
        )
        kept = self._kept(lesson, exercise)
        return waiting or (kept is not None and kept.passed is not None)

    def _kept(self, lesson: str, exercise: str) -> ExerciseRecord | None:
        try:
            kept = read_progress(self.path).get(lesson)
        except LabError:  # reported when something is recorded
            return None
        return kept.exercises.get(exercise) if kept else None

    def _record(self, event: Event) -> None:
        self._waiting.append(event)
        try:
            warning = record(self.path, self._waiting)
        except LabError as error:
            remedy = " ".join(error.remedy.split())
            self.tell(f"Your progress was not recorded. {error.tried}: {error.came_back}. What to do: {remedy}")
            return
        self._waiting.clear()
        if warning:
            self.tell(warning)
