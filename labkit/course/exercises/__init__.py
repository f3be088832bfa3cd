"""The exercises, a module for each lesson that has some: `lesson_07.py` for 07-run-as-non-root.

An exercise of many answers has a module of its own beside its lesson's, such as `lesson_02_menu.py`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from labkit.base.errors import Misuse, did_you_mean
from labkit.course.exercise import Exercise


def exercises_of(lesson: str) -> tuple[Exercise, ...]:
    """The exercises of a lesson, in the order of its notebook; none for a lesson without any."""
    module = f"{__name__}.lesson_{lesson[:2]}"
    if find_spec(module) is None:
        return ()
    exercises: tuple[Exercise, ...] = import_module(module).EXERCISES
    return exercises


def find_exercise(lesson: str, name: str) -> Exercise:
    """An exercise of a lesson by its name.

    Raises:
        Misuse: the lesson has none of that name, or no name was given; the remedy has a near name, or all names.
    """
    known = {exercise.name: exercise for exercise in exercises_of(lesson)}
    if isinstance(name, str) and name in known:
        return known[name]
    all_names = f"this lesson has {', '.join(known) or 'no exercises'}"
    if name == "":
        raise Misuse("Looking for an exercise", "no name was given", all_names)
    hint = did_you_mean(str(name), known, all_names)
    raise Misuse(f"Looking for exercise {name!r}", f"lesson {lesson} has none of that name", hint)
