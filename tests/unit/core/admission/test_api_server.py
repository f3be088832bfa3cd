"""The API server's verdict on whole objects: of Kubernetes' own kinds, and of kinds that a cluster defines."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.core.admission.api_server import ApiVerdict, is_own_kind, judge, read_foreign_pod, read_template
from labkit.core.admission.policy import Policy
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


def verdict(document: dict[str, Any], level: str | None = None) -> ApiVerdict:
    kind = document["kind"]
    steps = () if kind == "Pod" else ("spec", "template")
    policy = Policy.parse(level) if level else None
    return judge(read_template(document, kind, steps), policy, NEWEST)


def foreign(spec: dict[str, Any], level: str | None = None) -> ApiVerdict:
    policy = Policy.parse(level) if level else None
    return judge(read_foreign_pod(spec, {}), policy, NEWEST)


def test_a_good_object_gets_in_and_nothing_is_said() -> None:
    assert verdict(deployment()).to_dict() == {"ok": True, "cause": None, "message": None}
    assert verdict(deployment()).because == ()


def test_a_field_at_the_wrong_level_keeps_the_object_out() -> None:
    answer = verdict(deployment(securityContext={"runAsUser": 5}))
    assert (answer.ok, answer.cause) == (False, Cause.INVALID_MANIFEST)
    assert answer.message == 'strict decoding error: unknown field "spec.securityContext"'
    assert answer.because[0].startswith("the API server does not let it in: strict decoding error")
    assert "belongs to the pod's spec" in answer.because[1]
    assert str(answer.to_dict()["message"]).startswith(answer.message + " (securityContext belongs")


def test_a_template_s_settings_are_validated_with_their_path() -> None:
    answer = verdict(deployment({**SPEC, "securityContext": {"runAsUser": -4}}), "restricted")
    assert answer.cause is Cause.INVALID_MANIFEST
    assert answer.message is not None
    assert answer.message.startswith("spec.template.spec.securityContext.runAsUser: Invalid value: -4")


def test_admission_lets_the_object_in_and_none_of_its_pods() -> None:
    answer = verdict(deployment(), "restricted")
    assert answer.cause is Cause.POD_SECURITY
    assert answer.message is not None
    assert answer.message.startswith('no pod is made: violates PodSecurity "restricted:latest": allowPrivilege')
    assert answer.because == (f"admission does not let it in: {answer.message}",)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": SPEC}
    refused = verdict(pod, "restricted")
    assert refused.message is not None
    assert refused.message.startswith("violates PodSecurity")


def test_of_a_kind_that_a_cluster_defines_only_the_pods_are_judged() -> None:
    assert foreign({**SPEC, "replicas": 3, "env": {}}) == ApiVerdict(ok=None)
    answer = foreign({**SPEC, "securityContext": {"fsgroup": 5}})
    assert answer.ok is None
    assert answer.because == (
        "a pod has no spec.securityContext.fsgroup; whether this kind has it is for its own definition to say",
        "fsgroup: did you mean fsGroup?",
    )
    assert (
        "a pod cannot have it so: json: cannot unmarshal" in foreign({"securityContext": {"fsGroup": "5"}}).because[0]
    )
    refused = foreign(SPEC, "restricted")
    assert (refused.ok, refused.cause) == (False, Cause.POD_SECURITY)
    assert foreign({**SPEC, "securityContext": {"fsGroup": 1 << 40}}).message == (
        "no pod is made: spec.securityContext.fsGroup: Invalid value: 1099511627776: "
        "must be between 0 and 2147483647, inclusive"
    )


def test_the_containers_of_such_a_pod_may_stand_elsewhere() -> None:
    template = read_foreign_pod({"steps": []}, {"containers": [{"name": "s", "image": "x", "script": "id"}]})
    assert template.spec["containers"] == [{"name": "s", "image": "x"}]
    assert judge(template, Policy("restricted"), NEWEST).cause is Cause.POD_SECURITY


@pytest.mark.parametrize(
    ("annotation", "profile"),
    [
        ("unconfined", {"type": "Unconfined"}),
        ("localhost/p", {"type": "Localhost", "localhostProfile": "p"}),
        ("localhost/", None),
        ("runtime/default", None),
        ("none", None),
    ],
)
def test_of_a_pod_an_annotation_of_app_armor_becomes_a_field_before_it_is_validated(
    annotation: str, profile: dict[str, str] | None
) -> None:
    """Found by comparison with the live API server: the pod's own profile is another, and that is no contradiction."""
    annotations = {"container.apparmor.security.beta.kubernetes.io/a": annotation}
    of_pod = {"appArmorProfile": {"type": "RuntimeDefault"}}
    pod = {"kind": "Pod", "metadata": {"annotations": annotations}, "spec": {**SPEC, "securityContext": of_pod}}
    template = read_template(pod, "Pod", ())
    (container,) = template.spec["containers"]
    assert container.get("securityContext", {}).get("appArmorProfile") == profile
    if profile is not None:
        assert template.verdict.ok


def test_a_value_of_a_wrong_type_is_kept_for_who_looks_for_a_placeholder() -> None:
    bad = {"apiVersion": "v1", "kind": "Pod", "spec": {**SPEC, "securityContext": {"runAsUser": "${UID}"}}}
    assert read_template(bad, "Pod", ()).mismatched == "${UID}"


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
