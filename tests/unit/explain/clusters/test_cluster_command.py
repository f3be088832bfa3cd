"""`labkit explain --cluster`: its options, what it prints, and a gate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from labkit.cli import explain_arguments, main
from tests.paper_cluster import paper_cluster, pod


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["explain", *arguments], catch_exceptions=False, standalone_mode=True)
    return result.exit_code, result.output


@pytest.mark.usefixtures("nowhere")
def test_a_gate_and_a_report_for_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with paper_cluster({"/api/v1/pods": [pod("a", uid=0), pod("b", uid=7)]}) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.write_kubeconfig(tmp_path / "kubeconfig")))
        status, output = _run("--cluster", "-A", "--offline")
        assert status == 0 and "Containers of workloads" in output and "Pod shop/a app" in output
        status, output = _run("--cluster", "-A", "--offline", "--gate", "root")
        assert status == 1 and "Pod shop/a app: runs as root in 1 of 1 pods" in output
        status, output = _run("--cluster", "-A", "--offline", "--format", "sarif")
        results = json.loads(output[output.index("{") : output.rindex("}") + 1])["runs"][0]["results"]
        assert [result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for result in results] == [
            "shop/Pod/a/app"
        ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--context", "x"], "they need --cluster"),
        (["-A", "-f", "x.yaml"], "they need --cluster"),
        (["--cluster", "nginx"], "named as well"),
        (["--cluster", "--fix"], "--fix changes files"),
        (["--cluster", "-A", "-n", "shop"], "leave one of them out"),
    ],
)
def test_options_that_contradict(arguments: list[str], message: str) -> None:
    status, output = _run(*arguments)
    assert status == 2 and message in output


def test_packages_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain_arguments, "find_spec", lambda _: None)
    status, output = _run("--cluster")
    assert status == 3 and "labkit[lab]" in output


def test_a_cluster_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    status, output = _run("--cluster")
    assert status == 1 and "there is no file" in output and "KUBECONFIG=FILE" in output
