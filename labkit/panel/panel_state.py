"""What the panel shows and does, by the functions that notebooks and the command line use, too."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TypedDict

from labkit.base.errors import LabError
from labkit.course.checking import give_hint
from labkit.course.course_folder import VARIABLE, CourseFolder
from labkit.course.course_overview import NextExercise, Overview, my_progress
from labkit.course.lessons import LessonJson, lessons, require_lesson
from labkit.course.progress import Progress, progress_path
from labkit.course.sharing.raised_hand import hand_seen, move_hand
from labkit.course.sharing.sender import keep_sharing
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.lab import Lab
from labkit.lab.standing import StandingJson
from labkit.lab.terminal.lesson_terminal import follow_lesson
from labkit.notebook.opening import reset_lessons
from labkit.panel.live_look import look_live
from labkit.show.steps import Silent

_NOT_UP = {
    State.ABSENT: "there is no cluster",
    State.STOPPED: "the cluster is stopped",
    State.BROKEN: "the cluster does not answer, or is incomplete",
}


Problem = Mapping[str, str | None]
"""What was tried, what came back and what to do next, as an error says it (`LabError.to_dict`)."""


class PanelLesson(TypedDict):
    """A lesson with the participant's progress; its path in JupyterLab, None if that shows another folder."""

    lesson: str
    title: str
    minutes: int | None
    path: str | None
    passed: int
    of: int
    done: bool
    open_exercise: str | None


class PanelShare(TypedDict):
    """With whom the participant shares their progress, and whether their hand is up."""

    address: str
    hand: bool
    problem: str


class PanelLab(StandingJson):
    """How the lab is, and what is wrong with it."""

    problem: Problem | None


class PanelCourse(TypedDict):
    """All that the panel shows at first."""

    lessons: list[PanelLesson]
    next: NextExercise | None
    problem: Problem | None
    share: PanelShare | None
    lab: PanelLab


class PanelPods(TypedDict):
    """A lesson's pods and containers."""

    namespace: str
    rows: list[dict[str, object]]
    problem: Problem | None


class PanelHint(TypedDict):
    """A hint, and of what."""

    exercise: str
    title: str
    text: str


