"""What a cluster lacks for a class is said with what to do, also to who may look at little."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.lab.classroom.class_doctor import examine_cluster
from labkit.lab.classroom.class_room import Room, cluster_room, needed_room, read_quantity
from labkit.lab.classroom.class_settings import ClassSettings
from labkit.lab.machine.machine_check import Check
from labkit.show.steps import Silent
from tests.class_cluster import KeepingCluster, keeping_cluster

CLASSES = "apis/storage.k8s.io/v1/storageclasses"
DEFAULT = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}


@pytest.fixture
def paper() -> Iterator[KeepingCluster]:
    with keeping_cluster() as server:
        server.kept["version"] = {"gitVersion": "v1.37.2"}
        yield server


def examined(paper: KeepingCluster, participants: int = 30) -> dict[str, Check]:
    with ClusterWriter(paper.access) as cluster:
        checks = examine_cluster(cluster, ClassSettings(), participants, Silent(), trials=False)
    return {check.name: check for check in checks}


def node(paper: KeepingCluster, name: str, memory: str, cpu: str = "8", pods: str = "110", **spec: Any) -> None:
    status = {"allocatable": {"memory": memory, "cpu": cpu, "pods": pods}}
    paper.put(f"api/v1/nodes/{name}", status=status, spec=spec)


def test_a_cluster_that_has_it_all(paper: KeepingCluster) -> None:
    paper.put(f"{CLASSES}/fast", metadata=DEFAULT)
    node(paper, "a", "32Gi")
    checks = examined(paper)
    assert {checks[name].status for name in ("version", "your rights", "storage class", "room for 30")} == {"ok"}
    assert checks["network policies"].status == "not checked"


@pytest.mark.parametrize(("version", "status"), [("v1.29.4", "problem"), ("v1.30.0-eks", "ok"), ("", "not checked")])
def test_versions(paper: KeepingCluster, version: str, status: str) -> None:
    paper.kept["version"] = {"gitVersion": version}
    assert examined(paper)["version"].status == status


def test_missing_rights_are_a_problem(paper: KeepingCluster) -> None:
    paper.denied = {("create", "clusterroles"), ("create", "networkpolicies")}
    check = examined(paper)["your rights"]
    assert check.status == "problem"
    assert "ClusterRole labkit-class-hub" in check.finding and "networkpolicies" in check.finding


def test_who_may_list_nothing_is_told_so(paper: KeepingCluster) -> None:
    paper.denied = {("list", resource) for resource in ("nodes", "pods", "storageclasses", "namespaces")}
    checks = examined(paper)
    assert {checks[name].status for name in ("storage class", "room for 30", "Pod Security")} == {"not checked"}


@pytest.mark.parametrize(
    ("classes", "remedy"),
    [({}, "export progress"), ({"slow": {}}, "--storage-class slow")],
    ids=["none", "none is the default"],
)
def test_without_a_storage_class(paper: KeepingCluster, classes: dict[str, Any], remedy: str) -> None:
    for name, metadata in classes.items():
        paper.put(f"{CLASSES}/{name}", metadata=metadata)
    check = examined(paper)["storage class"]
    assert check.status == "warning"
    assert "lost" in check.finding
    assert remedy in str(check.remedy)


def test_too_small_a_cluster_says_how_many_fit(paper: KeepingCluster) -> None:
    node(paper, "a", "4Gi")
    node(paper, "full", "400Gi", unschedulable=True)
    node(paper, "kept", "400Gi", taints=[{"key": "gpu", "effect": "NoSchedule"}])
    check = examined(paper, 100)["room for 100"]
    assert check.status == "warning"
    assert "4.0 GiB are free" in check.finding
    assert "a class of 16" in str(check.remedy)


def test_what_runs_takes_room(paper: KeepingCluster) -> None:
    node(paper, "a", "2Gi", cpu="2", pods="10")
    requests = {"requests": {"memory": "1Gi", "cpu": "500m"}}
    for name, phase, where in (("runs", "Running", "a"), ("over", "Succeeded", "a"), ("elsewhere", "Running", "b")):
        spec = {"nodeName": where, "containers": [{"resources": requests}]}
        paper.put(f"api/v1/pods/{name}", spec=spec, status={"phase": phase})
    with ClusterWriter(paper.access) as cluster:
        assert cluster_room(cluster) == Room(2**30, 1.5, 9)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1Gi", 2**30), ("500m", 0.5), ("2", 2.0), ("1.5G", 1.5e9), (110, 110.0), ("", 0.0), ("many", 0.0), (None, 0.0)],
)
def test_quantities(text: object, value: float) -> None:
    assert read_quantity(text) == value


def test_a_larger_class_needs_more() -> None:
    small, large = (needed_room(ClassSettings(), number) for number in (1, 100))
    assert list(small.lacking(large)) and not list(large.lacking(small))
