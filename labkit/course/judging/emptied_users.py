"""A USER line of which nothing is left: a variable that is empty or not set is replaced by nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping

from labkit.base.errors import did_you_mean

_USER = re.compile(r"^[ \t]*USER[ \t]+(?P<user>\S[^\n]*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_VARIABLE = re.compile(r"\$\{?(?P<name>[A-Za-z_]\w*)")


def why_nothing_is_left(dockerfile: str, environment: Mapping[str, str]) -> str:
    """Which variable of a Dockerfile's last USER line is empty or not set; empty if none is.

    Args:
        dockerfile: its text.
        environment: the finished image's.
    """
    lines = [match["user"] for match in _USER.finditer(dockerfile)]
    names = [match["name"] for match in _VARIABLE.finditer(lines[-1])] if lines else []
    for name in names:
        if not environment.get(name):
            meant = did_you_mean(name, [other for other in environment if environment[other]], "", cutoff=0.75)
            end = f"; {meant}" if meant else "."
            return f"USER {lines[-1]} leaves nothing, because {name} is empty or not set there{end}"
    return ""
