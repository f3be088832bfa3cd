"""What the files beside the notebooks do on a real lab, as far as the texts speak of it and no cell can show it."""

from __future__ import annotations

from collections.abc import Callable

from labkit.course.lessons import FOLDER
from labkit.notebook import Lesson
from tests.course import placed

_CAPSTONE = "11-capstone"


def _attempts(lesson: Lesson) -> dict[str, str]:
    """What each attempt on the ledger came to: its name, and what refused it; empty if it succeeded."""
    script = (FOLDER / "attempts.sh").read_text(encoding="utf-8")
    lines = lesson.exec("ledger", ["sh", "-c", script]).expect().stdout.splitlines()
    told = (line.removeprefix("could").lstrip().removeprefix("not  ").partition(": ") for line in lines)
    return {name: refusal for name, _, refusal in told}


def test_the_attempts_on_the_ledger_before_and_after_it_is_hardened(opened: Callable[[str], Lesson]) -> None:
    lesson = opened(_CAPSTONE)
    lesson.apply(lesson.sample("ledger")).expect_running()
    before = _attempts(lesson)
    assert len(before) == 7 and not any(before.values()), before
    harden = next(task for task in placed(_CAPSTONE) if task.exercise.name == "harden")
    harden.give(lesson, harden.exercise.solution)
    after = _attempts(lesson)
    assert list(after) == list(before)
    still = [name for name, refusal in after.items() if not refusal]
    assert still == ["read the app's key", "write to the app's ledger"]
    assert "Operation not permitted" in after["make a device"]
    assert "Operation not permitted" in after["make a user namespace"]
    assert all("Permission denied" in after[name] for name in list(after)[:3]), after
