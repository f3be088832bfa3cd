"""A class is brought up where one may, shown as it is, and taken down to the last labelled thing, and no further."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.errors import LabFailed, Misuse, NoRight
from labkit.core.admission.policy import ENFORCE_LABEL
from labkit.lab.classroom import cluster_class
from labkit.lab.classroom.class_bringup import ClassWishes, _kept_prepared, planned_settings
from labkit.lab.classroom.class_keys import ClassKeys
from labkit.lab.classroom.class_settings import CLASS_LABEL, ClassSettings
from labkit.lab.classroom.class_state import pod_problem
from labkit.lab.classroom.cluster_class import ClusterClass
from labkit.lab.classroom.sandbox import sandbox_objects
from labkit.show.steps import Silent
from tests.class_cluster import KeepingCluster, keeping_cluster

KEYS = ClassKeys("c", "p", "tarozi-kemupa", "t")
ID = "p-0a1b2c"


@pytest.fixture
def paper() -> Iterator[KeepingCluster]:
    with keeping_cluster() as server:
        yield server


@pytest.fixture
def cluster(paper: KeepingCluster) -> Iterator[ClusterWriter]:
    with ClusterWriter(paper.access) as writer:
        yield writer


def a_class(cluster: ClusterWriter, **values: object) -> ClusterClass:
    return ClusterClass(cluster, ClassSettings(**values), Silent())  # type: ignore[arg-type]


def test_up_status_and_down(paper: KeepingCluster, cluster: ClusterWriter) -> None:
    group = a_class(cluster)
    assert group.status().state == "absent"
    group.require_rights()
    assert paper.changes == [], "asking for rights changed something"
    group.up(KEYS)
    assert group.keys() == KEYS
    assert group.existing_settings() == ClassSettings()
    for manifest in sandbox_objects(ClassSettings(), ID):
        cluster.create(manifest)
    status = group.status()
    assert (status.state, [person.participant for person in status.participants]) == ("up", [ID])
    assert status.participants[0].has_volume
    removed, kept = group.down()
    assert f"namespace labkit-class-{ID}-lab" in removed
    assert [name.split(",")[0] for name in kept] == ["namespace labkit-class", f"namespace labkit-class-{ID}"]
    assert paper.names("deployments") == paper.names("clusterroles") == set()
    assert group.status().state == "down"
    assert group.keys() == KEYS, "who signed in before could not come back"
    _, kept = group.down(progress=True)
    assert kept == []
    assert paper.kept == {}


def test_up_again_brings_sandboxes_up_to_date_and_keeps_homes_and_a_lessons_level(
    paper: KeepingCluster, cluster: ClusterWriter
) -> None:
    a_class(cluster).up(KEYS)
    for manifest in sandbox_objects(ClassSettings(), ID):
        cluster.create(manifest)
    namespace = f"api/v1/namespaces/labkit-class-{ID}"
    home = f"{namespace}/persistentvolumeclaims/home"
    paper.changes.clear()
    sizes = ClassSettings().sizes
    changed = ClassSettings(sizes=replace(sizes, lab_pods=5, home="2Gi"), engine="podman", engine_image="e")
    ClusterClass(cluster, changed, Silent()).up(KEYS)
    quota = paper.kept[f"{namespace}-lab/resourcequotas/lessons"]
    assert quota["spec"]["hard"]["pods"] == "5"
    assert paper.kept[namespace]["metadata"]["labels"][ENFORCE_LABEL] == "baseline", "podman is nothing for restricted"
    assert f"PATCH {home}" not in paper.changes
    assert paper.kept[home]["spec"]["resources"]["requests"]["storage"] == sizes.home
    assert ENFORCE_LABEL not in paper.kept[f"{namespace}-lab"]["metadata"]["labels"], "applied over a lesson's level"


def hubs_pod(paper: KeepingCluster) -> object:
    """What the hub's pod is made of: with another there is another hub."""
    return paper.kept["apis/apps/v1/namespaces/labkit-class/deployments/hub"]["spec"]["template"]


def test_settings_for_the_hub_are_among_the_secrets_and_begin_another_hub(
    paper: KeepingCluster, cluster: ClusterWriter
) -> None:
    group, keys = a_class(cluster), replace(KEYS, hub_settings='c.JupyterHub.authenticator_class = "github"\n')
    group.up(KEYS)
    before = hubs_pod(paper)
    group.up(keys)
    assert group.keys() == keys
    assert hubs_pod(paper) != before


def test_a_secret_that_was_made_by_hand_may_be_without_settings_for_the_hub(
    paper: KeepingCluster, cluster: ClusterWriter
) -> None:
    a_class(cluster).up(KEYS)
    del paper.kept["api/v1/namespaces/labkit-class/secrets/keys"]["data"]["hub-settings.py"]
    assert a_class(cluster).keys() == KEYS


def test_down_leaves_what_is_not_labelled(paper: KeepingCluster, cluster: ClusterWriter) -> None:
    others = a_class(cluster, name="other")
    others.up(KEYS)
    paper.put("api/v1/namespaces/labkit-class-p-ffffff")  # Of that name, and nobody's of ours.
    paper.put("apis/rbac.authorization.k8s.io/v1/clusterroles/labkit-class-hub")
    before = dict(paper.kept)
    group = a_class(cluster)
    assert group.down(progress=True) == ([], [])
    assert paper.kept == before


