"""What a check tries is tried once for an image of one id, and a pod of one uid is looked at again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labkit.core.causes import Cause
from labkit.core.run_results import RunResult
from labkit.course.progress import Progress
from labkit.course.world import Starts
from labkit.notebook import Lesson
from labkit.notebook.threats import Threats
from labkit.threat.evidence import Cell, Tried
from labkit.threat.judge import Control, Verdict
from tests.unit.notebook.paper import RUNNING, Recorder, made_pod, opened, paper_engine, paper_kube

_UID_1 = RunResult("docker run", "uid=1", 0)


def _starts(tmp_path: Path, engine: Any, kube: Any = None) -> Starts:
    lesson = Lesson(opened(tmp_path, engine, kube), Progress(tmp_path / "progress.json"))
    return lesson._checking._world.start


def test_a_command_is_run_once_in_the_same_image(tmp_path: Path) -> None:
    ids = {"id": "sha256:1"}
    engine = paper_engine(run=_UID_1, image=lambda _: {"Id": ids["id"], "Config": {}})
    starts = _starts(tmp_path, engine)
    for user in (None, None, "1654"):
        assert starts.run("debian", "id", user=user) is _UID_1
    assert len(engine.called("run")) == 2
    ids["id"] = "sha256:2"
    starts.run("debian", ["id"])
    assert len(engine.called("run")) == 3


@pytest.mark.parametrize(
    "result",
    [RunResult("docker run", "", 137, Cause.TIMEOUT, "still running"), RunResult("docker run", "", None)],
)
def test_one_that_did_not_end_is_run_again(tmp_path: Path, result: RunResult) -> None:
    engine = paper_engine(run=result)
    starts = _starts(tmp_path, engine)
    for _ in range(2):
        starts.run("debian", "id")
    assert len(engine.called("run")) == 2


def _kube(there: dict[str, Any]) -> Recorder:
    def make(manifest: Any, namespace: str) -> Any:
        there["uid"] = f"u{len(kube.called('make_pod'))}"
        return made_pod(manifest, namespace)

    def find(name: str, namespace: str) -> Any:
        metadata = {**RUNNING["metadata"], "name": name, "namespace": namespace, **there}
        return {**RUNNING, "metadata": metadata} if there else None

    kube = paper_kube(make_pod=make, find_pod=find)
    return kube


def test_a_pod_is_made_once_as_long_as_it_is_there_and_asks_for_the_same(tmp_path: Path) -> None:
    there: dict[str, Any] = {}
    kube = _kube(there)
    starts = _starts(tmp_path, paper_engine(), kube)
    for _ in range(3):
        starts.pod("debian", name="tried", pod={"runAsNonRoot": True}, command="id")
    assert len(kube.called("make_pod")) == 1
    starts.pod("debian", name="tried", pod={"runAsNonRoot": False}, command="id")
    assert len(kube.called("make_pod")) == 2
    manifest = "kind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: debian}]}"
    for _ in range(2):
        starts.apply(manifest)
    assert len(kube.called("make_pod")) == 3


@pytest.mark.parametrize("change", [{"uid": "another"}, {"deletionTimestamp": "2026-11-27T10:00:00Z"}])
def test_one_that_somebody_replaced_or_deletes_is_made_anew(tmp_path: Path, change: dict[str, str]) -> None:
    there: dict[str, Any] = {}
    kube = _kube(there)
    starts = _starts(tmp_path, paper_engine(), kube)
    starts.pod("debian", name="tried", command="id")
    there.update(change)
    starts.pod("debian", name="tried", command="id")
    assert len(kube.called("make_pod")) == 2


@pytest.mark.parametrize(("verdict", "control", "asked"), [("could", None, 1), ("unknown", None, 2)])
def test_a_probe_is_tried_once_unless_its_answer_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdict: str, control: Control | None, asked: int
) -> None:
    cell = Cell("app-restricted", "write-tmp", "engine", Verdict(verdict), control, "", {})
    tried: list[str] = []

    def probe(_: Threats, posture: str, *__: str) -> Tried:
        tried.append(posture)
        return Tried("", [cell])

    monkeypatch.setattr(Threats, "probe", probe)
    starts = _starts(tmp_path, paper_engine())
    for _ in range(2):
        assert starts.probe("app-restricted", "write-tmp")["write-tmp"] is cell
    assert len(tried) == asked
