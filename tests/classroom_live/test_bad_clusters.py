"""Clusters on which a class is hardly possible, and two classes on one: what is said, and what stays as it was."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.errors import NoRight
from labkit.base.waiting import wait_until, watch
from labkit.core.admission.policy import ENFORCE_LABEL
from labkit.core.mappings import Manifest
from labkit.lab.classroom.class_bringup import ClassUp, ClassWishes
from labkit.lab.classroom.class_settings import ClassSettings
from labkit.lab.classroom.cluster_class import ClusterClass
from labkit.lab.lab import Lab
from tests.classroom_live.class_player import PlayedRoom, Visitor
from tests.classroom_live.own_class import OwnClass

_NAME = "labkit-class-second"
_POLICIES = "apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
_BINDINGS = "apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
_STORAGE_CLASSES, _DEFAULT = "apis/storage.k8s.io/v1/storageclasses", "storageclass.kubernetes.io/is-default-class"
_IN_FORCE_SECONDS = 30.0
_HUB_SECONDS = 180.0
_FILL_QUOTA = """
import json, subprocess
import labkit
lab = labkit.open("07-run-as-non-root")
gate = {"schedulingGates": [{"name": "labkit.test/never"}], "containers": [{"name": "none", "image": "none"}]}
pods = [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"fills-{n}"}, "spec": gate} for n in range(ROOM)]
many = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})
done = subprocess.run(["kubectl", "create", "-f", "-"], input=many, capture_output=True, text=True)
assert done.returncode == 0, done.stderr
pod = lab.pod("aspnetapp")
print(pod.cause, pod.message, sep="; ")
"""


@pytest.fixture
def no_default_storage(cluster: ClusterWriter) -> Iterator[None]:
    """The cluster has no default storage class meanwhile."""
    ours = list(cluster.list(_STORAGE_CLASSES))
    defaults = [storage_class["metadata"]["name"] for storage_class in ours if _is_default(storage_class)]
    try:
        for name in defaults:
            _annotate(cluster, name, "false")
        yield
    finally:
        for name in defaults:
            _annotate(cluster, name, "true")


def _is_default(storage_class: Mapping[str, Any]) -> bool:
    return (storage_class["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"


def _annotate(cluster: ClusterWriter, storage_class: str, value: str) -> None:
    argv = ["kubectl", *cluster.access.kubectl_options, "annotate", "storageclass", storage_class]
    subprocess.run([*argv, "--overwrite", f"{_DEFAULT}={value}"], check=True, capture_output=True)


@pytest.fixture
def second(lab: Lab, cluster: ClusterWriter, no_default_storage: None) -> Iterator[tuple[OwnClass, ClassUp]]:
    """A class beside the others, without volumes."""
    group = OwnClass(lab, cluster, ClassWishes(class_name=_NAME, participants=1, engine="none"))
    try:
        yield group, group.up()
    finally:
        group.down()


# --- rights ---


def _is_told(cluster: ClusterWriter, lab: Lab) -> str:
    """What is missing for a class, which has to be seen before anything is made."""
    with pytest.raises(NoRight) as caught:
        ClusterClass(cluster, ClassSettings(name="labkit-class-denied"), lab.steps).require_rights()
    assert "nothing was made" in caught.value.came_back
    assert "docs/class.md" in caught.value.remedy
    return caught.value.came_back


def _acting_as(cluster: ClusterWriter, user: str) -> ClusterWriter:
    client = {**cluster.access.client, "headers": {"Impersonate-User": user}}
    return ClusterWriter(replace(cluster.access, client=client))


def test_without_any_right_all_that_is_missing_is_told(cluster: ClusterWriter, lab: Lab) -> None:
    with _acting_as(cluster, "labkit-test-nobody") as nobody:
        missing = _is_told(nobody, lab)
    for kind in ("Namespace", "ClusterRole", "ValidatingAdmissionPolicy", "deployments", "secrets"):
        assert kind in missing, kind
    assert cluster.get("api/v1/namespaces/labkit-class-denied") is None


def test_with_half_the_rights_the_other_half_is_told(cluster: ClusterWriter, lab: Lab) -> None:
    user = "labkit-test-editor"
    metadata = {"name": user}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"}
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": metadata}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]
    cluster.apply({**binding, "roleRef": role, "subjects": subjects})
    try:
        with _acting_as(cluster, user) as editor:
            has_come = watch(lambda: editor.allows("create", "secrets", namespace="x"), bool, _IN_FORCE_SECONDS)
            assert has_come
            missing = _is_told(editor, lab)
    finally:
        cluster.delete(f"{_BINDINGS}/{user}")
    assert "ClusterRole" in missing
    assert "you may not create secrets" not in missing
    assert cluster.get("api/v1/namespaces/labkit-class-denied") is None


def test_a_cluster_that_enforces_restricted_everywhere_is_told_before_anything_is_made(
    cluster: ClusterWriter, lab: Lab
) -> None:
    name = "labkit-test-restricted-everywhere"
    try:
        for manifest in _restricted_everywhere(name):
            cluster.apply(manifest)
        wait_until(
            "the policy to be in force",
            lambda: cluster.try_apply(_baseline_namespace(), dry_run=True).status,
            seconds=_IN_FORCE_SECONDS,
            remedy=f"kubectl get validatingadmissionpolicies {name} -o yaml",
            is_there=lambda status: status >= 400,
        )
        missing = _is_told(cluster, lab)
    finally:
        cluster.delete(f"{_POLICIES}/{name}")
        cluster.delete(f"{_POLICIES.removesuffix('policies')}policybindings/{name}")
    assert "labkit-class-denied-p-000000-lab" in missing
    assert "this cluster enforces restricted" in missing


def _baseline_namespace() -> Manifest:
    metadata = {"name": "labkit-class-denied-tried", "labels": {ENFORCE_LABEL: "baseline"}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _restricted_everywhere(name: str) -> list[Manifest]:
    """An administrator's policy for all namespaces; here for those of the class that is not to come about."""
    rules = [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["namespaces"]}
    ]
    level = f"object.metadata.?labels[?'{ENFORCE_LABEL}'].orValue('')"
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": rules},
        "matchConditions": [{"name": "denied", "expression": "object.metadata.name.startsWith('labkit-class-denied')"}],
        "validations": [{"expression": f"{level} == 'restricted'", "message": "this cluster enforces restricted"}],
    }
    api = "admissionregistration.k8s.io/v1"
    policy = {"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec}
    bound = {"policyName": name, "validationActions": ["Deny"]}
    kind = "ValidatingAdmissionPolicyBinding"
    return [policy, {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": bound}]


def test_a_full_quota_is_told_as_such_and_not_as_a_level(room: PlayedRoom, runner: asyncio.Runner) -> None:
    async def fill(quinn: Visitor) -> str:
        async with quinn.web.kernel() as kernel:
            return await kernel.run(_FILL_QUOTA.replace("ROOM", str(room.settings.sizes.lab_pods)))

    with Visitor(room, runner, "Quinn") as quinn:
        quinn.start_server()
        printed = quinn.run(fill(quinn))
    assert printed.startswith("quota; ")
    assert "exceeded quota" in printed


# --- no storage class, and two classes ---


def test_without_a_storage_class_it_is_said_and_a_return_code_outlives_the_hubs_list(
    cluster: ClusterWriter, second: tuple[OwnClass, ClassUp], runner: asyncio.Runner
) -> None:
    group, up = second
    assert not up.settings.has_volumes
    assert any("no default storage class" in remark and "are lost" in remark for remark in up.remarks)
    with group.entered() as room, Visitor(room, runner, "Nora") as nora:
        welcome = nora.run(nora.web.client.get("/hub/welcome")).text
        assert "lost" in welcome
        who, return_code = nora.participant, nora.web.return_code
        pods = f"api/v1/namespaces/{_NAME}/pods"
        (hub,) = cluster.list(pods, "app=hub")
        cluster.delete(f"{pods}/{hub['metadata']['name']}", grace_seconds=0)
        wait_until(
            "another hub",
            lambda: group.status().hub,
            seconds=_HUB_SECONDS,
            remedy="look at it",
            is_there=lambda state: state == "up" and _hub_ids(cluster) != {hub["metadata"]["uid"]},
            interval=0.5,
        )
        with Visitor(room, runner, return_code=return_code) as again:
            assert again.participant == who


def _hub_ids(cluster: ClusterWriter) -> set[str]:
    return {str(pod["metadata"]["uid"]) for pod in cluster.list(f"api/v1/namespaces/{_NAME}/pods", "app=hub")}


def test_two_classes_in_one_cluster_let_in_nobody_of_the_others_and_go_alone(
    cluster: ClusterWriter, room: PlayedRoom, second: tuple[OwnClass, ClassUp], runner: asyncio.Runner
) -> None:
    group, up = second
    with (
        group.entered() as beside,
        Visitor(beside, runner, "Ann") as here,
        Visitor(room, runner, "Ann") as there,
        Visitor(room, runner, "Eve", code=up.keys.class_code) as by_the_others_code,
        Visitor(room, runner, return_code=here.web.return_code) as by_the_others_return_code,
    ):
        assert here.participant
        assert there.participant
        assert (by_the_others_code.participant, by_the_others_return_code.participant) == ("", "")
        group.down()
        assert there.status("/hub/welcome") == 200
    assert cluster.get(f"api/v1/namespaces/{_NAME}") is None
    assert cluster.get(f"api/v1/namespaces/{room.settings.name}") is not None
    assert group.status().state == "absent"
