"""What a participant may do by mistake in a lesson: each ends in a sentence that helps, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from labkit.adapters.kube import Kube
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed, Misuse
from labkit.core.pods.pod_containers import process_identities
from labkit.course.judging.assessment import CheckVerdict
from labkit.lab.lab import Lab
from labkit.notebook import Lesson, open_lesson
from labkit.notebook.jupyterlab import set_defaults
from tests.course import lesson_with_own_progress

_NAME = "07-run-as-non-root"
_RIGHT: dict[str, Any] = {"pod": {"runAsNonRoot": True}, "container": {"runAsUser": 1654}, "name": "in-the-container"}


@pytest.fixture
def lesson(lab: Lab, tmp_path: Path) -> Iterator[Lesson]:
    """Lesson 07, with a progress of its own."""
    with lesson_with_own_progress(_NAME, lab, tmp_path) as lesson:
        yield lesson


def test_a_check_before_anything_was_done_and_once_more(lesson: Lesson) -> None:
    assert lesson.check("in-the-container").verdict is CheckVerdict.NOT_YET
    for _ in range(2):
        lesson.pod("aspnetapp-root", **_RIGHT)
        assert lesson.check("in-the-container").verdict is CheckVerdict.PASSED


def test_a_pod_that_was_deleted_between_cell_and_check(lesson: Lesson, kube: Kube) -> None:
    lesson.pod("aspnetapp-root", **_RIGHT)
    kube.delete_pod("in-the-container", lesson.namespace)
    assert lesson.check("in-the-container").verdict is CheckVerdict.NOT_YET


def test_an_image_of_plain_docker_build_is_brought_into_the_cluster_by_its_id(lesson: Lesson, lab: Lab) -> None:
    """Nobody gave it the lesson's labels, and the name stays while what it names changes."""
    name, reference = "plainly-built", lab.reference("aspnetapp")
    try:
        for uid in ("4242", "4343"):
            dockerfile = f"FROM {reference}\nUSER {uid}\n"
            subprocess.run(["docker", "build", "--quiet", "--tag", name, "-"], input=dockerfile.encode(), check=True)
            lesson.pod(name, name="plain", pod={"runAsNonRoot": True}).expect_running()
            identities = process_identities(lesson._checking._world.look.manifest("plain"))
            assert {identity and identity.uid for identity in identities.values()} == {int(uid)}
    finally:
        subprocess.run(["docker", "rmi", "--force", name], check=True, capture_output=True)


@pytest.mark.alone  # it opens lesson 08 too
def test_what_a_killed_kernel_left_answers_for_nothing(lesson: Lesson, lab: Lab) -> None:
    """Its images are found by their labels; no kernel remembers them."""
    lesson.build("FROM debian\nUSER 4242", name="left-behind").expect()
    lesson.publish(name="left-too")
    with open_lesson("08", lab) as other:
        assert other.image("left-behind").user == "4242"
    with open_lesson(_NAME, lab) as again:
        for name in ("left-behind", "left-too"):
            with pytest.raises(Misuse, match="there is no such image"):
                again.image(name)


def test_the_same_lesson_in_two_notebooks(lesson: Lesson, lab: Lab) -> None:
    with open_lesson(_NAME, lab) as second:
        for attempt in (lambda: lesson.pod("aspnetapp"), lambda: lesson.check("in-the-container")):
            with pytest.raises(LabFailed, match="opened or reset elsewhere") as error:
                attempt()
            assert "first cell again" in error.value.remedy
        second.pod("aspnetapp").expect_running()


def test_a_cluster_that_answers_is_not_awaited_while_another_process_looks_at_it(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two notebooks opened at once: the second took the namespace of its last opening for its own."""
    pending = SimpleNamespace(pid=os.getpid() + 1, has=lambda names: False)
    monkeypatch.setattr("labkit.lab.lab.read_state", lambda configuration: pending)
    assert not lab.is_cluster_awaited()


@pytest.mark.alone
def test_the_cluster_stops_in_mid_lesson_and_comes_back(lesson: Lesson, lab: Lab) -> None:
    lesson.pod("aspnetapp-root", **_RIGHT)
    lab.down()
    try:
        with pytest.raises(LabFailed, match="labkit up"):
            lesson.check("in-the-container")
    finally:
        lab.up()
    # The pod has ended with its node; the API server may learn of it later, and then there is no container any more.
    try:
        advice = lesson.check("in-the-container").message
    except LabFailed as error:
        advice = error.remedy
    assert advice
    lesson.pod("aspnetapp-root", **_RIGHT)
    assert lesson.check("in-the-container").verdict is CheckVerdict.PASSED


@pytest.mark.alone
def test_the_api_server_is_killed_in_mid_lesson_and_nobody_notices(lesson: Lesson, lab: Lab) -> None:
    """The kubelet starts it again within seconds, and the lesson's requests wait for it."""
    before = lab.cluster().execute(["pidof", "kube-apiserver"]).stdout
    assert lab.cluster().execute(["pkill", "-KILL", "kube-apiserver"]).exit_status == 0
    lesson.pod("aspnetapp-root", **_RIGHT)
    assert lesson.check("in-the-container").verdict is CheckVerdict.PASSED
    assert lab.cluster().execute(["pidof", "kube-apiserver"]).stdout.strip() not in ("", before.strip())


@pytest.mark.parametrize("answer", [7, ["x"], object(), True, b"runs"], ids=lambda value: type(value).__name__)
def test_an_answer_of_the_wrong_type(lesson: Lesson, answer: object) -> None:
    result = lesson.check("which-cause", answer)
    assert result.verdict is CheckVerdict.NOT_RIGHT
    assert "a string in quotes is expected" in result.message


def _run(tmp_path: Path, *cells: str) -> list[dict[str, Any]]:
    """Run cells in a real kernel, those behind a failed one too; gives each cell's outputs as one text."""
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, kernel_name="python3", allow_errors=True, resources={"metadata": {"path": "."}})
    client.execute()
    return [nbformat.from_dict(cell) for cell in notebook.cells]


def _shown(cell: Any) -> str:
    parts = []
    for output in cell.outputs:
        parts += [output.get("text", ""), output.get("evalue", ""), output.get("data", {}).get("text/plain", "")]
        parts += output.get("traceback", [])
    return "\n".join(parts)


def test_a_syntax_error_in_the_participants_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path))
    cells = _run(
        tmp_path,
        f'import labkit\nlab = labkit.open("{_NAME}")',
        'lab.pod("aspnetapp-root", name="in-the-container",',
        'lab.check("in-the-container")',
        "lab.close()",
    )
    assert "SyntaxError" in _shown(cells[1])
    assert "not yet" in _shown(cells[2])


def test_a_first_cell_that_was_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in JupyterLab, whose kernels have the kit's extension (labkit/notebook/jupyterlab.py)."""
    for name, value in set_defaults(tmp_path / "defaults", Configuration.from_environment()).items():
        monkeypatch.setenv(name, value)
    (skipped,) = _run(tmp_path, 'lab.check("in-the-container")')
    assert "NameError" in _shown(skipped)
    assert "`lab` is made by the notebook's first cell of code" in _shown(skipped)