class PanelState:
    """Looks at the course and the lab.

    Args:
        lab: the lab; its connections stay open between looks, and are made anew after one that failed.
        folder: the participant's.
        root: the folder that JupyterLab shows.
    """

    def __init__(self, lab: Lab, folder: Path, root: Path) -> None:
        self._lab, self._folder, self._root = lab, folder, root

    @cached_property
    def _lessons(self) -> list[LessonJson]:
        return lessons()

    def course(self) -> PanelCourse:
        """The lessons with the participant's progress, and how the lab is, as JSON-ready values."""
        overview, problem = _progress()
        standing = {lesson.lesson: lesson for lesson in overview.lessons} if overview else {}
        rows: list[PanelLesson] = []
        for lesson in self._lessons:
            kept = standing.get(lesson["lesson"])
            names = [exercise["id"] for exercise in lesson["exercises"]]
            rows.append(
                {
                    "lesson": lesson["lesson"],
                    "title": lesson["title"],
                    "minutes": lesson["minutes"],
                    "path": self._shown_path(lesson["lesson"]),
                    "passed": kept.passed if kept else 0,
                    "of": len(names),
                    "done": kept.is_done if kept else False,
                    "open_exercise": kept.open_exercise if kept else next(iter(names), None),
                }
            )
        following = overview.to_dict()["next"] if overview else None
        return {"lessons": rows, "next": following, "problem": problem, "share": self.share(), "lab": self.lab()}

    def share(self) -> PanelShare | None:
        """With whom the participant shares their progress, and whether their hand is up; None if they share nothing.

        The process that sends is started again, if it is not there: JupyterLab is what a new morning begins with.
        """
        keep_sharing(self._lab.configuration)
        seen = hand_seen(self._lab.configuration)
        if not seen.shared_with:
            return None
        return {"address": seen.shared_with, "hand": seen.hand is not None, "problem": seen.problem}

    def hand(self, text: str, down: bool) -> dict[str, str]:
        """Do what `labkit progress hand` does; a sentence about it, as JSON-ready values.

        Raises:
            LabError: the text cannot be shown on one line, or nothing can be written.
        """
        return {"sentence": str(move_hand(self._lab.configuration, text, down=down))}

    def lab(self) -> PanelLab:
        """How engine and cluster are, what is being made, and what to do if something is wrong."""
        try:
            standing = self._lab.standing()
        except LabError:
            self._lab.close()  # Its connections may be those to a cluster that is gone.
            raise
        return {**standing, "problem": _problem_of_lab(standing)}

    def live(self, lesson: str) -> PanelPods:
        """The pods and containers of a lesson, as JSON-ready values.

        Args:
            lesson: its name.

        Raises:
            Misuse: there is no such lesson.
        """
        rows, namespaces, problem = look_live(self._lab, lesson)
        return {
            "namespace": ", ".join(namespaces),
            "rows": [row.to_dict() for row in rows],
            "problem": problem.to_dict() if problem else None,
        }

    def hint(self, lesson: str, exercise: str) -> PanelHint:
        """The next hint of an exercise, as `lab.hint` gives it, as JSON-ready values.

        Raises:
            Misuse: there is no such lesson or exercise.
        """
        hint = give_hint(require_lesson(lesson), exercise, Progress.open(progress_path(self._lab.configuration)))
        return {"exercise": hint.exercise, "title": hint.title, "text": hint.text}

    def front(self, lesson: str) -> dict[str, bool]:
        """Let terminals follow to a lesson whose notebook somebody has turned to, as JSON-ready values.

        Raises:
            LabError: there is no such lesson, or it cannot be written down.
        """
        return {"followed": follow_lesson(self._lab.configuration, require_lesson(lesson))}

    def reset(self, lesson: str) -> dict[str, str]:
        """Do what `labkit reset LESSON` does; a sentence about it, as JSON-ready values.

        Raises:
            LabError: the lab cannot do it.
        """
        reset_lessons(require_lesson(lesson))
        return {"sentence": "The lesson is empty again. Run the notebook's first cell, and continue from there."}

    def restore(self, lesson: str) -> dict[str, str]:
        """Do what `labkit course restore LESSON` does; a sentence about it, as JSON-ready values.

        Raises:
            LabError: it cannot be done; the participant's version is whole.
        """
        _, kept = CourseFolder(self._folder).restore(lesson)
        yours = f" Yours is {kept.name}, in the same folder." if kept else ""
        return {"sentence": f"The notebook is as the course has it.{yours}"}

    def _shown_path(self, lesson: str) -> str | None:
        """Where JupyterLab has a lesson; None if it shows another folder."""
        notebook = self._folder / "notebooks" / f"{lesson}.ipynb"
        if not notebook.is_file() or not notebook.is_relative_to(self._root):
            return None
        return notebook.relative_to(self._root).as_posix()


def open_panel_state(root: Path) -> PanelState:
    """The state of this process's lab, and of the participant's folder: what JupyterLab shows, if none is named.

    Args:
        root: the folder that JupyterLab shows.
    """
    return PanelState(Lab(steps=Silent()), Path(os.environ.get(VARIABLE) or root).absolute(), root)


def _progress() -> tuple[Overview | None, Problem | None]:
    """The participant's progress, or why it cannot be read."""
    try:
        return my_progress(), None
    except LabError as error:
        return None, error.to_dict()


def _problem_of_lab(standing: StandingJson) -> Problem | None:
    """What is wrong with the lab and what to do about it; None as long as nothing is."""
    engine, making = standing["engine"], standing["making"]
    if not engine["reachable"]:
        return {"tried": "Connecting to the engine", "came_back": engine["problem"], "remedy": engine["remedy"]}
    if making and not making["at_work"] and making["problem"] and standing["state"] != State.UP:
        tried = "Bringing the lab up"
        return {"tried": tried, "came_back": making["problem"], "remedy": making["remedy"]}
    if standing["state"] == State.UP or (making and making["at_work"]):
        return None
    came_back = _NOT_UP[State(standing["state"])]
    return {"tried": "Looking at the lab", "came_back": came_back, "remedy": "bring it up\n  labkit up"}
