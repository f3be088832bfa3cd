"""What probably helps where a build stopped, beside the builder's own words."""

from __future__ import annotations

import re

_STEP = re.compile(r"^(?:Step \d+/\d+ :|(?:\[\d+/\d+\] )?STEP \d+/\d+:) (?P<instruction>\S.*)$", re.MULTILINE)
_NO_USER = re.compile(r"unable to find user (?P<name>[\w.-]+)")
_COLON = re.compile(r"unknown instruction: (?P<name>\w+):", re.IGNORECASE)
_NOT_ALLOWED = re.compile(r"operation not permitted|permission denied", re.IGNORECASE)
_USER = re.compile(r"USER\s+(?P<user>\S.*)", re.IGNORECASE)
_ROOT = ("root", "0")


def advice_on_stop(message: str, steps: str) -> str:
    """A sentence on what to change in the Dockerfile; empty where the builder's words are enough.

    Args:
        message: the builder's words.
        steps: what it printed before it stopped.
    """
    if match := _COLON.search(message):
        name = match["name"].upper()
        return f"An instruction of a Dockerfile has no colon: {name} and what belongs to it, with a blank between."
    instructions = [match["instruction"] for match in _STEP.finditer(steps)]
    if not instructions or instructions[-1].split(maxsplit=1)[0].upper() != "RUN":
        return ""
    if match := _NO_USER.search(message):
        name = match["name"]
        return f"That line runs as {name}, and there is no {name} yet: USER belongs below the line that makes the user."
    users = [match["user"] for instruction in instructions if (match := _USER.fullmatch(instruction))]
    if users and users[-1].partition(":")[0] not in _ROOT and _NOT_ALLOWED.search(message):
        return f"That line stands below USER {users[-1]}, so it runs as that user and not as root."
    return ""
