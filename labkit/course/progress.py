"""The participant's progress: which exercises were checked, with what verdict, hints used; in one file of theirs."""

from __future__ import annotations

from pathlib import Path


class Progress:
    """Placeholder of the interface."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hints: dict[tuple[str, str], int] = {}

    @classmethod
    def open(cls, path: Path) -> Progress:
        return cls(path)

    def checked(self, lesson: str, exercise: str, verdict: str) -> None: ...

    def hinted(self, lesson: str, exercise: str, number: int) -> None:
        self._hints[lesson, exercise] = max(number, self._hints.get((lesson, exercise), 0))

    def hints_used(self, lesson: str, exercise: str) -> int:
        return self._hints.get((lesson, exercise), 0)

    def shown(self, lesson: str, exercise: str) -> None: ...
