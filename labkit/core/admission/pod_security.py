"""Pod Security: what the admission of a namespace with a level says to a pod, in its own words.

Source: kubernetes/pod-security-admission at v0.37.2: policy/registry.go (which checks a level of a version has, and in
which order), policy/check_*.go (one function for each check), admission/admission.go (the message).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from labkit.core.admission.field_errors import containers_of, part_of
from labkit.core.admission.pod_security_baseline import (
    BASELINE,
    CheckedPod,
    PodCheck,
    Violation,
    adding,
    bad_seccomp,
    plural,
    proc_mount,
    quoted,
    setters_of,
    who,
)
from labkit.core.admission.policy import LATEST, Policy

_VOLUMES: Final = (
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"),
    "secret",
)


# --- what restricted adds ---


def _privilege_escalation(pod: CheckedPod) -> Violation | None:
    if pod.is_for_windows:
        return None
    names = [name for name, _, context in pod.containers if context.get("allowPrivilegeEscalation", True)]
    detail = f"{who(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail) if names else None


def _dropped_capabilities(pod: CheckedPod) -> Violation | None:
    if pod.is_for_windows:
        return None
    keeping = [
        name for name, _, context in pod.containers if "ALL" not in part_of(context, "capabilities").get("drop", ())
    ]
    names, added = adding(pod, frozenset({"NET_BIND_SERVICE"}))
    details = [f'{who(keeping)} must set securityContext.capabilities.drop=["ALL"]'] if keeping else []
    details += [f"{who(names)} must not include {quoted(added)} in securityContext.capabilities.add"] if names else []
    return Violation("unrestricted capabilities", "; ".join(details)) if details else None


def _restricted_volumes(pod: CheckedPod) -> Violation | None:
    # A volume of no kind is an emptyDir by default.
    volumes = [volume for volume in pod.spec.get("volumes", ()) if volume.keys() - {"name"}]
    bad = [volume for volume in volumes if not any(kind in volume for kind in _VOLUMES)]
    if not bad:
        return None
    types = sorted({next(kind for kind in volume if kind != "name") for volume in bad})
    names = [volume.get("name", "") for volume in bad]
    uses = "uses" if len(bad) == 1 else "use"
    kinds = f"{plural('restricted volume type', types)} {quoted(types)}"
    return Violation("restricted volume types", f"{plural('volume', names)} {quoted(names)} {uses} {kinds}")


def _non_root(pod: CheckedPod) -> Violation | None:
    if pod.has_own_users:
        return None
    setters, _ = setters_of(pod, lambda context: "" if context.get("runAsNonRoot") is False else None)
    if setters:
        detail = f"{' and '.join(setters)} must not set securityContext.runAsNonRoot=false"
        return Violation("runAsNonRoot != true", detail)
    of_pod = pod.context.get("runAsNonRoot", False)
    names = [name for name, _, context in pod.containers if "runAsNonRoot" not in context and not of_pod]
    detail = f"pod or {who(names)} must set securityContext.runAsNonRoot=true"
    return Violation("runAsNonRoot != true", detail) if names else None


def _not_root(pod: CheckedPod) -> Violation | None:
    if pod.has_own_users:
        return None
    setters, _ = setters_of(pod, lambda context: "" if context.get("runAsUser") == 0 else None)
    return Violation("runAsUser=0", f"{' and '.join(setters)} must not set runAsUser=0") if setters else None


def _seccomp_restricted(pod: CheckedPod) -> Violation | None:
    if pod.is_for_windows:
        return None
    if (violation := bad_seccomp(pod)) is not None:
        return violation
    of_pod = "seccompProfile" in pod.context
    names = [name for name, _, context in pod.containers if "seccompProfile" not in context and not of_pod]
    wanted = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Violation("seccompProfile", f"pod or {who(names)} {wanted}") if names else None


RESTRICTED: Final = (
    PodCheck("allowPrivilegeEscalation", _privilege_escalation, 8),
    PodCheck("capabilities_restricted", _dropped_capabilities, 22, "capabilities_baseline"),
    PodCheck("procMount_restricted", proc_mount, 35, "procMount"),
    PodCheck("restrictedVolumes", _restricted_volumes, 0, "hostPathVolumes"),
    PodCheck("runAsNonRoot", _non_root),
    PodCheck("runAsUser", _not_root, 23),
    PodCheck("seccompProfile_restricted", _seccomp_restricted, 19, "seccompProfile_baseline"),
)
"""The checks that restricted adds, in their order; it has baseline's too, but for those that one of these replaces."""


# --- what a level has ---


def missing_controls(policy: Policy) -> list[str]:
    """The names of those checks of a level that an older version of it does not have yet.

    Args:
        policy: what a namespace enforces.
    """
    if policy.version == LATEST or policy.level == "privileged":
        return []
    minor = _minor_of(policy.version)
    checks = (*BASELINE, *(RESTRICTED if policy.level == "restricted" else ()))
    return [check.name for check in checks if check.since > minor]


def _minor_of(version: str) -> int:
    return int(version.partition(".")[2])


def violations_of(
    policy: Policy, metadata: Mapping[str, Any], spec: Mapping[str, Any], newest: tuple[int, int]
) -> list[Violation]:
    """The controls that a pod breaks, in the admission's order.

    Args:
        policy: what its namespace enforces.
        metadata: the pod's, decoded.
        spec: the pod's, decoded.
        newest: the version of the API server, which "latest" means.
    """
    if policy.level == "privileged":
        return []
    minor = newest[1] if policy.version == LATEST else min(newest[1], _minor_of(policy.version))
    containers = [
        (container.get("name", ""), container, part_of(container, "securityContext"))
        for container, _ in containers_of(spec)
    ]
    pod = CheckedPod(metadata.get("annotations", {}), spec, part_of(spec, "securityContext"), containers, minor)
    added = [check for check in RESTRICTED if policy.level == "restricted" and minor >= check.since]
    replaced = {check.replaces for check in added}
    checks = [check for check in BASELINE if minor >= check.since and check.name not in replaced]
    results = (check.examine(pod) for check in (*checks, *added))
    return [violation for violation in results if violation is not None]


def message_of(policy: Policy, violations: Iterable[Violation]) -> str:
    """The admission's words."""
    return f'violates PodSecurity "{policy}": {", ".join(map(str, violations))}'
