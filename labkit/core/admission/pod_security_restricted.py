"""The checks that Pod Security's level restricted adds, in the words of the admission.

Source: kubernetes/pod-security-admission:policy/check_*.go at v0.37.2, one function here for each check there.
"""

from __future__ import annotations

from typing import Final

from labkit.core.admission.field_errors import part_of
from labkit.core.admission.pod_security_baseline import (
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

_VOLUMES: Final = (
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"),
    "secret",
)


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
