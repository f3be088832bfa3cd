"""What was probably meant by each field that the API server does not know, read out of its words."""

from __future__ import annotations

import re

from labkit.core.admission.decoding import api_types
from labkit.core.admission.field_hints import hint_at

# kubernetes-sigs/json:internal/golang/encoding/json/kubernetes_patch.go; and, of server-side apply,
# kubernetes-sigs/structured-merge-diff:typed/validate.go.
_UNKNOWN = re.compile(r'unknown field "(?P<path>[^"]+)"|(?:\s|^)\.(?P<applied>\S+): field not declared in schema')


def advice_on(message: str, kind: str) -> list[str]:
    """What was probably meant by each unknown field that the API server names.

    Args:
        message: the API server's words.
        kind: of the object.
    """
    paths = [match["path"] or match["applied"] for match in _UNKNOWN.finditer(message)]
    return [sentence for path in paths if (sentence := hint_at(api_types(), kind, path))]


def with_advice(message: str, kind: str) -> str:
    """The API server's words, and below them, a line each, what was probably meant.

    Args:
        message: the API server's words.
        kind: of the object.
    """
    return "\n".join([message, *advice_on(message, kind)])
