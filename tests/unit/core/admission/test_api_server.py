"""The API server's verdict on whole objects: of Kubernetes' own kinds, and of kinds that a cluster defines."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.core.admission.api_server import ApiVerdict, is_own_kind, judge, read_template
from labkit.core.admission.pod_security import Policy
from labkit.core.causes import Cause

NEWEST = (1, 37)
SPEC: dict[str, Any] = {"containers": [{"name": "a", "image": "x"}]}


def deployment(spec: dict[str, Any] = SPEC, **beside: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"selector": {}, "template": {"metadata": {}, "spec": spec}, **beside},
    }


def verdict(document: dict[str, Any], level: str | None = None, own_kind: str | None = "Deployment") -> ApiVerdict:
    steps = () if own_kind == "Pod" else ("spec", "template")
    policy = Policy.parse(level) if level else None
    return judge(read_template(document, steps, own_kind=own_kind), policy, NEWEST)


def test_a_good_object_gets_in_and_nothing_is_said() -> None:
    assert verdict(deployment()).to_dict() == {"ok": True, "cause": None, "message": None}
    assert verdict(deployment()).because == ()


def test_a_field_at_the_wrong_level_keeps_the_object_out() -> None:
    found = verdict(deployment(securityContext={"runAsUser": 5}))
    assert (found.ok, found.cause) == (False, Cause.INVALID_MANIFEST)
    assert found.message == 'strict decoding error: unknown field "spec.securityContext"'
    assert found.because[0].startswith("the API server does not let it in: strict decoding error")
    assert "belongs to the pod's spec" in found.because[1]
    assert found.to_dict()["message"].startswith(found.message + " (securityContext belongs")


def test_a_template_s_settings_are_validated_with_their_path() -> None:
    found = verdict(deployment({**SPEC, "securityContext": {"runAsUser": -4}}), "restricted")
    assert found.cause is Cause.INVALID_MANIFEST
    assert found.message is not None
    assert found.message.startswith("spec.template.spec.securityContext.runAsUser: Invalid value: -4")


def test_admission_lets_the_object_in_and_none_of_its_pods() -> None:
    found = verdict(deployment(), "restricted")
    assert found.cause is Cause.POD_SECURITY
    assert found.message is not None
    assert found.message.startswith('no pod is made: violates PodSecurity "restricted:latest": allowPrivilege')
    assert found.because == (f"admission does not let it in: {found.message}",)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": SPEC}
    refused = verdict(pod, "restricted", "Pod")
    assert refused.message is not None
    assert refused.message.startswith("violates PodSecurity")


def test_of_a_kind_that_a_cluster_defines_only_the_pods_are_judged() -> None:
    rollout = {**deployment(canary={}), "kind": "Rollout"}
    assert verdict(rollout, own_kind=None) == ApiVerdict(ok=None)
    found = verdict({**rollout, "spec": {"template": {"spec": {**SPEC, "fsGroup": 5}}}}, own_kind=None)
    assert found.ok is None
    assert found.because[0] == "whether its kind has spec.template.spec.fsGroup is not known; a pod has not"
    refused = verdict(rollout, "restricted", own_kind=None)
    assert (refused.ok, refused.cause) == (False, Cause.POD_SECURITY)
    too_large = {**rollout, "spec": {"template": {"spec": {**SPEC, "securityContext": {"fsGroup": 1 << 40}}}}}
    assert verdict(too_large, own_kind=None).message == (
        "no pod is made: spec.securityContext.fsGroup: Invalid value: 1099511627776: "
        "must be between 0 and 2147483647, inclusive"
    )


def test_a_template_may_be_a_pod_s_spec_alone_and_stand_in_a_list() -> None:
    workflow = {"kind": "Workflow", "spec": {"templates": [{}, {"pod": {**SPEC, "hostPID": True}}]}}
    template = read_template(workflow, ("spec", "templates", 1, "pod"), own_kind=None)
    assert template.spec["containers"] == SPEC["containers"]
    assert judge(template, Policy("baseline"), NEWEST).cause is Cause.POD_SECURITY


@pytest.mark.parametrize(
    ("version", "kind", "own"),
    [
        ("v1", "Pod", True),
        ("apps/v1", "Deployment", True),
        (None, "Job", True),
        ("batch/v1", "Deployment", False),
        ("extensions/v1beta1", "Deployment", False),
        ("argoproj.io/v1alpha1", "Rollout", False),
        (None, "Rollout", False),
        (7, "Pod", False),
    ],
)
def test_kubernetes_own_kinds(version: object, kind: str, own: bool) -> None:
    assert is_own_kind(version, kind) is own
