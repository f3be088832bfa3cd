"""PURE. Why something could not be fetched, by what the program that fetched it printed, and what to do about it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from labkit.base.errors import LabFailed

ROOM = "free some space; what was made so far is kept, and the next `labkit up` continues from there\n  df -h"

_PAGE = (
    "something on the way answers in the server's place, such as a network's login page: open any page in a browser "
    "and log in, or name the network's proxy in HTTPS_PROXY. If it stays so, what is downloaded is being changed: use "
    "another network. Then go on\n  labkit up"
)
_CERTIFICATE = (
    "a proxy on the way has a certificate of its own: add that to this system's certificates, as whoever runs the "
    "network says, then go on\n  labkit up"
)
_AWAY = (
    "once the network is back, or its proxy is named in HTTPS_PROXY, go on; what was fetched so far is kept\n"
    "  labkit up\nif it is there, "
)

# Compared in lower case. Go's go command, apt (which mmdebstrap runs), pip, and the C library's own texts.
_SIGNS = (
    (("no space left on device",), ROOM),
    (
        (
            "does the network require authentication",
            "security error",
            "checksum mismatch",
            "invalid character '<'",
            "not a valid zip file",
            "<html",
            "<!doctype",
        ),
        _PAGE,
    ),
    (("certificate verify failed", "certificate_verify_failed", "certificate signed by", "x509:"), _CERTIFICATE),
    (
        (
            "no such host",
            "connection refused",
            "connection reset",
            "network is unreachable",
            "no route to host",
            "i/o timeout",
            "handshake timeout",
            "unexpected eof",
            "could not resolve",
            "temporary failure",
            "could not connect",
            "connection timed out",
            "server misbehaving",
            "remote end closed",
            "connection failed",
        ),
        _AWAY,
    ),
)


def fetching_remedy(came_back: str, otherwise: str) -> str:
    """What to do about a failure to fetch something.

    Args:
        came_back: what the program printed.
        otherwise: what to do if neither the network nor a disk is to blame.
    """
    printed = came_back.lower()
    remedy = next((remedy for signs, remedy in _SIGNS if any(sign in printed for sign in signs)), None)
    if remedy is None:
        return otherwise
    return remedy + otherwise if remedy is _AWAY else remedy


@contextlib.contextmanager
def fetching() -> Iterator[None]:
    """Do something that fetches; where it fails, the remedy is the one for what came back."""
    try:
        yield
    except LabFailed as error:
        error.remedy = fetching_remedy(error.came_back, error.remedy)
        raise
