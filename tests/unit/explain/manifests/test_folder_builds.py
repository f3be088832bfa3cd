"""Kustomizations and charts that are built before they are read, by programs that stand for the real ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import Result

from labkit.explain.manifests import folder_builds
from tests.unit.explain.without_engine import explain

POD = (
    "kind: Pod\nmetadata: {{name: {}}}\n"
    "spec: {{containers: [{{name: c, image: a, securityContext: {{runAsUser: {}}}}}]}}\n"
)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("cat", "sleep"):
        (folder / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "no-cache"))
    monkeypatch.chdir(tmp_path)
    return folder


def add_program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o700)


def kustomization(folder: Path, text: str = "resources: [pod.yaml]\n", uid: int = 0) -> None:
    folder.mkdir(parents=True)
    (folder / "kustomization.yaml").write_text(text)
    (folder / "pod.yaml").write_text(POD.format("raw", uid))


def names(result: Result) -> list[str]:
    return [row["name"] for row in json.loads(result.stdout)]


def test_kubectl_builds_a_kustomization(programs: Path, tmp_path: Path) -> None:
    kustomization(tmp_path / "k")
    add_program(programs, "kubectl", f'test "$*" = "kustomize ./k" && cat <<E\n{POD.format("built", 5)}E')
    result = explain("--json", "--build", "-f", "k")
    assert (result.exit_code, names(result)) == (0, ["built"])
    plain = explain("-f", "k")
    assert "kubectl kustomize k | labkit explain -f -" in plain.output


def test_kustomize_does_where_there_is_no_kubectl(programs: Path, tmp_path: Path) -> None:
    kustomization(tmp_path / "k")
    add_program(programs, "kustomize", f'test "$1" = build && cat <<E\n{POD.format("built", 5)}E')
    assert names(explain("--json", "--build", "-f", "k")) == ["built"]


def test_helm_builds_a_chart(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "chart" / "templates").mkdir(parents=True)
    (tmp_path / "chart" / "Chart.yaml").write_text("name: c\n")
    (tmp_path / "chart" / "values.yaml").write_text("a: {{ nonsense\n")
    (tmp_path / "chart" / "templates" / "pod.yaml").write_text("kind: Pod\nmetadata: {name: {{ .Release.Name }}}\n")
    add_program(
        programs, "helm", f'test "$*" = "template ./chart" && cat <<E\n---\n# Source: x\n{POD.format("made", 0)}E'
    )
    result = explain("--json", "--build", "-f", "chart", "-R", "--gate")
    assert (result.exit_code, names(result)) == (1, ["made"])
    assert "runs as root" in result.stderr
    assert explain("--build", "-f", "chart", "--format", "sarif").exit_code == 0


def test_without_the_program_the_command_is_shown(programs: Path, tmp_path: Path) -> None:
    kustomization(tmp_path / "k")
    result = explain("--build", "--gate", "-f", "k")
    assert result.exit_code == 1
    assert "kubectl kustomize k | labkit explain -f -" in result.output


def test_what_the_program_says_is_shown(programs: Path, tmp_path: Path) -> None:
    kustomization(tmp_path / "k")
    add_program(programs, "kubectl", "echo 'error: accumulating resources: no such file' >&2; exit 1")
    result = explain("--build", "-f", "k")
    assert result.exit_code == 1
    assert "error: accumulating resources: no such file" in result.output
    assert "Traceback" not in result.output


def test_a_program_that_hangs_is_ended(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_builds, "SECONDS", 0.2)
    kustomization(tmp_path / "k")
    add_program(programs, "kubectl", "exec sleep 30")
    result = explain("--build", "-f", "k")
    assert result.exit_code == 1
    assert "had not ended" in result.output


def test_a_base_is_read_by_what_takes_it_in_alone(programs: Path, tmp_path: Path) -> None:
    kustomization(tmp_path / "t" / "base")
    kustomization(tmp_path / "t" / "prod", "resources: [../base]\n", 6)
    (tmp_path / "t" / "base" / "sub").mkdir()
    add_program(programs, "kubectl", f'test "$2" = ./t/prod || exit 9\ncat <<E\n{POD.format("prod", 5)}E')
    result = explain("--json", "--build", "-R", "-f", "t")
    assert (result.exit_code, names(result)) == (0, ["prod"])


def test_a_resource_in_a_subfolder_is_not_read_twice(programs: Path, tmp_path: Path) -> None:
    kustomization(tmp_path / "k", "resources: [sub/pod.yaml]\n")
    (tmp_path / "k" / "sub").mkdir()
    (tmp_path / "k" / "sub" / "pod.yaml").write_text(POD.format("raw", 0))
    (tmp_path / "k" / "sub" / "other.yaml").write_text(POD.format("other", 7))
    add_program(programs, "kubectl", f"cat <<E\n{POD.format('built', 5)}E")
    assert sorted(names(explain("--json", "--build", "-R", "-f", "k"))) == ["built", "other"]
