"""Making the objects of a sandbox one after the other; what is there already stays. It knows no client."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

_CONFLICT, _FORBIDDEN, _TOO_MANY, _INTERNAL = 409, 403, 429, 500
_RETRY_SECONDS = 15.0
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)


class Refused(Exception):
    """The API server does not take an object.

    Args:
        status: of HTTP; 0 if nothing answered.
        message: what it says.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    @property
    def may_pass(self) -> bool:
        """Whether asking again may help: RBAC takes a moment to know a new binding, and a busy server is busy."""
        return self.status in (0, _FORBIDDEN, _TOO_MANY) or self.status >= _INTERNAL


class ObjectMaker(Protocol):
    """What makes objects in a cluster."""

    async def create(self, manifest: dict[str, Any]) -> None:
        """Create an object, or raise Refused."""

    async def is_there(self, manifest: dict[str, Any]) -> bool:
        """Whether there is an object of that kind and name."""


async def make_all(objects: Sequence[dict[str, Any]], maker: ObjectMaker, seconds: float = _RETRY_SECONDS) -> int:
    """Make all objects in their order.

    Args:
        objects: as a manifest has them.
        maker: makes them.
        seconds: how long each may be tried again.

    Returns:
        How many were not there before.

    Raises:
        Refused: one is not taken; the message names it.
    """
    made = 0
    for manifest in objects:
        made += await _make(manifest, maker, seconds)
    return made


async def _make(manifest: dict[str, Any], maker: ObjectMaker, seconds: float) -> bool:
    loop, tries = asyncio.get_running_loop(), 0
    deadline = loop.time() + seconds
    while True:
        try:
            await maker.create(manifest)
            return True
        except Refused as error:
            # A quota refuses (403) what is there already before it is seen that it is there (409).
            if error.status == _CONFLICT or await maker.is_there(manifest):
                return False
            if not error.may_pass or loop.time() > deadline:
                where = manifest["metadata"].get("namespace") or "the cluster"
                name = f"{manifest['kind']} {manifest['metadata']['name']} in {where}"
                raise Refused(error.status, f"{name}: {error.message}") from error
        await asyncio.sleep(_PAUSES[min(tries, len(_PAUSES) - 1)])
        tries += 1
