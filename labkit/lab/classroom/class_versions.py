"""What a cluster's version says of a class: whether its ceiling can hold, and why an engine in a pod may not run.

The feature gates are those of Kubernetes' own pkg/features, what baseline lets pass that of pod-security-admission.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from labkit.lab.machine.machine_check import Check, not_checked, ok, problem

POLICIES = "apis/admissionregistration.k8s.io/v1"
"""Where the API server says what it serves of the policies' group."""

_POLICIES_SINCE = (1, 30)
"""ValidatingAdmissionPolicy is v1 since then; without the ceiling a participant could be root on a node."""
_USER_NAMESPACES_SINCE, _UNMASKED_SINCE, _LOCKED_SINCE = (1, 33), (1, 35), (1, 36)


def read_version(answer: Mapping[str, Any] | None) -> tuple[int, int] | None:
    """Kubernetes' version, of what the API server answers at `version`; None if it does not say."""
    match = re.match(r"v(\d+)\.(\d+)", str((answer or {}).get("gitVersion") or ""))
    return (int(match[1]), int(match[2])) if match else None


def check_version(answer: Mapping[str, Any] | None, served: Mapping[str, Any] | None) -> Check:
    """Whether the cluster has what holds the class's ceiling.

    Args:
        answer: what the API server answers at `version`; None if it does not.
        served: the same at `POLICIES`.
    """
    name, version = "version", read_version(answer)
    if version is None:
        remedy = "ask the cluster's administrator which it is; a class needs Kubernetes 1.30 or later"
        return not_checked(name, "the API server does not say which it is", remedy)
    finding = f"Kubernetes {(answer or {})['gitVersion']}"
    if version < _POLICIES_SINCE:
        remedy = "take a cluster of Kubernetes 1.30 or later: an older one has no ValidatingAdmissionPolicy v1"
        return problem(name, finding, remedy)
    kinds = {resource.get("kind") for resource in (served or {}).get("resources") or ()}
    if kinds and not {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"} <= kinds:
        remedy = "have the API server started without --runtime-config that leaves it out"
        return problem(name, f"{finding}, which serves no ValidatingAdmissionPolicy v1", remedy)
    return ok(name, finding)


def why_no_engine(version: tuple[int, int] | None) -> str:
    """What a version has to do with an engine that does not run in a pod; empty if nothing.

    The trial decides, because each of these can be switched on or off.
    """
    if version is None or version >= _LOCKED_SINCE:
        return ""
    older = f"of Kubernetes {version[0]}.{version[1]}"
    if version < _USER_NAMESPACES_SINCE:
        gates = "UserNamespacesSupport, ProcMountType and UserNamespacesPodSecurityStandards"
        return f"the feature gates {gates} {older} are off by default; by default it works from 1.35 on"
    if version < _UNMASKED_SINCE:
        gate = "UserNamespacesPodSecurityStandards"
        return f"the feature gate {gate} {older} is off by default, and without it baseline refuses an unmasked /proc"
    return f"the feature gates UserNamespacesSupport and ProcMountType {older} may have been switched off"
