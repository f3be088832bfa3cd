"""Pod Security: each control of each level, in the admission's words."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.core.admission.pod_security import message_of, missing_controls, violations_of
from labkit.core.admission.policy import Policy

NEWEST = (1, 37)
PODS: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
OWN: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def spec(*containers: dict[str, Any], pod: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    listed = [{"name": name, "securityContext": own} for name, own in zip("abc", containers, strict=False)]
    return {"containers": listed, "securityContext": PODS if pod is None else pod, **fields}


def broken_at(level: str, fields: dict[str, Any], annotations: dict[str, str] | None = None) -> list[str]:
    policy = Policy.parse(level)
    assert policy is not None
    return [str(violation) for violation in violations_of(policy, {"annotations": annotations or {}}, fields, NEWEST)]


def test_what_restricted_asks_for_is_enough_for_every_level() -> None:
    for level in ("privileged", "baseline", "restricted", "restricted:v1.24", "baseline:v1.0"):
        assert broken_at(level, spec(OWN, OWN)) == []


def test_a_pod_without_settings_breaks_four_controls_of_restricted_and_none_of_baseline() -> None:
    empty = spec({}, pod={})
    assert broken_at("baseline", empty) == []
    violations = violations_of(Policy("restricted"), {}, empty, NEWEST)
    # As the lab's API server said it.
    assert message_of(Policy("restricted"), violations) == (
        'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "a" must set '
        'securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set '
        'securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set '
        'securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set '
        'securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'
    )


@pytest.mark.parametrize(
    ("fields", "violation"),
    [
        (spec({"privileged": True}), 'privileged (container "a" must not set securityContext.privileged=true)'),
        (
            spec({"privileged": True}, {"privileged": True}),
            'privileged (containers "a", "b" must not set securityContext.privileged=true)',
        ),
        (
            spec({"capabilities": {"add": ["SYS_ADMIN", "NET_RAW", "CHOWN"]}}),
            'non-default capabilities (container "a" must not include "NET_RAW", "SYS_ADMIN" in '
            "securityContext.capabilities.add)",
        ),
        (spec({}, hostPID=True, hostIPC=True), "host namespaces (hostPID=true, hostIPC=true)"),
        (spec({}, volumes=[{"name": "v", "hostPath": {}}]), 'hostPath volumes (volume "v")'),
        (
            spec({"procMount": "Unmasked"}),
            'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
        ),
        (
            spec({}, pod={"seccompProfile": {"type": "Unconfined"}}),
            'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
        (
            spec({"seLinuxOptions": {"type": "spc_t", "user": "u"}}),
            'seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "spc_t"; '
            "user may not be set)",
        ),
        (
            spec({"appArmorProfile": {"type": "Unconfined"}}),
            'forbidden AppArmor profile (container "a" must not set AppArmor profile type to "Unconfined")',
        ),
        (spec({}, pod={"sysctls": [{"name": "kernel.msgmax"}]}), "forbidden sysctls (kernel.msgmax)"),
        (
            spec({}, pod={"windowsOptions": {"hostProcess": True}}),
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
        (
            {"containers": [{"name": "a", "ports": [{"hostPort": 80}]}]},
            'hostPort (container "a" uses hostPort 80)',
        ),
        (
            {"containers": [{"name": "a", "livenessProbe": {"httpGet": {"host": "h"}}}]},
            'probe or lifecycle host (container "a" uses probe or lifecycle host "h")',
        ),
    ],
)
def test_baseline(fields: dict[str, Any], violation: str) -> None:
    assert broken_at("baseline", fields) == [violation]
    assert broken_at("privileged", fields) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (spec({**OWN, "runAsNonRoot": False}), 'container "a" must not set securityContext.runAsNonRoot=false'),
        (spec(OWN, pod={**PODS, "runAsUser": 0}), "runAsUser=0 (pod must not set runAsUser=0)"),
        (
            spec({**OWN, "capabilities": {"add": ["CHOWN"]}}),
            'container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "CHOWN"',
        ),
        (spec({**OWN, "capabilities": {"drop": ["all"]}}), "unrestricted capabilities"),
        (spec({"capabilities": {"drop": ["ALL"]}}), "allowPrivilegeEscalation != false"),
        (
            spec(OWN, volumes=[{"name": "v", "nfs": {}}]),
            'restricted volume types (volume "v" uses restricted volume type "nfs")',
        ),
        (spec(OWN, volumes=[{"name": "v", "hostPath": {}}]), "restricted volume types"),
    ],
)
def test_restricted(fields: dict[str, Any], expected: str) -> None:
    (violation,) = broken_at("restricted", fields)
    assert expected in violation


def test_init_and_ephemeral_containers_count() -> None:
    bad = {"name": "i", "securityContext": {"privileged": True}}
    for role in ("initContainers", "ephemeralContainers"):
        assert broken_at("baseline", {**spec({}), role: [bad]}) == [
            'privileged (container "i" must not set securityContext.privileged=true)'
        ]


def test_a_user_namespace_relaxes_three_controls_since_1_35() -> None:
    fields = spec(
        {**OWN, "runAsUser": 0, "procMount": "Unmasked"}, pod={**PODS, "runAsNonRoot": False}, hostUsers=False
    )
    assert broken_at("baseline", fields) == []
    assert [text.partition(" (")[0] for text in broken_at("restricted", fields)] == ["procMount"]
    assert [text.partition(" (")[0] for text in broken_at("restricted:v1.34", fields)] == [
        "procMount",
        "runAsNonRoot != true",
        "runAsUser=0",
    ]


def test_a_pod_with_os_windows_is_exempt_from_what_windows_has_not() -> None:
    fields = spec({}, pod={"runAsNonRoot": True}, os={"name": "windows"})
    assert broken_at("restricted", fields) == []
    assert len(broken_at("restricted:v1.24", fields)) == 3
    by_selector = spec({}, pod={"runAsNonRoot": True}, nodeSelector={"kubernetes.io/os": "windows"})
    assert len(broken_at("restricted", by_selector)) == 3


@pytest.mark.parametrize(
    ("name", "first"), [("net.ipv4.ip_local_reserved_ports", 27), ("net.ipv4.tcp_notsent_lowat", 37)]
)
def test_a_version_has_the_controls_of_its_time(name: str, first: int) -> None:
    fields = spec({}, pod={"sysctls": [{"name": name}]})
    assert broken_at(f"baseline:v1.{first}", fields) == []
    assert broken_at(f"baseline:v1.{first - 1}", fields)
    # A server that is older than the version has no more than it knows.
    assert violations_of(Policy("baseline"), {}, fields, (1, first - 1))
    assert violations_of(Policy("baseline", "v1.99"), {}, fields, (1, first - 1))


def test_annotations_of_seccomp_count_before_1_19() -> None:
    key = "seccomp.security.alpha.kubernetes.io/pod"
    assert broken_at("baseline:v1.18", spec({}), {key: "unconfined"}) == [
        f'seccompProfile (forbidden annotation {key}="unconfined")'
    ]
    assert broken_at("baseline", spec({}), {key: "unconfined"}) == []


def test_a_level_is_read_from_text_and_from_labels() -> None:
    assert Policy.parse("restricted") == Policy("restricted", "latest")
    assert str(Policy.parse("baseline:v1.30")) == "baseline:v1.30"
    for nonsense in ("", "Restricted", "restricted:1.30", "restricted:", "restricted:v1", "none"):
        assert Policy.parse(nonsense) is None
    label = "pod-security.kubernetes.io/enforce"
    assert Policy.of_labels({}) is None
    assert Policy.of_labels({f"{label}-version": "v1.30"}) is None
    assert Policy.of_labels({label: "baseline", f"{label}-version": "v1.30"}) == Policy("baseline", "v1.30")
    assert Policy.of_labels({label: "typo"}) == Policy("restricted")


def test_what_an_older_version_of_a_level_does_not_ask_for() -> None:
    assert missing_controls(Policy("restricted")) == missing_controls(Policy("privileged", "v1.0")) == []
    assert missing_controls(Policy("restricted", "v1.99")) == missing_controls(Policy("restricted", "v1.35")) == []
    assert missing_controls(Policy("baseline", "v1.30")) == ["hostProbesAndHostLifecycle"]
    assert set(missing_controls(Policy("restricted", "v1.0"))) > {
        "capabilities_restricted",
        "seccompProfile_restricted",
    }
    assert "seccompProfile_restricted" not in missing_controls(Policy("restricted", "v1.19"))
