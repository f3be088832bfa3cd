"""Exercises: how they stand, and help with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from labkit.adapters.kube import namespace_gone
from labkit.notebook.opened import Opened

if TYPE_CHECKING:
    from labkit.course.check_views import LessonStatus
    from labkit.course.checking import Checking, CheckResult, Hint
    from labkit.notebook import Lesson


class Exercises(Opened):
    """What a lesson does with its exercises; how they stand is what it shows of itself."""

    def __repr__(self) -> str:
        return str(self._stands())

    def _repr_html_(self) -> str:
        return self._stands()._repr_html_()

    def _stands(self) -> LessonStatus:
        from labkit.course.check_views import LessonStatus

        passed, exercises = self._checking.standing()
        return LessonStatus.of(self.name, self.namespace, self._lab.status(), exercises=exercises, passed=passed)

    @property
    def _checking(self) -> Checking:
        if self._exercises is None:
            from labkit.course.check_views import offer_help
            from labkit.course.checking import Checking

            # Every part is a part of a Lesson, and a check looks at the whole of it.
            self._exercises = Checking(cast("Lesson", self), self._progress)
            offer_help(self.name, self._exercises)
        return self._exercises

    def check(self, name: str, answer: object = None) -> CheckResult:
        """Look at what there is now, and say how an exercise stands.

        Args:
            name: of the exercise.
            answer: what your cell gave, where the exercise asks for an answer.

        Raises:
            Misuse: the lesson has no such exercise.
            LabError: the lab went away, or the lesson was opened elsewhere.
        """
        if self.namespace not in self._kube.namespaces(self.name):
            raise namespace_gone(self.namespace)
        return self._checking.check(name, answer)

    def hint(self, name: str, number: int | None = None) -> Hint:
        """The next hint of an exercise, or one by its number."""
        return self._checking.hint(name, number)

    def solution(self, name: str) -> Hint:
        """A solution of an exercise."""
        return self._checking.solution(name)
