"""What was probably meant by a field that the API server does not know: a near name, or the place it belongs to."""

from __future__ import annotations

import functools
import re
import typing
from difflib import get_close_matches

from lightkube.models.core_v1 import Container, PodSecurityContext, PodSpec, SecurityContext
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Pod, Secret

# kubernetes-sigs/json:internal/golang/encoding/json/kubernetes_patch.go; and, of server-side apply,
# kubernetes-sigs/structured-merge-diff:typed/validate.go.
_UNKNOWN = re.compile(r'unknown field "(?P<path>[^"]+)"|(?:\s|^)\.(?P<applied>\S+): field not declared in schema')
_INDEX = re.compile(r"\[[^\]]*\]")
_KINDS: dict[str, type] = {"Pod": Pod, "Deployment": Deployment, "Secret": Secret, "ConfigMap": ConfigMap}
_PLACES: dict[type, str] = {
    PodSecurityContext: "the pod's securityContext",
    SecurityContext: "a container's securityContext",
    PodSpec: "the pod's spec",
    Container: "a container",
}
_NEAR = 0.75


def advice_on(message: str, kind: str) -> list[str]:
    """What was probably meant by each unknown field that the API server names.

    Args:
        message: the API server's words.
        kind: of the object.
    """
    model = _KINDS.get(kind)
    paths = [match["path"] or match["applied"] for match in _UNKNOWN.finditer(message)]
    return [sentence for path in paths if model is not None and (sentence := _advice(model, path))]


def with_advice(message: str, kind: str) -> str:
    """The API server's words, and below them, a line each, what was probably meant.

    Args:
        message: the API server's words.
        kind: of the object.
    """
    return "\n".join([message, *advice_on(message, kind)])


def _advice(model: type, path: str) -> str:
    *parents, name = _INDEX.sub("", path).split(".")
    for parent in parents:
        model = _fields(model).get(parent, object)
    own = list(_fields(model))
    places = {place: title for place, title in _PLACES.items() if place is not model}
    # What is wrong on a container is rather one of its securityContext's than of the pod's.
    if model is Container:
        places = {SecurityContext: places.pop(SecurityContext), **places}
    for place, title in places.items():
        if own and name in _fields(place):
            return f"{name} belongs to {title}"
    if near := _near(name, own):
        return f"did you mean {near}?"
    for place, title in places.items():
        if own and (near := _near(name, list(_fields(place)))):
            return f"did you mean {near}, which belongs to {title}?"
    return ""


def _near(name: str, fields: list[str]) -> str | None:
    """The nearest field, whatever its capitals."""
    by_small = {field.lower(): field for field in fields}
    near = get_close_matches(name.lower(), by_small, n=1, cutoff=_NEAR)
    return by_small[near[0]] if near else None


@functools.cache
def _fields(model: type) -> dict[str, type]:
    """The fields of a model, as they are written, each with the model that it holds, if it holds one."""
    hints = typing.get_type_hints(model) if hasattr(model, "__struct_fields__") else {}
    names = zip(getattr(model, "__struct_fields__", ()), getattr(model, "__struct_encode_fields__", ()), strict=True)
    return {written: _innermost(hints[attribute]) for attribute, written in names}


def _innermost(hint: typing.Any) -> type:
    """The model in Optional[List[Model]] and the like; object if there is none."""
    arguments = [argument for argument in typing.get_args(hint) if argument is not type(None)]
    if arguments:
        return _innermost(arguments[-1])
    return hint if isinstance(hint, type) else object
