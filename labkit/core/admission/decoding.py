"""Reading an object as strictly as the API server does for kubectl: unknown fields, and values of a wrong type.

Sources: kubernetes/apiserver:pkg/endpoints/handlers/create.go (fieldValidation=Strict, which kubectl and Helm ask for),
kubernetes-sigs/json:internal/golang/encoding/json/decode.go. The types are those of Kubernetes 1.37, from its own
OpenAPI document (tests/parity/api_types.py writes the file).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from labkit.core import admission

if TYPE_CHECKING:
    from labkit.core.admission.field_hints import FieldType, Types
    from labkit.core.mappings import Manifest, ManifestPart

WORKLOADS: Final = (
    ("", "Pod"),
    ("", "PodTemplate"),
    ("", "ReplicationController"),
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("apps", "ReplicaSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
)
"""Group and kind of what Kubernetes itself has of workloads, all of version v1."""

BESIDE_WORKLOADS: Final = (("", "ConfigMap"), ("", "Secret"))
"""The same of what lessons make beside workloads; the API server's words about these get a hint, too."""

_TYPES: Final = Path(__file__).with_name("api_types.json")
_SHOWN: Final = 60
_INT_BITS: Final = {"int32": 31, "int64": 63}
_PYTHON: Final[dict[str, tuple[type, ...]]] = {
    "bool": (bool,),
    "string": (str,),
    "time": (str,),
    "number": (int, float),
    "int or string": (int, str),
    "quantity": (str, int, float),
}
# Texts that Go has types of their own for, by which its messages call them.
_NAMED_TEXTS: Final = {
    "procMount": "ProcMountType",
    "fsGroupChangePolicy": "PodFSGroupChangePolicy",
    "supplementalGroupsPolicy": "SupplementalGroupsPolicy",
    "seLinuxChangePolicy": "PodSELinuxChangePolicy",
    "add": "Capability",
    "drop": "Capability",
    "SeccompProfile.type": "SeccompProfileType",
    "AppArmorProfile.type": "AppArmorProfileType",
    "PodOS.name": "OSName",
}


@dataclass
class Decoded:
    """What is left of an object once it is read as its type, and what the API server says to the rest.

    Args:
        value: without nulls, unknown fields, and values of a wrong type.
        unknown: the paths of fields that the type does not have, in the order in which the server names them.
        mismatch: the server's words to the first value of a wrong type.
        mismatched: that value.
        mismatch_hint: which value it is, and how to write it.
        hints: where each unknown field belongs, or which one may be meant.
    """

    value: Manifest = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    mismatch: str | None = None
    mismatched: object = None
    mismatch_hint: str = ""
    hints: list[str] = field(default_factory=list)

    @property
    def message(self) -> str | None:
        """Why the server does not take it, None if it does."""
        if self.mismatch is not None:
            return self.mismatch
        if not self.unknown:
            return None
        return "strict decoding error: " + ", ".join(f'unknown field "{path}"' for path in self.unknown)


def decode(value: object, type_name: str, path: str = "") -> Decoded:
    """Read an object as one of a type of the API.

    Args:
        value: as YAML or JSON gives it.
        type_name: as the API calls it, such as Deployment or PodTemplateSpec.
        path: where it stands in a larger object.
    """
    decoded = Decoded()
    read = _read(value, type_name, path, type_name, decoded)
    decoded.value = read if isinstance(read, dict) else {}
    return decoded


@cache
def api_types() -> Types:
    """The fields of each type."""
    types: Types = json.loads(_TYPES.read_text("utf-8"))
    return types


def fields_of(type_name: str) -> frozenset[str]:
    """The names of a type's fields."""
    return frozenset(api_types()[type_name])


