"""What was probably meant where the API server does not know a field or takes no such value, read out of its words."""

from __future__ import annotations

import re

from labkit.core.admission.decoding import api_types
from labkit.core.admission.field_hints import hint_at

# kubernetes-sigs/json:internal/golang/encoding/json/kubernetes_patch.go; and, of server-side apply,
# kubernetes-sigs/structured-merge-diff:typed/validate.go.
_UNKNOWN = re.compile(r'unknown field "(?P<path>[^"]+)"|(?:\s|^)\.(?P<applied>\S+): field not declared in schema')

# encoding/json: what stands in the manifest, the field's place, and what it should be in Go's words.
_WRONG_TYPE = re.compile(r"cannot unmarshal \S+ into Go struct field \w+\.(?P<path>[\w.]+) of type (?P<type>\S+)")


def advice_on(message: str, kind: str) -> list[str]:
    """What was probably meant by each field that the API server does not take.

    Args:
        message: the API server's words.
        kind: of the object.
    """
    paths = [match["path"] or match["applied"] for match in _UNKNOWN.finditer(message)]
    meant = [sentence for path in paths if (sentence := hint_at(api_types(), kind, path))]
    return meant + [_wanted(match["path"].rpartition(".")[2], match["type"]) for match in _WRONG_TYPE.finditer(message)]


def _wanted(field: str, go_type: str) -> str:
    if go_type == "bool":
        return f"{field} is true or false, without quotes"
    if re.fullmatch(r"u?int\d*", go_type):
        return f"{field} is a number: no name, and no quotes"
    if go_type.startswith("[]"):
        return f"{field} is a list, as in [this, that]"
    return (
        f"{field} is a string: write it in quotes"
        if go_type == "string"
        else f"{field} has fields of its own: on lines below it, farther in, with a space behind each colon"
    )


def with_advice(message: str, kind: str) -> str:
    """The API server's words, and below them, a line each, what was probably meant.

    Args:
        message: the API server's words.
        kind: of the object.
    """
    return "\n".join([message, *advice_on(message, kind)])
