"""What a cluster lacks for a class is said with what to do, also to who may look at little."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.lab.classroom import class_doctor
from labkit.lab.classroom.class_doctor import examine_cluster
from labkit.lab.classroom.class_room import Room, cluster_room, needed_room, read_quantity
from labkit.lab.classroom.class_settings import ClassSettings
from labkit.lab.classroom.class_trials import ClusterTrial, ClusterTrials
from labkit.lab.classroom.class_versions import POLICIES
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
    assert checks["network policies"].remedy == "try it\n  labkit class doctor --context paper"


def served(*kinds: str) -> dict[str, Any]:
    """What an API server answers that serves these kinds of the policies' group."""
    resources = [{"name": kind.lower(), "kind": kind, "namespaced": False} for kind in kinds]
    return {"kind": "APIResourceList", "groupVersion": "admissionregistration.k8s.io/v1", "resources": resources}


WEBHOOKS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
CEILING = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
ON_DEMAND = "UserNamespacesSupport, ProcMountType and UserNamespacesPodSecurityStandards"
# What 1.37.2 answers was recorded on the lab's own node (2026-11-28). The others are in that form, with the kinds that
# their sources serve by default and the tails that providers put behind their versions.
ANSWERS = [
    ("v1.28.15-eks-2d5f260", "28+", WEBHOOKS, "problem", ON_DEMAND),
    ("v1.29.4+k3s1", "29", WEBHOOKS, "problem", ON_DEMAND),
    ("v1.30.14-gke.1150000", "30", (*WEBHOOKS, *CEILING), "ok", ON_DEMAND),
    ("v1.32.0", "32", (*WEBHOOKS, *CEILING), "ok", ON_DEMAND),
    ("v1.32.0", "32", WEBHOOKS, "problem", ON_DEMAND),
    ("v1.33.1", "33", (*WEBHOOKS, *CEILING), "ok", "the feature gate UserNamespacesPodSecurityStandards"),
    ("v1.34.2", "34", (*WEBHOOKS, *CEILING), "ok", "baseline refuses an unmasked /proc"),
    ("v1.35.0", "35", (*WEBHOOKS, *CEILING), "ok", "may have been switched off"),
    ("v1.36.3", "36", (*WEBHOOKS, *CEILING), "ok", ""),
    ("v1.37.2", "37", ("MutatingAdmissionPolicy", *WEBHOOKS, *CEILING), "ok", ""),
    ("v2.0.0", "0", (), "ok", ""),
    ("", "", (), "not checked", ""),
    ("a fork of 1.20", "20", (), "not checked", ""),
]


@pytest.mark.parametrize(
    ("version", "minor", "kinds", "status", "of_engine"),
    ANSWERS,
    ids=[f"{answer[0]}-{answer[3]}" for answer in ANSWERS],
)
def test_what_each_version_lacks(
    paper: KeepingCluster, version: str, minor: str, kinds: tuple[str, ...], status: str, of_engine: str
) -> None:
    paper.kept["version"] = {"major": "1", "minor": minor, "gitVersion": version, "platform": "linux/amd64"}
    if kinds:
        paper.kept[POLICIES] = served(*kinds)
    checks = examined(paper)
    assert checks["version"].status == status
    if status == "problem":
        assert "ValidatingAdmissionPolicy v1" in checks["version"].finding + str(checks["version"].remedy)
    engine = checks["engine in a pod"]
    assert engine.status == "not checked", "the trial decides, never a version"
    assert engine.finding == "no trial was wanted" if not of_engine else of_engine in engine.finding


@pytest.mark.parametrize(("version", "hint"), [("v1.32.1", ON_DEMAND), ("v1.37.2", "")])
def test_an_engine_that_was_refused_is_told_with_what_its_version_has_switched_off(
    paper: KeepingCluster, monkeypatch: pytest.MonkeyPatch, version: str, hint: str
) -> None:
    fine, refused = ClusterTrial(True), ClusterTrial(False, "procMount: Forbidden")
    monkeypatch.setattr(class_doctor, "try_cluster", lambda *_: ClusterTrials(fine, fine, refused))
    paper.kept["version"] = {"gitVersion": version}
    with ClusterWriter(paper.access) as cluster:
        *_, check = examine_cluster(cluster, ClassSettings(), 1, Silent())
    assert check.status == "warning"
    assert check.finding.startswith("procMount: Forbidden") and hint in check.finding
    assert ("; " in check.finding) is bool(hint)
    assert str(check.remedy).endswith("\n  labkit class up --context paper --engine none")


def test_what_a_trial_found_wanting_is_a_warning(paper: KeepingCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    volumes, network = ClusterTrial(False, "only root can write to it"), ClusterTrial(False, "nothing enforces them")
    monkeypatch.setattr(class_doctor, "try_cluster", lambda *_: ClusterTrials(volumes, network, ClusterTrial(True)))
    with ClusterWriter(paper.access) as cluster:
        *_, of_volumes, of_network, of_engine = examine_cluster(cluster, ClassSettings(), 1, Silent())
    assert (of_volumes.status, of_network.status, of_engine.status) == ("warning", "warning", "ok")
    assert (of_volumes.finding, of_network.finding) == (volumes.message, network.message)
    assert "--storage-class" in str(of_volumes.remedy)


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
    [({}, "export progress"), ({"slow": {}}, "labkit class up --context paper --storage-class slow")],
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