def _read(value: object, kind: FieldType, path: str, owner: str, decoded: Decoded) -> Any:
    """A value of a kind, None if it is null or of a wrong type."""
    if value is None or kind == "any":
        return value
    if isinstance(kind, str):
        if (fields := api_types().get(kind)) is not None:
            if isinstance(value, Mapping):
                return _read_struct(value, kind, fields, path, decoded)
        elif _fits(value, kind):
            return value
    elif isinstance(kind, list):
        if isinstance(value, list):
            items = [_read(item, kind[0], f"{path}[{index}]", owner, decoded) for index, item in enumerate(value)]
            return [_zero(kind[0]) if item is None else item for item in items]
    elif isinstance(value, Mapping):
        # The server's words name the map, and none of its keys.
        pairs = ((_key(key), _read(item, kind["*"], path, owner, decoded)) for key, item in value.items())
        return {key: _zero(kind["*"]) if item is None else item for key, item in pairs}
    if decoded.mismatch is None:
        decoded.mismatch, decoded.mismatched = _mismatch(value, kind, path, owner), value
        decoded.mismatch_hint = _mismatch_hint(value, kind, path)
    return None


def _read_struct(
    value: Mapping[Any, Any], kind: str, fields: Mapping[str, FieldType], path: str, decoded: Decoded
) -> ManifestPart:
    read: ManifestPart = {}
    for key, item in sorted(((_key(key), item) for key, item in value.items()), key=lambda pair: pair[0]):
        where = f"{path}.{key}" if path else key
        if key not in fields:
            decoded.unknown.append(where)
            decoded.hints += filter(None, [admission.field_hint(api_types(), kind, key)])
        elif (part := _read(item, fields[key], where, kind, decoded)) is not None:
            read[key] = part
    return read


def _fits(value: object, kind: str) -> bool:
    bits = _INT_BITS.get(kind)
    if bits is not None:
        return type(value) is int and -(1 << bits) <= value < 1 << bits
    # A bool of Python is an int as well, but none to JSON.
    return isinstance(value, _PYTHON[kind]) and (kind == "bool" or not isinstance(value, bool))


def _zero(kind: FieldType) -> Any:
    """What Go has in place of a null in a list or a map."""
    if isinstance(kind, list):
        return []
    if isinstance(kind, dict) or kind in api_types():
        return {}
    return {"bool": False, "int32": 0, "int64": 0, "number": 0}.get(kind, "")


def _key(key: object) -> str:
    """A key as kubectl writes it into JSON."""
    return ("true" if key else "false") if isinstance(key, bool) else str(key)


def _mismatch(value: object, kind: FieldType, path: str, owner: str) -> str:
    """What encoding/json says: the path has no indices, and a number is shown where a number is wanted."""
    json_type = (
        "bool"
        if isinstance(value, bool)
        else "number"
        if isinstance(value, int | float)
        else "array"
        if isinstance(value, list)
        else "object"
        if isinstance(value, Mapping)
        else "string"
    )
    if json_type == "number" and isinstance(kind, str) and kind in _INT_BITS:
        json_type = f"number {value!r}"[:60]
    without_indices = "".join(part.partition("]")[2] if index else part for index, part in enumerate(path.split("[")))
    place = f"Go struct field {owner}.{without_indices}" if path else "Go value"
    return f"json: cannot unmarshal {json_type} into {place} of type {_go_type(kind, owner, without_indices)}"


def _go_type(kind: FieldType, owner: str, path: str) -> str:
    if isinstance(kind, list):
        return f"[]{_go_type(kind[0], owner, path)}"
    if isinstance(kind, dict):
        return f"map[string]{_go_type(kind['*'], owner, path)}"
    if kind in api_types():
        return f"v1.{kind}"
    field_name = path.rpartition(".")[2]
    named = _NAMED_TEXTS.get(field_name) or _NAMED_TEXTS.get(f"{owner}.{field_name}")
    if kind == "string" and named is not None:
        return f"v1.{named}"
    names: dict[str, str] = {"int or string": "intstr.IntOrString", "quantity": "resource.Quantity", "time": "v1.Time"}
    return names.get(kind, str(kind))


def _mismatch_hint(value: object, kind: FieldType, path: str) -> str:
    shown = f"{path or 'the whole'} is {json.dumps(value, default=str)[:_SHOWN]}"
    wanted = {"bool": ("true", "false")}.get(kind, ()) if isinstance(kind, str) else ()
    is_number = isinstance(kind, str) and kind in _INT_BITS and isinstance(value, str) and value.isdecimal()
    return f"{shown}: write it without quotes" if is_number or value in wanted else shown
