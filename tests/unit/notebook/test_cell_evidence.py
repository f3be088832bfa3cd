"""In a class: what is said of a cell that differs there, and what a lab showed in place of one that cannot be run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from labkit.base.configuration import Configuration, Sandbox
from labkit.core.causes import Cause
from labkit.core.run_results import RunResult
from labkit.lab.lab import Lab
from labkit.notebook import cell_evidence
from labkit.notebook.cell_evidence import (
    MARK,
    CellEvidence,
    install_cell_evidence,
    noted_result,
    recorded_run,
    show,
)
from labkit.notebook.opened_lesson import OpenedLesson
from labkit.show.steps import Silent
from tests.engine_cells import engine_cells

LESSON = "07-run-as-non-root"
RESULT = RunResult("docker run debian id", "uid=0(root)", 125, Cause.UNKNOWN_USER, "no such user", "")
RECORD: dict[str, Any] = {
    "recorded": "2026-11-27",
    "engine": "Docker 26.1.5",
    "kubernetes": "v1.37.2",
    "lessons": {
        LESSON: {
            "07-04": {
                "at": 4,
                "needs": "inspect",
                "source": "%%bash\ndocker inspect debian",
                "outputs": [
                    {"output_type": "stream", "name": "stdout", "text": "1654\n"},
                    {"output_type": "display_data", "data": {"text/plain": "a table"}},
                ],
            },
            "07-51": {"at": 5, "needs": "build", "source": 'lab.build("app")', "outputs": [], "exercise": True},
            "07-05": {"at": 7, "needs": "inspect", "source": "%%bash\ndocker inspect debian", "outputs": []},
            "07-52": {
                "at": 6,
                "needs": "check",
                "source": "judge(app)",
                "outputs": [],
                "exercise": True,
                "reads": ["app"],
            },
            "07-60": {"at": 8, "needs": "cluster", "source": "all", "why": "it asks too much", "outputs": []},
            "07-70": {
                "at": 9,
                "needs": "nothing",
                "source": "labels",
                "why": "your namespace has a level",
                "outputs": [],
            },
        }
    },
    "experiments": {LESSON: [{"image": "debian", "command": ["id"], "user": "nobody", "result": noted_result(RESULT)}]},
}


@pytest.fixture(autouse=True)
def _the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_evidence, "_record", lambda: RECORD)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """What was displayed, with its metadata."""
    displayed: list[tuple[Any, Any]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw, metadata=None: displayed.append((data, metadata)))
    return displayed


def test_a_cell_that_needs_an_engine_shows_a_sentence_with_the_date_and_what_a_lab_showed(
    shown: list[tuple[Any, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    show(LESSON, "07-04")
    (sentence, mark), (table, _) = shown
    assert sentence["text/plain"] == (
        "Not run: it asks an engine, and this class gives its participants none: lab.image(NAME) has an image's facts. "
        "A lab showed this on 2026-11-27, with Docker 26.1.5 and Kubernetes v1.37.2:"
    )
    assert mark == MARK
    assert table == {"text/plain": "a table"}
    assert capsys.readouterr().out == "1654\n"


def test_an_exercise_says_what_works_in_its_place() -> None:
    sentence = CellEvidence.of(LESSON).sentence("07-51")
    assert sentence.startswith("Not run: it builds an image, which needs an engine")
    assert "What works here: edit the file and have it explained" in sentence


@pytest.mark.parametrize(
    ("source", "has_engine", "name"),
    [
        ("%%bash\ndocker inspect debian\n", False, "07-04"),
        ("%%bash\ndocker inspect alpine\n", False, None),
        ("%%bash\ndocker inspect debian\n", True, None),
        ("all", True, "07-60"),
    ],
    ids=["as given", "changed", "with an engine", "beyond a participant's rights, with an engine"],
)
def test_a_cell_is_known_as_it_was_given(source: str, has_engine: bool, name: str | None) -> None:
    assert CellEvidence.of(LESSON, has_engine=has_engine).find(source) == name


def test_of_two_cells_of_one_text_each_shows_its_own() -> None:
    evidence = CellEvidence.of(LESSON)
    text = "%%bash\ndocker inspect debian"
    assert [evidence.find(text), evidence.find(text)] == ["07-04", "07-04"]  # IPython asks more than once.
    assert evidence.find('lab.build("app")') == "07-51"
    assert [evidence.find(text), evidence.find(text)] == ["07-05", "07-05"]


def test_a_check_is_run_as_soon_as_there_is_what_it_judges(tmp_path: Path) -> None:
    shell, _ = _installed(tmp_path, Sandbox("ns", has_engine=False))
    (transform,) = shell.input_transformers_cleanup
    assert ".show(" in transform(["judge(app)\n"])[0]
    assert "What works here" in CellEvidence.of(LESSON).sentence("07-52")
    shell.user_ns["app"] = 1
    assert transform(["judge(app)\n"]) == ["judge(app)\n"]


def _installed(tmp_path: Path, sandbox: Sandbox | None) -> tuple[Any, OpenedLesson]:
    configuration = Configuration("paper", tmp_path / "s", tmp_path / "c", tmp_path / "d")
    lesson = OpenedLesson(LESSON, Lab(replace(configuration, sandbox=sandbox), Silent()))
    shell = SimpleNamespace(input_transformers_cleanup=[], user_ns={})
    install_cell_evidence(shell, lesson)
    install_cell_evidence(shell, lesson)
    return shell, lesson


def test_a_kernel_of_a_class_shows_it_in_the_cells_place_and_runs_all_others(tmp_path: Path) -> None:
    shell, _ = _installed(tmp_path, Sandbox("ns", has_engine=False))
    (transform,) = shell.input_transformers_cleanup
    (line,) = transform(["%%bash\n", "docker inspect debian\n"])
    assert f".show('{LESSON}', '07-04')" in line
    assert transform(["labels\n"]) == ["labels\n"]
    assert transform(["1 + 1\n"]) == ["1 + 1\n"]


def test_what_is_otherwise_in_a_class_is_said_before_the_cell_runs(
    tmp_path: Path, shown: list[tuple[Any, Any]]
) -> None:
    _, lesson = _installed(tmp_path, Sandbox("ns"))
    lesson.before_each_cell[0]("labels")
    lesson.before_each_cell[0]("1 + 1")
    ((sentence, _),) = shown
    assert sentence["text/plain"] == "In this class: your namespace has a level."


def test_a_lab_of_ones_own_has_none_of_it(tmp_path: Path) -> None:
    shell, lesson = _installed(tmp_path, None)
    assert shell.input_transformers_cleanup == lesson.before_each_cell == []


def test_the_truth_of_a_prediction_is_what_a_lab_saw() -> None:
    assert recorded_run(LESSON, "debian", ["id"], "nobody") == RESULT
    assert recorded_run(LESSON, "debian", ["id"], None) is None
    assert recorded_run("00-start-here", "debian", ["id"], "nobody") is None


CELLS = [
    ({"id": "a", "source": "%%bash\ndocker build -q -t mine .", "metadata": {}}, "build"),
    ({"id": "b", "source": 'lab.pod("mine")', "metadata": {}}, "pod"),
    ({"id": "c", "source": "%%bash\nkubectl run x --image=mine", "metadata": {}}, "pod"),
    ({"id": "d", "source": 'app = lab.start("debian")', "metadata": {}}, "run"),
    ({"id": "e", "source": "app.exec('id')", "metadata": {}}, "earlier"),
    ({"id": "f", "source": "app = 1\nprint(app)", "metadata": {}}, None),
    ({"id": "g", "source": "print(app)", "metadata": {}}, None),
    (
        {
            "id": "h",
            "source": '%%bash\necho "$(command -v dotnet)"\ndotnet --list-sdks && docker run x',
            "metadata": {},
        },
        None,
    ),
    ({"id": "i", "source": 'lab.check("x", app)', "metadata": {"labkit": {"role": "check"}}}, None),
    ({"id": "k", "source": 'again = lab.run("debian")', "metadata": {}}, "run"),
    ({"id": "l", "source": 'lab.check("x", again)', "metadata": {"labkit": {"role": "check"}}}, "check"),
    (
        {"id": "j", "source": "%%bash\nkubectl get ns", "metadata": {"labkit": {"in_class": {"recorded": True}}}},
        "cluster",
    ),
]


def test_which_cells_need_an_engine_is_told_from_their_source() -> None:
    needs = engine_cells([cell for cell, _ in CELLS])
    assert {cell["id"]: needs.get(str(cell["id"])) for cell, _ in CELLS} == {cell["id"]: kind for cell, kind in CELLS}
