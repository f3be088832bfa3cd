"""What is read of a machine for the cards, on an engine of paper; what cannot be read is None."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from labkit.adapters.engine import Engine, EngineUnreachable
from labkit.base.errors import LabError, LabFailed
from labkit.core.run_results import ExecResult
from labkit.lab.cluster_kinds.cluster import Cluster
from labkit.threat.cves import MachineVersions
from labkit.threat.machine_versions import look_at_machine

INFO = {"KernelVersion": "6.18.44-fc-v669", "CgroupVersion": "1"}
DEBIAN = [
    {"Name": "Engine", "Version": "26.1.5+dfsg1", "Details": {"GitCommit": "411e817"}},
    {"Name": "containerd", "Version": "1.7.24~ds1", "Details": {"GitCommit": "1.7.24~ds1-6+deb13u1"}},
    {"Name": "runc", "Version": "1.1.5+ds1", "Details": {"GitCommit": "1.1.5+ds1-1+deb12u1"}},
    {"Name": "docker-init", "Version": "0.19.0", "Details": {"GitCommit": ""}},
]
UPSTREAM = "containerd github.com/containerd/containerd/v2 v2.1.3 c787fb98911740dd3ff2d0e45ce88cdf01410486\n"
NODE = {
    "runc": (0, "runc version 1.2.5\ncommit: v1.2.5-0-g59923ef1\nspec: 1.2.0\ngo: go1.23.4\nlibseccomp: 2.5.5\n"),
    "containerd": (0, UPSTREAM),
    "cat": (0, "96365\n"),
}


class Paper:
    """Engine and cluster that say what they are told to; an error that they are told is raised."""

    def __init__(
        self,
        info: Mapping[str, Any] | LabError = INFO,
        components: object = DEBIAN,
        node: Mapping[str, tuple[int, str]] | LabError = NODE,
    ) -> None:
        self._info, self._components, self._node = info, components, node
        self.asked: list[list[str]] = []

    def info(self) -> dict[str, Any]:
        if isinstance(self._info, LabError):
            raise self._info
        return dict(self._info)

    def version(self) -> dict[str, Any]:
        if isinstance(self._components, LabError):
            raise self._components
        return {"Components": self._components}

    def execute(self, command: Sequence[str]) -> ExecResult:
        self.asked.append(list(command))
        if isinstance(self._node, LabError):
            raise self._node
        return ExecResult(*self._node[command[0]])


def look(paper: Paper) -> MachineVersions:
    return look_at_machine(cast(Engine, paper), cast(Cluster, paper))


def with_component(version: object, commit: object) -> str | None:
    return look(Paper(components=[{"Name": "runc", "Version": version, "Details": commit}])).engine_runc


def with_node(command: str, status: int, output: str) -> MachineVersions:
    return look(Paper(node={**NODE, command: (status, output)}))


def test_everything_is_read() -> None:
    engine = Paper()
    assert look(engine) == MachineVersions(
        kernel="6.18.44-fc-v669",
        cgroup_version=1,
        engine_runc="1.1.5+ds1-1+deb12u1",
        engine_containerd="1.7.24~ds1-6+deb13u1",
        node_runc="1.2.5",
        node_containerd="v2.1.3",
        max_user_namespaces=96365,
    )
    assert sorted(engine.asked) == [
        ["cat", "/proc/sys/user/max_user_namespaces"],
        ["containerd", "--version"],
        ["runc", "--version"],
    ]


def test_a_stopped_node_leaves_the_engine() -> None:
    machine = look(Paper(node=LabFailed("Running runc in node", "container node is not running", "labkit up")))
    assert (machine.kernel, machine.engine_runc) == ("6.18.44-fc-v669", "1.1.5+ds1-1+deb12u1")
    assert (machine.node_runc, machine.node_containerd, machine.max_user_namespaces) == (None, None, None)


def test_of_an_engine_that_says_nothing_nothing_is_known() -> None:
    gone = EngineUnreachable("Connecting to the engine", "nothing answers", "labkit up")
    assert look(Paper(gone, gone, gone)) == MachineVersions()
    assert look(Paper({}, None, dict.fromkeys(NODE, (127, "not found")))) == MachineVersions()


@pytest.mark.parametrize(
    ("version", "details", "expected"),
    [
        ("1.2.5", {"GitCommit": "v1.2.5-0-g59923ef"}, "1.2.5"),
        ("v2.1.3", {"GitCommit": "c787fb98911740dd3ff2d0e45ce88cdf01410486"}, "v2.1.3"),
        ("1.1.12-0ubuntu3.1", {"GitCommit": ""}, "1.1.12-0ubuntu3.1"),
        ("1.7.12", {"GitCommit": ""}, "1.7.12 (no commit named)"),
        ("1.7.12", None, "1.7.12 (no commit named)"),
        ("N/A", {"GitCommit": "N/A"}, None),
        ("", {}, None),
        (None, {}, None),
    ],
)
def test_a_version_is_told_whole(version: object, details: object, expected: str | None) -> None:
    assert with_component(version, details) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("containerd github.com/containerd/containerd/v2 2.3.4+unknown \n", "2.3.4+unknown"),
        ("containerd github.com/containerd/containerd 1.7.12 \n", "1.7.12 (no commit named)"),
        (f"time=now level=warning msg=hello\n{UPSTREAM}", "v2.1.3"),
        ("containerd: not found", None),
        ("", None),
    ],
)
def test_the_nodes_containerd(output: str, expected: str | None) -> None:
    assert with_node("containerd", 0, output).node_containerd == expected


def test_the_nodes_runc() -> None:
    assert with_node("runc", 0, "runc version 1.4.3\nspec: 1.3.0\n").node_runc == "1.4.3 (no commit named)"
    assert with_node("runc", 126, "runc version 1.4.3\n").node_runc is None


@pytest.mark.parametrize(("output", "count"), [("0\n", 0), ("", None), ("many", None), ("-1", None), ("²", None)])
def test_the_number_of_user_namespaces(output: str, count: int | None) -> None:
    assert with_node("cat", 0, output).max_user_namespaces == count


@pytest.mark.parametrize(("expected", "read"), [("2", 2), ("1", 1), ("", None), (2, None), ("3", None)])
def test_the_cgroup_version(expected: object, read: int | None) -> None:
    assert look(Paper({"CgroupVersion": expected})).cgroup_version == read


def test_a_kernel_that_the_engine_could_not_find_out() -> None:
    assert look(Paper({"KernelVersion": "<unknown>"})).kernel is None
