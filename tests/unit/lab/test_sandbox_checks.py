"""What the doctor says in a participant's pod of a class."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.adapters.engine import EngineUnreachable
from labkit.base.configuration import Configuration, Sandbox
from labkit.lab import sandbox_checks
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.cluster_kinds.sandbox_cluster import SandboxCluster
from labkit.lab.doctor import examine
from labkit.lab.lab import Lab
from labkit.show.steps import Silent


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> dict[str, State]:
    """How the class's cluster is."""
    now = {"is": State.UP}
    monkeypatch.setattr(SandboxCluster, "look", lambda *_: now["is"])
    monkeypatch.setattr(sandbox_checks, "find_kubectl", lambda _: "/usr/local/bin/kubectl")
    return now


def _findings(tmp_path: Path, sandbox: Sandbox) -> dict[str, tuple[str, str]]:
    configuration = Configuration("p", tmp_path / "s", tmp_path / "c", tmp_path / "d", sandbox=sandbox)
    return {check.name: (check.status, check.finding) for check in examine(Lab(configuration, Silent()))}


def test_all_is_well_without_an_engine(tmp_path: Path, state: dict[str, State]) -> None:
    findings = _findings(tmp_path, Sandbox("class-p-1-lab", has_engine=False))
    assert {status for status, _ in findings.values()} == {"ok"}
    assert "none in this class" in findings["engine"][1]
    assert "class-p-1-lab, and nowhere else" in findings["cluster"][1]


def test_an_api_server_that_does_not_answer_and_an_engine_that_is_gone_are_problems(
    tmp_path: Path, state: dict[str, State], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: object) -> None:
        raise EngineUnreachable("Connecting to the engine", "no socket", "start it")

    state["is"] = State.BROKEN
    monkeypatch.setattr(Lab, "engine", gone)
    findings = _findings(tmp_path, Sandbox("ns"))
    assert (findings["cluster"][0], findings["engine"]) == ("problem", ("problem", "no socket"))
