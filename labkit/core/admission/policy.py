"""What a namespace enforces of Pod Security: a level, and of which Kubernetes.

Source: kubernetes/pod-security-admission at v0.37.2: api/helpers.go (the labels of a namespace).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

LEVELS: Final = ("privileged", "baseline", "restricted")
ENFORCE_LABEL: Final = "pod-security.kubernetes.io/enforce"
"""The label of a namespace that says its level."""
ENFORCE_VERSION_LABEL: Final = f"{ENFORCE_LABEL}-version"
"""The label that says of which Kubernetes the level's rules are; those of the API server itself without it."""

LATEST: Final = "latest"
"""The version of the API server itself."""

_VERSION: Final = re.compile(r"v1\.(0|[1-9][0-9]*)")


class Policy(NamedTuple):
    """What a namespace enforces.

    Args:
        level: privileged, baseline or restricted.
        version: "latest", or one such as "v1.30".
    """

    level: str
    version: str = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{self.version}"

    @classmethod
    def parse(cls, text: str) -> Policy | None:
        """Read "restricted" or "restricted:v1.30", None if it is none."""
        level, colon, version = text.partition(":")
        policy = cls(level, version if colon else LATEST)
        valid = level in LEVELS and (policy.version == LATEST or _VERSION.fullmatch(policy.version))
        return policy if valid else None

    @classmethod
    def of_labels(cls, labels: Mapping[str, Any]) -> Policy | None:
        """What a namespace's labels say, None if they name no level; a wrong one counts as restricted, or latest."""
        if (level := labels.get(ENFORCE_LABEL)) is None:
            return None
        version = str(labels.get(ENFORCE_VERSION_LABEL, LATEST))
        return cls(level if level in LEVELS else "restricted", version if _VERSION.fullmatch(version) else LATEST)


PRIVILEGED: Final = Policy("privileged")
"""What a namespace without labels enforces, unless the cluster's configuration says otherwise."""
