"""A cell that is stopped shows two lines, whatever of the kit was at work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from labkit.course.progress import Progress
from labkit.notebook import Lesson
from labkit.notebook.interrupts import Interrupted
from tests.unit.notebook.paper import opened, paper_kube


def _interrupt(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


@pytest.fixture
def lab(tmp_path: Path) -> Lesson:
    """A lesson whose cluster is never done."""
    kube = paper_kube(make_pod=_interrupt, observe_end=_interrupt, rollout=_interrupt)
    return Lesson(opened(tmp_path, kube=kube), Progress(tmp_path / "progress.json"))


def test_an_interrupt_stays_one_and_says_what_was_stopped(lab: Lesson) -> None:
    for call, name in (
        (lambda: lab.pod("aspnetapp"), "lab.pod"),
        (lambda: lab.apply("kind: Pod\nmetadata: {name: a}"), "lab.apply"),
        (lambda: lab.ending("app"), "lab.ending"),
        (lambda: lab.rollout("web"), "lab.rollout"),
    ):
        with pytest.raises(KeyboardInterrupt, match=f"{name} was stopped") as stopped:
            call()
        assert isinstance(stopped.value, Interrupted)


def test_a_notebook_shows_two_lines(lab: Lesson, capsys: pytest.CaptureFixture[str]) -> None:
    shell: Any = InteractiveShell()  # type: ignore[no-untyped-call]
    shell.user_ns["lab"] = lab
    result = shell.run_cell('lab.pod("aspnetapp")')
    assert isinstance(result.error_in_exec, KeyboardInterrupt)
    shown = capsys.readouterr().out.strip().splitlines()
    assert shown == [
        "Interrupted: lab.pod was stopped in the middle.",
        "Run the cell again to do it from its beginning.",
    ]
