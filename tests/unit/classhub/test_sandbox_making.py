"""Objects are made in their order; what is there stays; what may pass is tried again, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from classhub.sandbox_making import Refused, make_all

OBJECTS: list[dict[str, Any]] = [
    {"kind": kind, "metadata": {"name": "x", "namespace": "klass-p-000001"}}
    for kind in ("Namespace", "RoleBinding", "ResourceQuota")
]


class PlayedApiServer:
    """One that answers what it is told to.

    Args:
        there: kinds of which the object is there.
        answers: kind -> the statuses of its refusals, before it takes the object.
    """

    def __init__(self, *there: str, **answers: list[int]) -> None:
        self.there, self.answers, self.asked = there, answers, list[str]()

    async def create(self, manifest: dict[str, Any]) -> None:
        """Take it, or refuse."""
        self.asked.append(manifest["kind"])
        if statuses := self.answers.get(manifest["kind"]):
            raise Refused(statuses.pop(0), "no")

    async def is_there(self, manifest: dict[str, Any]) -> bool:
        """Whether it is."""
        return manifest["kind"] in self.there


def _make(server: PlayedApiServer, seconds: float = 5.0) -> int:
    return asyncio.run(make_all(OBJECTS, server, seconds))


def test_all_are_made_in_their_order() -> None:
    server = PlayedApiServer()
    assert _make(server) == 3
    assert server.asked == ["Namespace", "RoleBinding", "ResourceQuota"]


def test_what_is_there_stays() -> None:
    assert _make(PlayedApiServer(Namespace=[409], RoleBinding=[409])) == 1


def test_what_is_there_and_fills_a_quota_stays() -> None:
    server = PlayedApiServer("ResourceQuota", ResourceQuota=[403])
    assert _make(server) == 2
    assert server.asked.count("ResourceQuota") == 1


@pytest.mark.parametrize("status", [0, 403, 429, 500, 503])
def test_what_may_pass_is_tried_again(status: int) -> None:
    server = PlayedApiServer(ResourceQuota=[status, status])
    assert _make(server) == 3
    assert server.asked.count("ResourceQuota") == 3


def test_what_does_not_pass_is_told_with_the_objects_name() -> None:
    server = PlayedApiServer(RoleBinding=[422])
    with pytest.raises(Refused, match="RoleBinding x in klass-p-000001: no"):
        _make(server)
    assert "ResourceQuota" not in server.asked


def test_a_right_that_never_comes_ends_the_wait() -> None:
    with pytest.raises(Refused) as refused:
        _make(PlayedApiServer(ResourceQuota=[403] * 1000), 0.1)
    assert refused.value.status == 403
