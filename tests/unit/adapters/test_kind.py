"""Which kind and kubectl will do: our own, or one on PATH whose version is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.adapters import go_programs
from labkit.adapters.kind import Kind, cluster_config, find_kind, kind_version, wanted_version, without_stack
from labkit.adapters.program_versions import minor_of, version_in
from labkit.base.errors import LabFailed
from labkit.lab.machine.kubectl_program import find_kubectl, kubectl_version


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache without built programs, and a PATH with one folder."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "cache"


def _program(cache: Path, name: str, line: str, status: int = 0) -> str:
    program = cache.parent / "bin" / name
    program.write_text(f"#!/bin/sh\necho '{line}'\nexit {status}\n", encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def _wanted(module: go_programs.GoProgram, path: str) -> tuple[int, int]:
    version = version_in(go_programs.module_version(module.module, path))
    assert version is not None
    return version.major, version.minor


@pytest.mark.parametrize(("step", "suffix", "will_do"), [(0, ".0", True), (1, ".3", True), (-1, ".9", False)])
def test_a_kind_on_path_may_not_be_older(cache: Path, step: int, suffix: str, will_do: bool) -> None:
    major, minor = _wanted(go_programs.KIND, "sigs.k8s.io/kind")
    program = _program(cache, "kind", f"kind v{major}.{minor + step}{suffix} go1.26.3 linux/amd64")
    assert kind_version(program) == f"v{major}.{minor + step}{suffix}"
    assert find_kind(cache) == (program if will_do else None)


@pytest.mark.parametrize(("step", "will_do"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_kubectl_on_path_is_at_most_one_minor_off(cache: Path, step: int, will_do: bool) -> None:
    major, minor = _wanted(go_programs.KUBECTL, "k8s.io/kubernetes")
    program = _program(cache, "kubectl", f"Client Version: v{major}.{minor + step}.4")
    assert kubectl_version(program) == f"v{major}.{minor + step}.4"
    assert find_kubectl(cache) == (program if will_do else None)


@pytest.mark.parametrize("line", ["", "kind from a fork", "error: no version"])
def test_a_program_that_does_not_say_its_version_will_not_do(cache: Path, line: str) -> None:
    for name in ("kind", "kubectl"):
        _program(cache, name, line)
    assert (find_kind(cache), find_kubectl(cache)) == (None, None)


def test_where_there_is_none_there_is_none(cache: Path) -> None:
    assert (find_kind(cache), find_kubectl(cache)) == (None, None)


def test_the_version_that_the_kit_was_tested_with_is_one() -> None:
    version = version_in(wanted_version())
    assert version is not None
    assert minor_of(version) <= version


@pytest.mark.parametrize("embedded", [True, False])
@pytest.mark.parametrize("cgroup_v1", [True, False])
def test_kind_is_told_no_more_than_is_needed(embedded: bool, cgroup_v1: bool) -> None:
    config = cluster_config(embedded=embedded, cgroup_v1=cgroup_v1)
    patches = "\n".join(config["nodes"][0]["kubeadmConfigPatches"])
    assert ('"failCgroupV1": false' in patches) == cgroup_v1
    assert ('"cgroupDriver": "cgroupfs"' in patches) == embedded
    assert config["networking"].get("disableDefaultCNI", False) == embedded
    assert config["networking"]["apiServerAddress"] == "127.0.0.1"


def test_kind_makes_nodes_by_the_engines_own_command(cache: Path) -> None:
    told = cache.parent / "told"
    program = _program(cache, "kind", f'$(echo "$KIND_EXPERIMENTAL_PROVIDER $CONTAINER_HOST $KUBECONFIG" > {told})')
    script = Path(program).read_text(encoding="utf-8").replace("'", "")
    Path(program).write_text(script, encoding="utf-8")
    kubeconfig = cache.parent / "kubeconfig"
    environment = {"PATH": "/usr/bin:/bin", "CONTAINER_HOST": "unix:///x.sock", "KIND_EXPERIMENTAL_PROVIDER": "nerdctl"}
    Kind(program, "a", kubeconfig, "podman", environment).exists()
    assert told.read_text(encoding="utf-8").split() == ["podman", "unix:///x.sock", str(kubeconfig)]
    Kind(program, "a", kubeconfig, environment={"PATH": "/usr/bin:/bin"}).exists()
    assert told.read_text(encoding="utf-8").split() == ["docker", str(kubeconfig)]


def test_why_a_cluster_could_not_be_made_is_in_the_error(cache: Path) -> None:
    program = _program(cache, "kind", "x")
    printed = "kubelet is not healthy: too many open files\\nmain.main\\n\\tlabkit/node/main.go:70\\n"
    Path(program).write_text(f"#!/bin/sh\nprintf '{printed}' >&2\nexit 1\n", encoding="utf-8")
    with pytest.raises(LabFailed) as failed:
        Kind(program, "a", cache.parent / "kubeconfig", environment={"PATH": "/usr/bin:/bin"}).create("node", {})
    assert failed.value.came_back == "kubelet is not healthy: too many open files"


def test_what_kind_prints_is_shown_without_the_places_in_its_source() -> None:
    printed = """ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1
Command Output: [preflight] Running pre-flight checks
[ERROR CRI]: container runtime is not running
preflight
k8s.io/kubernetes/cmd/kubeadm/app/preflight.RunInitNodeChecks
\tk8s.io/kubernetes@v1.37.2/cmd/kubeadm/app/preflight/checks.go:965
main.main
\tlabkit/node/kubernetes/kube/main.go:70
runtime.goexit
\truntime/asm_amd64.s:1771
"""
    assert without_stack(printed).splitlines()[-2:] == ["[ERROR CRI]: container runtime is not running", "preflight"]
    assert "main.go" not in without_stack(printed)
    assert len(without_stack("line\n" * 100).splitlines()) == 5