def test_without_volumes_down_keeps_nothing(paper: KeepingCluster, cluster: ClusterWriter) -> None:
    group = a_class(cluster, has_volumes=False)
    group.up(KEYS)
    assert group.down()[1] == []
    assert paper.kept == {}


@pytest.mark.parametrize(
    "denied",
    [
        {("create", "namespaces")},
        {("create", "clusterroles"), ("create", "validatingadmissionpolicies")},
        {("create", "deployments"), ("create", "secrets")},
        {("get", "namespaces")}
        | {("create", resource) for resource in ("namespaces", "clusterroles", "deployments", "services")},
    ],
    ids=["no namespace", "half, of the cluster", "half, in the namespace", "none"],
)
def test_without_rights_nothing_is_made_and_all_that_is_missing_is_said(
    paper: KeepingCluster, cluster: ClusterWriter, denied: set[tuple[str, str]]
) -> None:
    paper.denied = denied
    with pytest.raises(NoRight) as caught:
        a_class(cluster).require_rights()
    assert paper.changes == []
    for _, resource in denied:
        assert resource in caught.value.came_back
    assert "docs/class.md" in caught.value.remedy


def test_a_cluster_that_is_too_old_for_the_ceiling_gets_no_class(paper: KeepingCluster, cluster: ClusterWriter) -> None:
    paper.unknown = {"validatingadmissionpolicies", "validatingadmissionpolicybindings"}
    with pytest.raises(NoRight, match=r"ValidatingAdmissionPolicy labkit-class-level: .*Kubernetes 1\.30 or later"):
        a_class(cluster).require_rights()
    assert paper.changes == []


def test_a_namespace_of_somebody_else_is_not_taken(paper: KeepingCluster, cluster: ClusterWriter) -> None:
    paper.put("api/v1/namespaces/labkit-class", metadata={"labels": {"team": "shop"}})
    with pytest.raises(Misuse, match="not a class's") as caught:
        a_class(cluster).require_rights()
    assert "--context paper --class-name another-name" in caught.value.remedy


def test_settings_that_are_damaged_are_told_and_another_class_takes_their_place(
    paper: KeepingCluster, cluster: ClusterWriter
) -> None:
    paper.put("api/v1/namespaces/labkit-class/configmaps/settings", data={"settings.json": '{"name": 3}'})
    with pytest.raises(Misuse, match="Reading the class's settings") as caught:
        a_class(cluster).existing_settings()
    assert caught.value.remedy.endswith("\n  labkit class up --context paper")
    for wishes in (ClassWishes(), ClassWishes(prepared=True, participants=2)):
        settings = _kept_prepared(cluster, planned_settings(wishes), wishes, Silent())
        assert len(settings.prepared) == (2 if wishes.prepared else 0)


def test_a_namespace_that_is_on_its_way_out_is_waited_for_by_a_person(
    paper: KeepingCluster, cluster: ClusterWriter
) -> None:
    labels = {CLASS_LABEL: "labkit-class"}
    paper.put("api/v1/namespaces/labkit-class", metadata={"labels": labels, "deletionTimestamp": "now"})
    with pytest.raises(LabFailed, match="being deleted"):
        a_class(cluster).require_rights()


def test_a_hub_that_never_comes_is_told_with_the_reason(
    paper: KeepingCluster, cluster: ClusterWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_class, "_READY_SECONDS", 0.2)
    paper.is_silent = True
    waiting = {"reason": "ImagePullBackOff", "message": "registry.example: no such host"}
    status = {"containerStatuses": [{"name": "hub", "state": {"waiting": waiting}}]}
    paper.put("api/v1/namespaces/labkit-class/pods/hub-1", metadata={"labels": {"app": "hub"}}, status=status)
    with pytest.raises(LabFailed, match=r"ImagePullBackOff: registry\.example: no such host"):
        a_class(cluster).up(KEYS)


def test_prepared_participants_are_made_at_once(paper: KeepingCluster, cluster: ClusterWriter) -> None:
    a_class(cluster, prepared=(ID, "p-ffffff")).up(KEYS)
    assert {f"labkit-class-{ID}", f"labkit-class-{ID}-lab", "labkit-class-p-ffffff"} <= paper.names("namespaces")


def test_a_cluster_that_forbids_what_lessons_need_is_told_before_anything_is_made(
    paper: KeepingCluster, cluster: ClusterWriter
) -> None:
    paper.forbidden = ("baseline", 'denied request: namespaces of this cluster enforce "restricted"')
    with pytest.raises(NoRight, match="p-000000-lab: denied request"):
        a_class(cluster).require_rights()
    assert paper.changes == []


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ({}, ""),
        ({"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}, ""),
        ({"containerStatuses": [{"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}]}, "status 1"),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes: Insufficient memory"}]},
            "Insufficient memory",
        ),
    ],
)
def test_why_a_pod_does_not_run(status: dict[str, object], problem: str) -> None:
    assert problem in pod_problem({"status": status})
    assert bool(pod_problem({"status": status})) is bool(problem)
