"""Deployments, Secrets and ConfigMaps: what is read, what the API server says, and what became of a Deployment."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.core.pods.api_objects import DeploymentObject, EventObject, ReplicaSetObject
from labkit.core.pods.manifest import read_pod
from labkit.core.pods.objects import (
    Applied,
    current_replica_set,
    is_paused,
    judge_rollout,
    read_manifest,
    read_object,
    warning_texts,
)
from labkit.course.exercises.lesson_09 import MISSING_CONTROLS
from labkit.course.lessons import FOLDER
from labkit.notebook import MANIFESTS
from tests.course import cells_of

FORBIDDEN = (
    'Error creating: pods "web-5-x" is forbidden: violates PodSecurity "restricted:latest": unrestricted '
    'capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), seccompProfile (pod or '
    'container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
)


def deployment(generation: int = 2, observed: int = 2, replicas: int = 1) -> DeploymentObject:
    return {
        "metadata": {"name": "web", "uid": "d", "generation": generation},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": observed},
    }


def replica_set(uid: str, revision: int, made: int = 0, ready: int = 0, owner: str = "d") -> ReplicaSetObject:
    return {
        "metadata": {
            "uid": uid,
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [{"uid": owner}],
        },
        "status": {"replicas": made, "readyReplicas": ready},
    }


def event(uid: str, message: str = FORBIDDEN, reason: str = "FailedCreate") -> EventObject:
    return {"reason": reason, "message": message, "involvedObject": {"uid": uid}}


@pytest.mark.parametrize(
    ("headers", "texts"),
    [
        ([], ()),
        (['299 - "would violate \\"restricted\\": a"'], ('would violate "restricted": a',)),
        (['299 - "one", 299 - "two, with a comma"', '299 - "three"'], ("one", "two, with a comma", "three")),
        (["something else"], ()),
    ],
)
def test_warnings_are_read_word_for_word(headers: list[str], texts: tuple[str, ...]) -> None:
    assert warning_texts(headers) == texts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not YAML"),
        ("kind: Pod\nmetadata: {name: a}", "'Pod'"),
        ("- a", "None"),
        ("kind: Secret", "no metadata.name"),
        ("kind: Secret\nmetadata: {name: 7}", "no metadata.name"),
        ("kind: Secret\n---\nkind: Secret", "one document"),
    ],
)
def test_what_is_no_object_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_object(text)


def test_a_deployment_whose_pods_are_refused_is_decided_and_says_why() -> None:
    seen = judge_rollout(deployment(), [replica_set("r", 1)], [event("r"), event("r", reason="Other")])
    assert seen.is_decided
    assert (seen.made, seen.ready) == (0, 0)
    assert [violation.partition(" (")[0] for violation in seen.violations] == [
        "unrestricted capabilities",
        "seccompProfile",
    ]
    assert "FailedCreate  pods" in str(seen)


def test_many_refusals_that_the_api_server_has_combined_are_read_like_one() -> None:
    seen = judge_rollout(
        deployment(), [replica_set("r", 1)], [event("r", f"(combined from similar events): {FORBIDDEN}")]
    )
    assert seen.refusals == (FORBIDDEN.removeprefix("Error creating: "),)
    quota = 'Error creating: pods "web-5-x" is forbidden: exceeded quota: q, limited: pods=0'
    seen = judge_rollout(deployment(), [replica_set("r", 1)], [event("r", quota)])
    assert (seen.is_decided, seen.violations, seen.refusals) == (True, (), (quota.removeprefix("Error creating: "),))


def test_only_the_newest_replica_set_of_the_deployment_counts() -> None:
    sets = [replica_set("old", 9), replica_set("new", 10, 1, 1), replica_set("other", 11, owner="e")]
    seen = judge_rollout(deployment(), sets, [event("old"), event("other")])
    assert (seen.ready, seen.refusals, seen.is_decided) == (1, (), True)


def _with_template(workload: Any, image: str, **labels: str) -> Any:
    template = {"metadata": {"labels": {"app": "web", **labels}}, "spec": {"containers": [{"image": image}]}}
    return {**workload, "spec": {**workload.get("spec", {}), "template": template}}


def test_a_paused_deployment_has_no_replica_set_of_a_template_that_it_was_given_since() -> None:
    sets = [_with_template(replica_set("old", 1, 1, 1), "a", **{"pod-template-hash": "x"})]
    unchanged, changed = _with_template(deployment(), "a"), _with_template(deployment(), "b")
    assert current_replica_set(unchanged, sets) == sets[0]
    assert current_replica_set(changed, sets) is None
    assert judge_rollout(changed, sets, []).ready == 0
    changed["spec"]["paused"] = True
    assert is_paused(changed)
    assert not is_paused(unchanged)
    changed["status"]["observedGeneration"] = 1
    assert not is_paused(changed)


def test_a_change_that_the_controller_has_not_seen_is_not_decided() -> None:
    sets = [replica_set("old", 1, 1, 1)]
    assert not judge_rollout(deployment(generation=3), sets, [event("old")]).is_decided
    assert not judge_rollout(deployment(), [], []).is_decided
    assert not judge_rollout(deployment(replicas=2), [replica_set("r", 1, 2, 1)], []).is_decided


def test_the_warnings_come_first() -> None:
    assert str(Applied("secret/a", ("careful",))) == "Warning: careful\nsecret/a taken"


@pytest.mark.parametrize("file", sorted(MANIFESTS.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_course_s_manifests_can_be_read(file: Any) -> None:
    manifest = read_manifest(file.read_text(encoding="utf-8"))
    assert (read_pod if manifest["kind"] == "Pod" else read_object)(manifest) == manifest


def test_the_manifest_of_the_task_is_the_one_that_is_asked_about() -> None:
    text = (FOLDER / "09-pod-security-standards.ipynb").read_text(encoding="utf-8")
    lines = [line.strip().replace('"', '\\"') for line in MISSING_CONTROLS.splitlines()]
    assert all(line in text for line in lines)
    assert cells_of("09-pod-security-standards")
