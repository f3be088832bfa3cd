"""Which containers a pod has, which of them kubectl takes, and as whom they run."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.pods.api_objects import DeploymentObject, ReplicaSetObject
from labkit.core.pods.objects import are_decided
from labkit.core.pods.outcome import Outcome, Verdict
from labkit.core.pods.pod_containers import (
    DEFAULT_CONTAINER,
    ProcessIdentity,
    default_container,
    pod_containers,
    process_identities,
)

_SPEC = {
    "initContainers": [{"name": "first"}, {"name": "proxy", "restartPolicy": "Always"}],
    "containers": [{"name": "app"}, {"name": "logs"}],
    "ephemeralContainers": [{"name": "debugger"}],
}
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("name"), inner),
    max_leaves=8,
)


def test_each_container_has_its_role() -> None:
    assert [(container.name, container.role) for container in pod_containers({"spec": _SPEC})] == [
        ("first", "init"),
        ("proxy", "sidecar"),
        ("app", "main"),
        ("logs", "main"),
        ("debugger", "ephemeral"),
    ]


@pytest.mark.parametrize(("annotated", "container"), [(None, "app"), ("logs", "logs"), ("not-there", "app")])
def test_kubectls_container_is_the_annotated_one_or_else_the_first(annotated: str | None, container: str) -> None:
    annotations = {DEFAULT_CONTAINER: annotated} if annotated else {}
    assert default_container({"metadata": {"annotations": annotations}, "spec": _SPEC}) == container
    assert default_container({}) is None


def test_identities_are_those_that_the_runtime_reports() -> None:
    def status(name: str, user: Any) -> dict[str, Any]:
        return {"name": name, "user": user}

    pod = {
        "spec": _SPEC,
        "status": {
            "initContainerStatuses": [status("proxy", {"linux": {"uid": 0, "gid": 0}})],
            "containerStatuses": [status("app", {"linux": {"uid": 1654, "gid": 0, "supplementalGroups": [0, 7]}})],
            "ephemeralContainerStatuses": [status("debugger", {"windows": {}})],
        },
    }
    assert process_identities(pod) == {
        "first": None,
        "proxy": ProcessIdentity(0, 0),
        "app": ProcessIdentity(1654, 0, (0, 7)),
        "logs": None,
        "debugger": None,
    }


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), _json))
def test_no_pod_is_too_strange(pod: Any) -> None:
    assert set(process_identities(pod)) == {container.name for container in pod_containers(pod)}
    default_container(pod)


@pytest.mark.parametrize(
    ("verdicts", "asked_for", "stuck", "decided"),
    [
        (["running", "running"], 2, False, True),
        (["running"], 1, False, False),
        (["running"], 2, False, False),
        (["refused"], 1, False, True),
        (["pending", "refused"], 2, False, False),
        (["refused"], 2, False, False),
        ([], 2, True, True),
        ([], 2, False, False),
    ],
)
def test_a_deployments_pods_are_decided_once_none_is_to_come(
    verdicts: list[Verdict], asked_for: int, stuck: bool, decided: bool
) -> None:
    """A rolling update begins with one pod, and makes the next once that is ready."""
    deployment: DeploymentObject = {"metadata": {}, "spec": {"replicas": 2}}
    replica_set: ReplicaSetObject = {"metadata": {}, "spec": {"replicas": asked_for}}
    if stuck:
        replica_set["status"] = {"conditions": [{"type": "ReplicaFailure", "status": "True"}]}
    outcomes = [Outcome("p", "ns", verdict) for verdict in verdicts]
    assert are_decided(deployment, replica_set, outcomes) is decided
