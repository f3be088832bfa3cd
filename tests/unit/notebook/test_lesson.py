"""A lesson: building one does nothing, opening acts, and closing leaves nothing open."""

from __future__ import annotations

import inspect
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter

import labkit
from labkit.adapters.processes import run
from labkit.base.errors import LabFailed, Misuse
from labkit.course.progress import Progress, progress_path
from labkit.course.progress_file import read_progress
from labkit.lab.lab import Lab
from labkit.notebook import Lesson, open_lesson
from labkit.notebook.opened_lesson import OpenedLesson
from tests.course import all_placed
from tests.unit.notebook.paper import LESSON, PaperLab, opened, paper_engine, paper_kube

_CALLED_BY_NOTEBOOKS = {
    *("run", "start", "images", "image", "file", "program", "publish", "build", "pod", "apply", "sample"),
    *(
        "admission",
        "pods",
        "manifest",
        "look_at",
        "ending",
        "page",
        "exec",
        "create",
        "rollout",
        "enforce",
        "enforced",
        "threats",
    ),
    *("check", "hint", "guess", "guesses", "solution", "reset", "close", "status", "namespace", "name"),
}


class _UntouchablePath(type(Path())):  # type: ignore[misc]
    """A path with which nothing can be done but to join and name it."""

    def open(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("a file was opened")

    stat = mkdir = exists = open


def test_building_a_lesson_touches_neither_engine_nor_cluster_nor_disk(tmp_path: Path) -> None:
    lab = PaperLab(tmp_path)
    Lesson(OpenedLesson(LESSON, lab), Progress(_UntouchablePath(tmp_path / "progress.json")))
    assert lab.ups == 0
    assert list(tmp_path.iterdir()) == []


def test_opening_brings_the_lab_up_makes_a_namespace_and_records_it(tmp_path: Path) -> None:
    lab = PaperLab(tmp_path, paper_engine(), kube := paper_kube())
    lesson = open_lesson("07", lab)
    assert (lab.ups, lesson.name, lesson.namespace) == (1, LESSON, "ns")
    assert kube.called("new_namespace") == [(LESSON,)]
    assert list(read_progress(progress_path(lab.configuration))) == [LESSON]


def test_opening_begins_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LABKIT_LOG", "debug")
    open_lesson(LESSON, PaperLab(tmp_path, paper_engine(), paper_kube()))
    run([sys.executable, "-c", ""])
    line = f"$ {sys.executable} -c ''  # exit status 0, "
    assert line in capsys.readouterr().err
    assert line in (tmp_path / "state" / "labkit.log").read_text(encoding="utf-8")


def test_a_lesson_that_is_none_brings_nothing_up(tmp_path: Path) -> None:
    lab = PaperLab(tmp_path)
    with pytest.raises(Misuse, match="did you mean 07-run-as-non-root"):
        open_lesson("07-run-as-nonroot", lab)
    assert lab.ups == 0


@pytest.fixture
def own_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PaperLab:
    """The lab that a lesson opens for itself."""
    lab = PaperLab(tmp_path, paper_engine(), paper_kube())
    monkeypatch.setattr("labkit.notebook.opening.Lab", lambda: lab)
    return lab


def _fail(*_: str) -> Any:
    raise LabFailed("Asking the cluster", "it does not answer", "labkit up")


def test_an_opening_that_fails_closes_its_lab(own_lab: PaperLab) -> None:
    own_lab.paper_kube.answers["new_namespace"] = _fail
    with pytest.raises(LabFailed, match="it does not answer"):
        open_lesson(LESSON)
    assert own_lab.closed == 1


def test_a_lesson_is_a_context_manager_that_closes(own_lab: PaperLab) -> None:
    with pytest.raises(ZeroDivisionError), labkit.open(LESSON):
        1 / 0  # noqa: B018
    assert own_lab.closed == 1
    assert own_lab.paper_kube.called("delete_namespace") == [("ns",), ("ns",)]


@pytest.mark.parametrize(("kernels", "afterwards"), [(LESSON, None), ("02-root-by-default", "02-root-by-default")])
def test_a_kernel_is_in_no_lesson_once_its_own_is_closed(
    own_lab: PaperLab, monkeypatch: pytest.MonkeyPatch, kernels: str, afterwards: str | None
) -> None:
    """A shell cell behind the last one acted in the namespace `default`, and said nothing."""
    with labkit.open(LESSON):
        monkeypatch.setenv("LABKIT_LESSON", kernels)
    assert os.environ.get("LABKIT_LESSON") == afterwards
    assert own_lab.closed == 1


def test_closing_twice_closes_once_and_a_closed_lesson_says_so(own_lab: PaperLab) -> None:
    with labkit.open(LESSON) as lesson:
        lesson.close()
    assert own_lab.closed == 1
    for use in (lesson.reset, lesson.pods, lambda: lesson.check("which-cause")):
        with pytest.raises(Misuse, match="it was closed") as error:
            use()
        assert "first cell again" in error.value.remedy


def test_what_cannot_be_removed_does_not_keep_the_lab_open(own_lab: PaperLab) -> None:
    lesson = open_lesson(LESSON)
    own_lab.paper_kube.answers["namespaces"] = _fail
    with pytest.raises(LabFailed):
        lesson.close()
    assert own_lab.closed == 1


def test_somebody_elses_lab_stays_open(own_lab: PaperLab) -> None:
    with open_lesson(LESSON, own_lab):
        pass
    assert own_lab.closed == 0


def _lesson(tmp_path: Path, kube: Any) -> Lesson:
    return Lesson(opened(tmp_path, kube=kube), Progress(tmp_path / "progress.json"))


def test_a_lesson_that_was_opened_elsewhere_says_so_before_it_checks(tmp_path: Path) -> None:
    with pytest.raises(LabFailed, match="opened or reset elsewhere"):
        _lesson(tmp_path, paper_kube(namespaces=["another"])).check("in-the-container")


def test_a_check_of_a_mere_word_needs_no_namespace(tmp_path: Path) -> None:
    lesson = _lesson(tmp_path, paper_kube(namespaces=["another"]))
    assert "it fails" in str(lesson.check("which-cause", "it fails"))


def test_it_has_what_the_notebooks_call_each_with_a_docstring() -> None:
    called = {
        name
        for placed in all_placed()
        for code in (placed.cell, placed.check, placed.exercise.solution, *placed.exercise.others)
        for name in re.findall(r"\blab\.(\w+)", code)
    }
    assert called <= _CALLED_BY_NOTEBOOKS
    public = {name for name in dir(Lesson) if not name.startswith("_")} | {"threats"}
    assert public == _CALLED_BY_NOTEBOOKS
    assert [name for name in public - {"threats"} if not inspect.getdoc(getattr(Lesson, name))] == []


def test_it_says_how_it_stands(tmp_path: Path) -> None:
    lesson = _lesson(tmp_path, paper_kube())
    assert str(lesson).startswith(f"lesson: {LESSON} | lab: up")


def test_a_cell_shows_how_it_stands_by_one_look_at_the_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Lab] = []

    def status(lab: Lab) -> dict[str, Any]:
        looks.append(lab)
        return {"state": "up", "images": []}

    monkeypatch.setattr(PaperLab, "status", status)
    shown, _ = DisplayFormatter().format(_lesson(tmp_path, paper_kube()))  # type: ignore[no-untyped-call]
    assert shown["text/plain"].startswith(f"lesson: {LESSON} | lab: up")
    assert "0 of 3 passed" in shown["text/html"]
    assert len(looks) == 1


def test_a_lab_is_not_brought_up_by_building_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.adapters.engine.Engine.connect", lambda _: pytest.fail("the engine was asked"))
    for name in ("STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"LABKIT_{name}", str(tmp_path / name))
    Lab()
    assert list(tmp_path.iterdir()) == []
