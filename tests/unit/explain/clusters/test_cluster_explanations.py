"""What is said of a cluster: predicted beside actual, by workload, with what differs and why; and only GETs go out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from labkit.adapters.kube.cluster_reader import ClusterReader
from labkit.base.errors import LabFailed, Misuse
from labkit.explain.clusters.cluster_explanations import ClusterQuestion, differing, explain_cluster, summary_of
from labkit.explain.given_users import GivenUsers
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.pipelines.findings import findings_of
from labkit.explain.rows import Explanation, Explanations
from tests.paper_cluster import PaperCluster, paper_cluster, pod, workload
from tests.unit.explain.without_engine import no_engine

SHOP = "/api/v1/namespaces/shop"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"
REPLICA_SETS = "/apis/apps/v1/namespaces/shop/replicasets"
PODS = f"{SHOP}/pods"
KINDS = (
    *("apps/v1 deployments", "apps/v1 statefulsets", "apps/v1 daemonsets", "apps/v1 replicasets"),
    *("batch/v1 cronjobs", "batch/v1 jobs"),
)
ANSWERS = {"/version": (200, b'{"gitVersion": "v1.37.2"}'), SHOP: (200, b'{"metadata": {"name": "shop"}}')}
REVISION = "deployment.kubernetes.io/revision"
BY_WEB = [{"kind": "Deployment", "name": "web", "uid": "web", "controller": True}]


def ask(
    tmp_path: Path,
    lists: Mapping[str, Sequence[Mapping[str, Any]]],
    users: Mapping[str, str] | None = None,
    question: ClusterQuestion | None = None,
    **server: Any,
) -> tuple[Explanations, PaperCluster]:
    """What is said of a cluster of these objects."""
    server.setdefault("answers", ANSWERS)
    with paper_cluster(lists, **server) as cluster:
        file = cluster.write_kubeconfig(tmp_path / "kubeconfig")
        with (
            ImageFinder(GivenUsers(users or {}), connect=no_engine) as finder,
            ClusterReader.connect(files=[file]) as reader,
        ):
            return explain_cluster(finder, reader, question or ClusterQuestion()), cluster


def only(explained: Explanations) -> Explanation:
    """The one row."""
    (row,) = explained.rows
    return row


def test_nothing_but_gets_go_out(tmp_path: Path) -> None:
    _, cluster = ask(tmp_path, {PODS: [pod("a", uid=0)], DEPLOYMENTS: [workload("web")]})
    assert {method for method, _, _ in cluster.asked} == {"GET"}
    assert all("watch" not in query for _, _, query in cluster.asked)


def test_pods_are_grouped_by_their_workload_and_paged(tmp_path: Path) -> None:
    replica_set = workload("web-1", ownerReferences=BY_WEB)
    pods = [pod(f"web-1-{number}", ("ReplicaSet", "web-1"), uid=1000) for number in range(600)]
    lists = {DEPLOYMENTS: [workload("web")], REPLICA_SETS: [replica_set], PODS: pods}
    explained, cluster = ask(tmp_path, lists, {"app:1": "1000"})
    row = only(explained)
    assert (row.title, str(row.seen)) == ("Deployment shop/web app", "uid 1000, gid 1000 (600 pods)")
    assert row.to_dict()["actual"]["runs_as"] == [{"uid": 1000, "gid": 1000, "groups": [1000], "pods": 600}]
    assert sum(path == PODS for _, path, _ in cluster.asked) == 3


def test_a_page_that_expired_is_asked_for_anew(tmp_path: Path) -> None:
    pods = [pod("a", ("Rollout", "r"), uid=1), *(pod(f"b{number}", ("Rollout", "r"), uid=1) for number in range(300))]
    with paper_cluster({PODS: pods}, answers=ANSWERS) as cluster:
        cluster.expired.add(PODS)
        with ClusterReader.connect(files=[cluster.write_kubeconfig(tmp_path / "kubeconfig")]) as reader:
            assert sum(1 for _ in reader.list(PODS.lstrip("/"))) == 301


def test_the_pods_tell_what_the_image_does_not(tmp_path: Path) -> None:
    explained, _ = ask(tmp_path, {PODS: [pod("a", uid=0), pod("b", uid=101), pod("c")]})
    root, other, unreported = explained.rows
    assert root.objection == "runs as root in 1 of 1 pods"
    assert [finding.rule for finding in findings_of(explained)] == ["runs-as-root", "user-not-known"]
    assert (other.objection, str(unreported.seen)) == (None, "not reported (1 pod)")
    assert summary_of(explained).rows == [("shop", 3, 1, 0, 1, 1, 0)]


def test_a_custom_owner_goes_by_its_name(tmp_path: Path) -> None:
    owned = workload("r-1", ownerReferences=[{"kind": "Rollout", "name": "r", "uid": "r", "controller": True}])
    pods = [pod("r-1-a", ("ReplicaSet", "r-1"), uid=5), pod("t-a", ("TaskRun", "t"), uid=6)]
    explained, _ = ask(tmp_path, {REPLICA_SETS: [owned], PODS: pods})
    assert [row.title for row in explained.rows] == ["Rollout shop/r app", "TaskRun shop/t app"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, "1 pod changed when they were let in, as an admission webhook does: runAsUser 7 for (not set)"),
        (
            {"annotations": {"openshift.io/scc": "restricted-v2"}},
            "1 pod changed when they were let in (openshift.io/scc: restricted-v2): runAsUser 7 for (not set)",
        ),
    ],
)
def test_what_admission_changed(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    deployment = workload("web", annotations={REVISION: "1"})
    replica_set = workload("web-1", annotations={REVISION: "1"}, ownerReferences=BY_WEB)
    changed_pod = pod("web-1-a", ("ReplicaSet", "web-1"), uid=7, context={"runAsUser": 7}, **changed)
    lists = {DEPLOYMENTS: [deployment], REPLICA_SETS: [replica_set], PODS: [changed_pod]}
    assert only(ask(tmp_path, lists)[0]).seen is not None
    assert differing(ask(tmp_path, lists)[0]).rows == [("Deployment shop/web app", reason)]


def test_a_pod_of_an_older_template(tmp_path: Path) -> None:
    deployment = workload("web", {"securityContext": {"runAsUser": 7}}, annotations={REVISION: "2"})
    replica_set = workload("web-1", annotations={REVISION: "1"}, ownerReferences=BY_WEB)
    lists = {
        DEPLOYMENTS: [deployment],
        REPLICA_SETS: [replica_set],
        PODS: [pod("web-1-a", ("ReplicaSet", "web-1"), uid=0)],
    }
    explained, _ = ask(tmp_path, lists)
    assert differing(explained).rows[0][1] == "1 pod older than the template: runAsUser (not set) for 7"
    assert only(explained).objection == "runs as root in 1 of 1 pods"


def test_another_image_than_the_one_looked_up(tmp_path: Path) -> None:
    explained, _ = ask(tmp_path, {PODS: [pod("a", uid=0)]}, {"app:1": "1000"})
    assert differing(explained).rows == [
        (
            "Pod shop/a app",
            "1 pod: uid 0, gid 0, not uid 1000: the image's default user decides, and the cluster's image has "
            "another than the one looked up",
        )
    ]


def test_a_container_that_was_added_to_the_pods(tmp_path: Path) -> None:
    injected = pod("web-a", ("Deployment", "web"), uid=1)
    injected["spec"]["containers"].append({"name": "proxy", "image": "proxy:1"})
    injected["status"]["containerStatuses"].append({"name": "proxy", "user": {"linux": {"uid": 0, "gid": 0}}})
    explained, _ = ask(tmp_path, {DEPLOYMENTS: [workload("web")], PODS: [injected]})
    proxy = explained.rows[1]
    assert (proxy.title, proxy.objection) == ("Deployment shop/web proxy", "runs as root in 1 of 1 pods")
    assert proxy.seen is not None and "added to the pods by an admission webhook" in proxy.seen.differences[0]


def test_init_and_ephemeral_containers_have_rows(tmp_path: Path) -> None:
    debugged = pod("a", uid=1)
    for listed, name, uid in (("initContainers", "setup", 2), ("ephemeralContainers", "debugger", 0)):
        debugged["spec"][listed] = [{"name": name, "image": "busybox"}]
        status = {"name": name, "user": {"linux": {"uid": uid, "gid": uid}}}
        debugged["status"][listed.replace("Containers", "ContainerStatuses")] = [status]
    explained, _ = ask(tmp_path, {PODS: [debugged]})
    assert {row.role: str(row.seen) for row in explained.rows} == {
        "init": "uid 2, gid 2 (1 pod)",
        "main": "uid 1, gid 1 (1 pod)",
        "ephemeral": "uid 0, gid 0 (1 pod)",
    }


def test_a_refusal_in_the_status_counts(tmp_path: Path) -> None:
    waiting = ("CreateContainerConfigError", "container has runAsNonRoot and image will run as root (pod: ...)")
    spec = {"securityContext": {"runAsNonRoot": True}}
    explained, _ = ask(tmp_path, {PODS: [pod("a", waiting=waiting, spec=spec)]})
    (finding,) = findings_of(explained)
    assert (finding.rule, sorted(finding.concerns)) == ("image-runs-as-root", ["refused"])
    assert summary_of(explained).rows == [("shop", 1, 0, 1, 0, 0, 0)]


def test_the_level_of_the_namespace_counts(tmp_path: Path) -> None:
    label = b'{"metadata": {"name": "shop", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}'
    explained, _ = ask(tmp_path, {PODS: [pod("a", uid=1)]}, {"app:1": "1"}, answers={**ANSWERS, SHOP: (200, label)})
    row = only(explained)
    assert row.verdict == "admission refuses"
    assert row.seen is not None and "let in before the namespace had this level, or exempt" in row.seen.differences[0]


def test_the_server_has_let_in_what_these_rules_do_not_know(tmp_path: Path) -> None:
    newer = pod("a", uid=1, spec={"aFieldOfTomorrow": 1})
    assert only(ask(tmp_path, {PODS: [newer]}, {"app:1": "1"})[0]).verdict == "runs"


def test_a_right_that_is_lacking_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    explained, _ = ask(tmp_path, {PODS: [pod("a", uid=1)]}, forbidden=[DEPLOYMENTS])
    assert [row.title for row in explained.rows] == ["Pod shop/a app"]
    assert explained.unjudged == (
        f'no permission to list deployments: User "u" cannot list resource at {DEPLOYMENTS}; they are left out',
    )


def test_no_rights_at_all(tmp_path: Path) -> None:
    every = [f"/apis/{kind.split()[0]}/namespaces/shop/{kind.split()[1]}" for kind in KINDS]
    with pytest.raises(LabFailed, match="no permission to list") as raised:
        ask(tmp_path, {}, forbidden=[*every, PODS, f"{SHOP}/replicationcontrollers"])
    assert "kubectl auth can-i --list -n shop" in raised.value.remedy


def test_no_rights_at_all_in_all_namespaces(tmp_path: Path) -> None:
    every = [f"/apis/{kind.split()[0]}/{kind.split()[1]}" for kind in KINDS]
    core = [f"/api/v1/{kind}" for kind in ("pods", "replicationcontrollers", "namespaces")]
    with pytest.raises(LabFailed, match="no permission to list") as raised:
        ask(tmp_path, {}, question=ClusterQuestion(is_all=True), forbidden=[*every, *core])
    assert "labkit explain --cluster -n NAMESPACE" in raised.value.remedy


def test_namespaces_that_may_not_be_read_leave_their_level_open(tmp_path: Path) -> None:
    answers = {"/version": ANSWERS["/version"]}
    explained, _ = ask(tmp_path, {PODS: [pod("a", uid=1)]}, forbidden=[SHOP], answers=answers)
    assert "no permission to read namespaces" in explained.notes[0] and only(explained)


def test_a_namespace_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="none of that name"):
        ask(tmp_path, {}, question=ClusterQuestion(namespaces=["nope"]))


def test_a_cluster_that_does_not_report_identities(tmp_path: Path) -> None:
    answers = {**ANSWERS, "/version": (200, b'{"gitVersion": "v1.31.0+k3s1"}')}
    explained, _ = ask(tmp_path, {PODS: [pod("a")]}, {"app:1": "0"}, answers=answers)
    assert any("1.31 does not report" in note for note in explained.notes)
    assert only(explained).objection == "runs as root"


def test_a_user_namespace_maps_what_the_status_says(tmp_path: Path) -> None:
    explained, _ = ask(tmp_path, {PODS: [pod("a", uid=0, spec={"hostUsers": False})]})
    assert "in a user namespace of their own" in str(only(explained).because)


def test_an_empty_namespace_is_said_so(tmp_path: Path) -> None:
    explained, _ = ask(tmp_path, {})
    assert explained.notes == ["no workload and no pod is in namespace shop of context paper"]
