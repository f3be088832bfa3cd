"""Pod Security: what the admission of a namespace with a level says to a pod, in its own words.

Source: kubernetes/pod-security-admission at v0.37.2: policy/registry.go (which checks a level of a version has, and in
which order), admission/admission.go (the message), api/helpers.go (the labels of a namespace).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from labkit.core.admission.field_errors import containers_of, part_of
from labkit.core.admission.pod_security_baseline import BASELINE, CheckedPod, Violation
from labkit.core.admission.pod_security_restricted import RESTRICTED

LEVELS: Final = ("privileged", "baseline", "restricted")
ENFORCE: Final = "pod-security.kubernetes.io/enforce"
"""The label of a namespace that says its level; the same with `-version` says of which Kubernetes."""

_VERSION: Final = re.compile(r"v1\.(0|[1-9][0-9]*)")


class Policy(NamedTuple):
    """What a namespace enforces.

    Args:
        level: privileged, baseline or restricted.
        version: "latest", or one such as "v1.30".
    """

    level: str
    version: str = "latest"

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"

    @classmethod
    def parse(cls, text: str) -> Policy | None:
        """Read "restricted" or "restricted:v1.30", None if it is none."""
        level, colon, version = text.partition(":")
        policy = cls(level, version if colon else "latest")
        valid = level in LEVELS and (policy.version == "latest" or _VERSION.fullmatch(policy.version))
        return policy if valid else None

    @classmethod
    def of_labels(cls, labels: Mapping[str, Any]) -> Policy | None:
        """What a namespace's labels say, None if they name no level; a wrong one counts as restricted, or latest."""
        if (level := labels.get(ENFORCE)) is None:
            return None
        version = str(labels.get(f"{ENFORCE}-version", "latest"))
        return cls(level if level in LEVELS else "restricted", version if _VERSION.fullmatch(version) else "latest")


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
    minor = newest[1] if policy.version == "latest" else min(newest[1], int(policy.version.partition(".")[2]))
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
