"""The lessons, read from their notebooks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from labkit.base.errors import LabFailed, Misuse, did_you_mean
from labkit.base.resources import CHECKOUT, IS_CHECKOUT, NOTEBOOKS, require, restoring
from labkit.course.exercise import ExerciseJson
from labkit.course.exercises import exercises_of
from labkit.show.table import Table

FOLDER = NOTEBOOKS
_MINUTES = re.compile(r"about (\d+) minutes")


class LessonJson(TypedDict):
    """A lesson, as `labkit lessons --json` prints it."""

    lesson: str
    title: str
    minutes: int | None
    notebook: str
    seed: list[str]
    exercises: list[ExerciseJson]


def lesson_names() -> list[str]:
    """The lessons, by the names of their notebooks, in the order taught."""
    return sorted(path.stem for path in require(FOLDER).glob("[0-9][0-9]-*.ipynb"))


def require_lesson(name: str) -> str:
    """The lesson's whole name; its number will do.

    Raises:
        Misuse: it does not exist; a similar name is in the remedy.
    """
    names = lesson_names()
    if name in names:
        return name
    if numbered := [lesson for lesson in names if lesson.partition("-")[0] == name]:
        return numbered[0]
    hint = did_you_mean(str(name), names, "see what there is\n  labkit lessons", cutoff=0.4)
    raise Misuse(f"Looking for lesson {name!r}", "there is no such lesson", hint)


def describe_lesson(path: Path) -> LessonJson:
    """A lesson as JSON-ready values: title, minutes, and the claims of the article that its cells show.

    Raises:
        LabFailed: the file is not a notebook.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        opening = "".join(cells[0]["source"])
        seeds = {seed for cell in cells for seed in cell["metadata"].get("labkit", {}).get("seed", [])}
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise LabFailed(
            f"Reading {path}", f"it is not a notebook: {error}", f"restore it\n  {restoring(path)}"
        ) from error
    minutes = _MINUTES.search(opening)
    return {
        "lesson": path.stem,
        "title": opening.splitlines()[0].lstrip("# "),
        "minutes": int(minutes[1]) if minutes else None,
        "notebook": str(path.relative_to(CHECKOUT)) if IS_CHECKOUT and path.is_relative_to(CHECKOUT) else str(path),
        "seed": sorted(seeds, key=lambda seed: int(seed[1:])),
        "exercises": [exercise.to_dict() for exercise in exercises_of(path.stem)],
    }


def lessons() -> list[LessonJson]:
    """All lessons, in the order taught."""
    return [describe_lesson(FOLDER / f"{name}.ipynb") for name in lesson_names()]


def lessons_table(described: Sequence[LessonJson]) -> Table:
    """The lessons, one a line.

    Args:
        described: as `lessons` gives them.
    """
    rows = [
        (lesson["lesson"], lesson["minutes"] or "", " ".join(lesson["seed"]), lesson["title"]) for lesson in described
    ]
    return Table("", ("lesson", "minutes", "shows", "title"), rows)
