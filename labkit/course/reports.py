"""Reading what many participants handed in, and one report of them. What others handed in is not trusted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

from labkit.base.errors import LabFailed, Misuse
from labkit.base.files import write_atomically
from labkit.course.course_overview import Course, LessonOverview, LessonOverviewJson, Overview, overview
from labkit.course.handing_in import GIVE_OTHER, HAND_IN, VERSION, is_of_format, showable
from labkit.course.progress_file import FORMAT as PROGRESS
from labkit.course.progress_file import lessons_of, read_document


class HandedInJson(TypedDict):
    """A participant of a report: sums over all lessons, and the lessons."""

    name: str
    file: str
    lessons_done: int
    passed: int
    hints: int
    solutions: int
    minutes: int
    last: str
    lessons: list[LessonOverviewJson]


class UnreadJson(TypedDict):
    """A file that could not be read, and why."""

    file: str
    why: str


class ReportJson(TypedDict):
    """Many participants, as `labkit progress report --json` prints them."""

    lessons: int
    exercises: int
    rows: list[HandedInJson]
    unread: list[UnreadJson]


@dataclass(frozen=True)
class HandedIn:
    """One participant's file.

    Args:
        file: as it was named, made fit to be shown.
        name: that the participant chose, made fit to be shown; empty for none.
        overview: how they stand in this course.
    """

    file: str
    name: str
    overview: Overview

    @property
    def lessons_done(self) -> int:
        """How many lessons have all their exercises passed."""
        return sum(lesson.is_done for lesson in self.overview.lessons)

    def total(self, count: Literal["passed", "hints", "solutions", "minutes"]) -> int:
        """The sum of a count over all lessons."""
        return sum(getattr(lesson, count) for lesson in self.overview.lessons)

    @property
    def last(self) -> str:
        """The lesson and exercise that something was done about last, and when; empty if nothing was done."""
        lesson = self.overview.last
        return _last_of(lesson) if lesson else ""

    def to_dict(self) -> HandedInJson:
        """As JSON-ready values."""
        return {
            "name": self.name,
            "file": self.file,
            "lessons_done": self.lessons_done,
            "passed": self.total("passed"),
            "hints": self.total("hints"),
            "solutions": self.total("solutions"),
            "minutes": self.total("minutes"),
            "last": self.last,
            "lessons": self.overview.to_dict()["lessons"],
        }


@dataclass(frozen=True)
class Unread:
    """A file that could not be read.

    Args:
        file: as it was named, made fit to be shown.
        why: what is wrong with it.
    """

    file: str
    why: str


@dataclass(frozen=True)
class Report:
    """Many participants side by side.

    Args:
        course: the lessons and exercises that all are measured by.
        rows: those who could be read, in the order of the files.
        unread: the files that could not.
    """

    course: Course
    rows: tuple[HandedIn, ...]
    unread: tuple[Unread, ...]

    @property
    def exercises(self) -> int:
        """How many exercises the course has."""
        return sum(map(len, self.course.values()))

    @property
    def lessons(self) -> int:
        """How many lessons have exercises."""
        return sum(bool(known) for known in self.course.values())

    @property
    def same_names(self) -> list[str]:
        """Names that more than one file carries: handed in twice, or two people."""
        return [name for name, count in Counter(row.name for row in self.rows).items() if name and count > 1]

    def to_dict(self) -> ReportJson:
        """As JSON-ready values."""
        return {
            "lessons": self.lessons,
            "exercises": self.exercises,
            "rows": [row.to_dict() for row in self.rows],
            "unread": [{"file": unread.file, "why": unread.why} for unread in self.unread],
        }


def read_hand_in(file: Path, course: Course) -> HandedIn:
    """A participant's file: one to hand in, or the progress file itself.

    Args:
        file: the file.
        course: what it is measured by.

    Raises:
        LabFailed: it cannot be read, or makes no sense.
    """
    try:
        document = read_document(file, (HAND_IN, PROGRESS), VERSION)
    except FileNotFoundError:
        raise LabFailed(f"Reading {file}", "there is no such file", GIVE_OTHER) from None
    name = document.name
    if not isinstance(name, str):
        raise LabFailed(f"Reading {file}", "its name is not text", "ask for it again")
    return HandedIn(showable(str(file)), showable(name.strip()), overview(lessons_of(document, file), course))


def read_many(files: Sequence[Path], course: Course) -> Report:
    """Many files; one that cannot be read hides none of the others.

    Args:
        files: of the participants; one that is named twice is read once.
        course: what they are measured by.
    """
    rows: list[HandedIn] = []
    unread: list[Unread] = []
    named: dict[str, Path] = {}
    for file in files:
        named.setdefault(os.path.realpath(file), file)
    for file in named.values():
        try:
            rows.append(read_hand_in(file, course))
        except LabFailed as error:
            unread.append(Unread(showable(str(file)), error.came_back))
    return Report(course, tuple(rows), tuple(unread))


def write_report(text: str, file: Path) -> None:
    """Write a report, but never over what somebody handed in.

    Args:
        text: the report.
        file: where to.

    Raises:
        Misuse: the file is somebody's progress, or called like it.
        LabFailed: it cannot be written.
    """
    if file.suffix == ".json" or is_of_format(file, HAND_IN, PROGRESS):
        raise Misuse(f"Writing {file}", "a report would overwrite somebody's progress", GIVE_OTHER)
    write_atomically(file, text, mode=0o644)


def _last_of(lesson: LessonOverview) -> str:
    assert lesson.kept is not None
    tried = {name: exercise for name, exercise in lesson.kept.exercises.items() if name in lesson.exercises}
    place = [lesson.lesson]
    if tried:
        place.append(max(tried, key=lambda name: tried[name].last))
    return f"{', '.join(place)}, {lesson.kept.last:%Y-%m-%d %H:%M} UTC"
