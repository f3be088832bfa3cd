"""Whose a pod is: the chain of owners from a pod up to what somebody has made. Pure.

Source: kubernetes/apimachinery:pkg/apis/meta/v1/types.go (OwnerReference; the one with `controller` made the object).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from labkit.core.pods.pod_containers import as_list, as_mapping

_LONGEST_CHAIN = 10


class Owner(NamedTuple):
    """What owns an object.

    Args:
        kind: its kind.
        name: its name.
        uid: its uid.
    """

    kind: str
    name: str
    uid: str


def owner_of(metadata: Mapping[str, Any]) -> Owner | None:
    """The owner of an object, None if it has none; a static pod's node does not count."""
    references = [as_mapping(reference) for reference in as_list(metadata.get("ownerReferences"))]
    references.sort(key=lambda reference: reference.get("controller") is not True)
    for reference in references[:1]:
        if reference.get("kind") != "Node":
            return Owner(*(str(reference.get(key, "")) for key in ("kind", "name", "uid")))
    return None


def top_owner(metadata: Mapping[str, Any], owners: Mapping[str, Owner | None]) -> Owner | None:
    """The topmost owner that is known of.

    Args:
        metadata: of the object.
        owners: whose each object is that was read, by its uid; None for nobody's.
    """
    owner = owner_of(metadata)
    for _ in range(_LONGEST_CHAIN):
        above = owners.get(owner.uid) if owner is not None else None
        if above is None:
            break
        owner = above
    return owner
