"""What was probably meant by a field that a type of the API does not have: where it belongs, or a near name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, TypeAlias

FieldType: TypeAlias = "str | list[FieldType] | dict[str, FieldType]"
"""The name of a type, a list of one, or {"*": one} for a map."""

Types: TypeAlias = Mapping[str, Mapping[str, FieldType]]
"""The fields of each type of the API."""

_POD_LEVEL, _CONTAINER_LEVEL = "PodSecurityContext", "SecurityContext"
_CONTAINERS: Final = ("Container", "EphemeralContainer")
_PLACES: Final = {
    _POD_LEVEL: "the pod's securityContext",
    _CONTAINER_LEVEL: "a container's securityContext",
    "PodSpec": "the pod's spec",
    "Container": "a container",
    "ObjectMeta": "the metadata",
}
"""Where a field may belong, in the order in which a near name is looked for."""

_INDEX: Final = re.compile(r"\[[^\]]*\]")
_NEAR: Final = 0.75
_CALLED: Final = {
    "nonewprivs": "allowPrivilegeEscalation: false",
    "nonewprivileges": "allowPrivilegeEscalation: false",
    "user": "runAsUser",
    "uid": "runAsUser",
    "group": "runAsGroup",
    "gid": "runAsGroup",
}
"""What the kernel, docker, a Dockerfile or Compose call a setting, and what sets it for a container."""


def field_hint(types: Types, kind: str, name: str) -> str:
    """A sentence on a field that a type does not have; empty if it resembles none.

    Args:
        types: the fields of each type (`labkit.core.admission.decoding.api_types`).
        kind: the type.
        name: of the field.
    """
    if not types.get(kind):
        return ""
    if setting := _CALLED.get(re.sub("[-_]", "", name).lower()):
        return f"{name} is set by {setting}, in {_PLACES[_CONTAINER_LEVEL]}"
    if place := _place(types, kind, name):
        return f"{name} belongs {place}"
    if name == "name":  # Many things have one.
        return ""
    if near := _near(name, types[kind]):
        return f"{name}: did you mean {near}?"
    # What is wrong on a container is rather one of its securityContext's than of the pod's.
    first = {_CONTAINER_LEVEL: _PLACES[_CONTAINER_LEVEL]} if kind in _CONTAINERS else {}
    for other, title in {**first, **_PLACES}.items():
        if other != "ObjectMeta" and other != kind and (near := _near(name, types[other])):
            return f"{name}: did you mean {near}, which belongs to {title}?"
    return ""


def hint_at(types: Types, kind: str, path: str) -> str:
    """The same, for a field that the API server names by its path in an object.

    Args:
        types: the fields of each type.
        kind: of the object.
        path: such as spec.containers[0].fsGroup.
    """
    *parents, name = _INDEX.sub("", path).split(".")
    for parent in parents:
        kind = _innermost(types.get(kind, {}).get(parent, ""))
    return field_hint(types, kind, name)


def _place(types: Types, kind: str, name: str) -> str:
    """Where a field of just this name belongs; empty for one that is in none of the places."""
    if name == "securityContext":
        return "to the pod's spec, or to a container in it"
    in_pod, in_container = name in types[_POD_LEVEL], name in types[_CONTAINER_LEVEL]
    if kind == "Capabilities" and in_container:
        return "beside capabilities, in the container's securityContext"
    if kind in _CONTAINERS and in_container:
        return "one level deeper, to the container's securityContext"
    if in_pod and in_container:
        return f"to {_PLACES[_POD_LEVEL]}, or to a container's"
    if in_pod or in_container:
        return f"to {_PLACES[_POD_LEVEL if in_pod else _CONTAINER_LEVEL]}"
    if "metadata" in types[kind] and name in types["ObjectMeta"]:
        return f"to {_PLACES['ObjectMeta']}"
    places = [place for place in ("PodSpec", "Container") if name in types[place] and name != "name"]
    if not places:
        return ""
    beside = ", beside containers" if places[0] == "PodSpec" and name != "containers" else ""
    return f"to {_PLACES[places[0]]}{beside}"


def _near(name: str, fields: Mapping[str, FieldType]) -> str | None:
    """The nearest field, whatever its capitals."""
    by_small = {field.lower(): field for field in fields}
    near = get_close_matches(name.lower(), by_small, n=1, cutoff=_NEAR)
    return by_small[near[0]] if near else None


def _innermost(kind: FieldType) -> str:
    """The type in a list or a map of it."""
    while not isinstance(kind, str):
        kind = kind[0] if isinstance(kind, list) else kind["*"]
    return kind
