"""What system this is, by its own word (os-release(5))."""

from __future__ import annotations

import platform
from collections.abc import Mapping


def read_os_release() -> Mapping[str, str]:
    """The fields of /etc/os-release; none where it is not there, as on other systems, or is no text."""
    try:
        return platform.freedesktop_os_release()
    except (OSError, ValueError):
        return {}
