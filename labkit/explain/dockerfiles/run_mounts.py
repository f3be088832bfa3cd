"""`RUN --mount=...`, refused as BuildKit refuses it.

Source: moby/buildkit:frontend/dockerfile/instructions/commands_runmount.go (parseMount) and
dockerfile2llb/convert_runmount.go, at v0.34.2.
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Callable
from typing import Final

from labkit.explain.dockerfiles.build_words import BOOLEANS
from labkit.explain.dockerfiles.expansion import go_quote

_TYPES: Final = ("bind", "cache", "tmpfs", "secret", "ssh")
_SHARING: Final = ("shared", "private", "locked")
_READ_ONLY: Final = ("readonly", "ro", "readwrite", "rw")
_TARGETS: Final = ("target", "dst", "destination")
_FREE: Final = ("from", "source", "src", "id", "env", *_TARGETS)
_SIZE = re.compile(r"\d+(\.\d+)* ?([kKmMgGtTpP])?[iI]?[bB]?\Z", re.ASCII)
_NUMBERS: Final = {"mode": re.compile(r"[0-7]{1,11}\Z"), "uid": re.compile(r"\d{1,10}\Z", re.ASCII)}
_NUMBERS["gid"] = _NUMBERS["uid"]


def mount_fields(mount: str) -> list[str]:
    """The parts of a mount, which commas separate."""
    try:
        return next(csv.reader([mount]), [])
    except csv.Error:  # such as a field of more than 128 KB
        return [mount]


def wrong_mount(mount: str, expand: Callable[[str], str], workdir: str) -> str | None:
    """What is wrong with a mount, None if nothing is.

    Args:
        mount: the value of the flag.
        expand: expands the variables of a value.
        workdir: the working directory.
    """
    values: dict[str, str] = {}
    kind = "bind"
    for part in mount_fields(mount):
        name, equals, value = part.partition("=")
        name = name.lower()
        value = expand(value) if equals else "true"
        wrong = _wrong_part(name, bool(equals), value, kind, part)
        if wrong is not None:
            return wrong
        if name == "type":
            kind = value.lower()
        values["target" if name in _TARGETS else "source" if name == "src" else name] = value
    return _wrong_whole(kind, values, workdir)


def _wrong_part(name: str, has_value: bool, value: str, kind: str, part: str) -> str | None:
    if not has_value and name not in (*_READ_ONLY, "required"):
        return f"invalid field '{part}' must be a key=value pair"
    if name == "required" and kind not in ("secret", "ssh"):
        return f"unexpected key 'required' for mount type '{kind}'"
    if name == "size" and kind != "tmpfs":
        return f"unexpected key 'size' for mount type '{kind}'"
    if name == "type":
        return None if value.lower() in _TYPES else f"unsupported mount type {go_quote(value)}"
    if name == "sharing":
        return None if value.lower() in _SHARING else f"unsupported sharing value {go_quote(value)}"
    if name in _NUMBERS:
        return None if _NUMBERS[name].match(value) else f"invalid value {value} for {name}"
    if name in (*_READ_ONLY, "required"):
        return None if value in BOOLEANS else f"invalid value for {name}: {value}"
    if name == "size":
        return None if _SIZE.match(value) else f"invalid value for {name}: {value}"
    return None if name in _FREE else f"unexpected key '{name}' in '{part}'"


def _wrong_whole(kind: str, values: dict[str, str], workdir: str) -> str | None:
    if kind not in ("secret", "ssh", "cache"):
        for name in ("mode", "uid", "gid"):
            if name in values:
                return f'{name} not allowed for "{kind}" type mounts'
    if kind == "secret":
        if values.get("from"):
            return "secret mount should not have a from"
        if "sharing" in values:
            return "secret mount should not define sharing"
        if not (values.get("source") or values.get("target") or values.get("id")):
            return "invalid secret mount. one of source, target required"
        if values.get("source") and values.get("id"):
            return "both source and id can't be set"
    if "sharing" in values and kind != "cache":
        return f"invalid cache sharing set for {kind} mount"
    if kind in ("secret", "ssh"):
        return None
    target = posixpath.normpath(posixpath.join("/", workdir, values.get("target", "")))
    return 'invalid mount target "/"' if not target.strip("/") else None
