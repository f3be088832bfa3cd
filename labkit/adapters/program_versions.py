"""Versions of the outside programs, however they are decorated."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.version import Version

from labkit.adapters.processes import first_output

_VERSION = re.compile(r"(?<![\d.])\d{1,9}\.\d{1,9}(?:\.\d{1,9})?", re.ASCII)


_printed: dict[tuple[str, ...], str] = {}


def printed_version(program: str, *arguments: str) -> str:
    """What a program prints that is asked for its version. It is asked once, as long as its file stays the same.

    Args:
        program: its path.
        arguments: that ask for it.

    Returns:
        Nothing if it does not say; the next time it is asked again.
    """
    try:
        status = Path(program).stat()
    except OSError:
        return ""
    key = (program, *arguments, f"{status.st_ino} {status.st_size} {status.st_mtime_ns}")
    if key not in _printed and (output := first_output([program, *arguments])):
        _printed[key] = output
    return _printed.get(key, "")


def version_in(text: str) -> Version | None:
    """The first version in a text, without what decorates it: `v0.33.0`, `20.10.24+dfsg1`, `go1.26rc1`.

    Returns:
        Major, minor and patch, where the text gives it; None if there is no version.
    """
    match = _VERSION.search(text)
    return Version(match[0]) if match else None


def minor_of(version: Version) -> Version:
    """A version without its patch level: 1.37 of 1.37.2."""
    return Version(f"{version.major}.{version.minor}")
