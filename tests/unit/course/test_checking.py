"""What comes after an exercise that is passed, and a solution that is put into its file."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from labkit.base.errors import Misuse
from labkit.course.checking import Checking
from labkit.course.progress import Progress
from labkit.course.world import World
from tools.site.__main__ import bring_files


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    """A participant's, with nothing in it."""
    return Progress.open(tmp_path / "progress.json")


def _checking(lesson: str, progress: Progress) -> Checking:
    return Checking(lesson, cast(World, None), progress)


def test_the_next_exercise_is_the_next_that_is_not_passed_and_then_an_earlier_one(progress: Progress) -> None:
    lesson = "07-run-as-non-root"
    checking = _checking(lesson, progress)
    assert checking._goes_on("in-the-container") == "Next: the exercise which-cause."
    progress.checked(lesson, "which-cause", "passed")
    assert checking._goes_on("in-the-container") == "Next: the exercise all-of-them."
    assert checking._goes_on("all-of-them") == "Next: the exercise in-the-container."
    for name in ("in-the-container", "all-of-them"):
        progress.checked(lesson, name, "passed")
    assert checking._goes_on("all-of-them") == "All exercises of this lesson are passed."


def test_a_solution_is_shown_as_what_changes_and_put_where_it_belongs(
    progress: Progress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    checking = _checking("05-dockerfile-user", progress)
    shown = checking.solution("fails-open")
    assert (shown.file, "+ USER ${APP_UID:-1654}" in shown.text) == ("fails-open/Dockerfile", True)
    assert 'lab.solution("fails-open", put=True) puts it into the file' in str(shown)
    mine = tmp_path / "fails-open" / "Dockerfile"
    mine.write_text("FROM mine\n", encoding="utf-8")
    assert "Yours is `Dockerfile-mine-1` beside it now" in checking.solution("fails-open", put=True).text
    assert mine.read_text(encoding="utf-8").endswith("USER ${APP_UID:-1654}\n")


def test_a_solution_that_is_a_cell_has_no_file_to_be_put_into(progress: Progress) -> None:
    with pytest.raises(Misuse, match="its answer is a cell"):
        _checking("05-dockerfile-user", progress).solution("a-free-number", put=True)


def test_what_is_to_be_said_of_the_cell_before_stands_above_the_verdict_and_changes_none(progress: Progress) -> None:
    looks = SimpleNamespace(
        pod=lambda _: None,
        manifest=lambda _: {},
        not_taken=lambda _: None,
        kinds_named=lambda _: [],
        names_near=lambda _: [],
    )
    checking = Checking("07-run-as-non-root", cast(World, SimpleNamespace(look=looks)), progress)
    alone = checking.check("in-the-container")
    told = checking.check("in-the-container", before="The cell before ended in an error, NameError.")
    assert told.message == f"The cell before ended in an error, NameError. {alone.message}"
    assert told.verdict is alone.verdict
