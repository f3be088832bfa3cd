"""What the SDK and the network raise, said in the kit's form."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import requests
from docker.errors import DockerException

from labkit.base.errors import LabFailed, MachineLacks


class EngineUnreachable(MachineLacks):
    """No engine answers."""


def translate(tried: str, error: Exception) -> LabFailed:
    """Say an engine's error in the kit's form."""
    if isinstance(error, requests.exceptions.ConnectionError | requests.exceptions.Timeout):
        return LabFailed(tried, "the engine stopped answering", "bring it back and go on\n  labkit up")
    said = str(getattr(error, "explanation", None) or error)
    if "no space left on device" in said:
        return LabFailed(tried, "the engine's disk is full", "free some space\n  docker system df")
    return LabFailed(tried, said, "look at the engine\n  labkit doctor")


@contextlib.contextmanager
def doing(what: str) -> Iterator[None]:
    """Do something with the engine; its errors come out translated."""
    try:
        yield
    except (DockerException, requests.exceptions.RequestException) as error:
        raise translate(what, error) from error


def why_unreachable(error: Exception) -> tuple[str, str]:
    """What came back when no engine answered, and what to do about it."""
    said = str(error)
    if "Permission denied" in said or "PermissionError" in said:
        return (
            "the engine is there, but this user may not talk to it",
            "join the docker group, then log in again\n  sudo usermod -aG docker $USER",
        )
    if "FileNotFoundError" in said or "No such file" in said:
        return "there is no engine's socket", "see what to install or start\n  labkit doctor"
    if "Connection refused" in said or "ConnectionRefused" in said:
        return "the engine is installed but not running", "start it\n  labkit up"
    return said, "see what the machine lacks\n  labkit doctor"
