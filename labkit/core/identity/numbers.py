"""Numbers as Go's strconv reads them, for the engine and the runtime read users with it."""

from __future__ import annotations

import re
from typing import Final

MAX_ID: Final = 2**31 - 1
"""The largest uid and gid of the engine, containerd and the API server (moby/sys:user/user.go, maxID;
containerd/containerd:pkg/oci/spec_opts.go, WithUser; kubernetes/apimachinery:pkg/util/validation, IsValidUserID)."""

_INT64: Final = 2**63
_DIGITS_OF_INT64 = 19
_UINT32: Final = 2**32
_NUMBER = re.compile(r"([+-]?)0*([0-9]+)", re.ASCII)


def read_number(text: str) -> int | None:
    """A decimal number with an optional sign, as strconv.ParseInt(text, 10, 64) accepts it.

    Returns:
        None if it is no number; for one beyond 64 bits some number that is beyond them as well.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, digits = match.groups()
    value = int(digits) if len(digits) <= _DIGITS_OF_INT64 else _INT64 + 1
    return -value if sign == "-" else value


def fits_int64(value: int) -> bool:
    """Whether ParseInt gives it without a range error."""
    return -_INT64 <= value < _INT64


def field_number(text: str) -> int:
    """A number of a passwd or group line: 0 for none, the nearest of 64 bits for one beyond them.

    moby/sys:user/user.go, parseParts: "conversion errors ignored because of some misbehaving configuration files".
    """
    if text.isascii() and text.isdigit() and len(text) < _DIGITS_OF_INT64:
        return int(text)
    value = read_number(text)
    return 0 if value is None else max(-_INT64, min(value, _INT64 - 1))


def as_uint32(value: int) -> int:
    """An id as the OCI configuration carries it: what is beyond 32 bits is cut off."""
    return value % _UINT32


def is_valid_id(value: int) -> bool:
    """Whether a uid or gid is in the range that every component accepts."""
    return 0 <= value <= MAX_ID
