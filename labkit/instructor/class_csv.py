"""The class as CSV: a line for each participant, a column for each exercise."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime

from labkit.course.course_overview import Course
from labkit.course.progress_views import tame
from labkit.instructor.class_board import board
from labkit.instructor.record_source import Participant


def class_csv(participants: Sequence[Participant], course: Course, now: datetime) -> str:
    """The class as it is now. No cell begins as a formula does.

    Args:
        participants: of the class.
        course: its lessons and exercises.
        now: the time.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    values = board(participants, course, now)
    exercises = [f"{lesson['lesson']}/{name}" for lesson in values["lessons"] for name in lesson["exercises"]]
    writer.writerow(("name", "lesson", "passed", "of", "hints", "idle_minutes", "away", "hand", *exercises))
    for row in values["participants"]:
        hand = row["hand"]
        writer.writerow(
            (
                tame(row["name"]),
                row["lesson"],
                row["passed"],
                len(exercises),
                row["hints"],
                row["idle"] // 60,
                "yes" if row["away"] else "no",
                tame(f"up: {hand['text']}" if hand else "down"),
                *(row["cells"].get(exercise, ["", ""])[0] for exercise in exercises),
            )
        )
    return out.getvalue()
