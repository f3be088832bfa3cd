"""Versions of the outside programs, however they are decorated."""

from __future__ import annotations

import re

from packaging.version import Version

_VERSION = re.compile(r"(?<![\d.])\d{1,9}\.\d{1,9}(?:\.\d{1,9})?", re.ASCII)


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
