"""What validation says about a field, in the words of kubernetes/apimachinery:pkg/util/validation/field/errors.go."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

CONTAINER_LISTS: Final = ("initContainers", "containers", "ephemeralContainers")
"""The lists of containers in the order in which the API server visits them."""


class FieldError(NamedTuple):
    """What validation says about a field.

    Args:
        path: of the field.
        body: the rest: kind of error, value, explanation.
    """

    path: str
    body: str

    def __str__(self) -> str:
        return f"{self.path}: {self.body}"


def invalid(path: str, value: object, detail: str) -> FieldError:
    """field.Invalid; a structure's value is left out, for the server shows all fields of its internal one."""
    return FieldError(path, f"Invalid value: {_shown(value)}: {detail}")


def required(path: str, detail: str = "") -> FieldError:
    """field.Required."""
    return FieldError(path, "Required value" + (f": {detail}" if detail else ""))


def forbidden(path: str, detail: str) -> FieldError:
    """field.Forbidden."""
    return FieldError(path, f"Forbidden: {detail}")


def not_supported(path: str, value: object, supported: Sequence[str]) -> FieldError:
    """field.NotSupported."""
    return FieldError(
        path, f"Unsupported value: {_shown(value)}: supported values: {', '.join(map(json.dumps, supported))}"
    )


def duplicate(path: str, value: object) -> FieldError:
    """field.Duplicate."""
    return FieldError(path, f"Duplicate value: {_shown(value)}")


def too_long(path: str, most: int) -> FieldError:
    """field.TooLong."""
    return FieldError(path, f"Too long: may not be more than {most} bytes")


def containers_of(spec: Mapping[str, Any], path: str = "") -> Iterator[tuple[Mapping[str, Any], str]]:
    """Every container and its path, in the order of podshelper.VisitContainersWithPath."""
    for name in CONTAINER_LISTS:
        for index, container in enumerate(spec.get(name, ())):
            yield container, f"{path}.{name}[{index}]"


def part_of(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of an object, empty where it has none."""
    value: Mapping[str, Any] = fields.get(name, {})
    return value


def _shown(value: object) -> str:
    """A value as the server shows it: text and lists as JSON, true and numbers plainly."""
    if isinstance(value, Mapping):
        return "{...}"
    return json.dumps(value, ensure_ascii=False)
