"""The class's server in a thread of the test's own process, and what laptops and browsers ask it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labkit.base.addresses import split_address
from labkit.base.configuration import Configuration
from labkit.course.course_overview import the_course
from labkit.instructor.class_server import ClassAddresses, ClassServer
from tests.played_class import played_class

KEY = "0123456789abcdef" * 2
_SECONDS = 30


@dataclass(frozen=True)
class ClassRoom:
    """A server that answers.

    Args:
        server: it.
        addresses: what it tells the instructor.
        loop: in which it runs.
    """

    server: ClassServer
    addresses: ClassAddresses
    loop: asyncio.AbstractEventLoop

    @property
    def own(self) -> tuple[str, int]:
        """Its door on loopback."""
        return "127.0.0.1", self.port

    @property
    def port(self) -> int:
        """Of all its doors."""
        where = split_address(self.addresses.door)
        assert where is not None
        return where[1]

    @property
    def code(self) -> str:
        """The class's."""
        return self.server.desk.secrets.code

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        """Ask at the door on loopback, with these headers alone."""
        connection = http.client.HTTPConnection(*self.own, timeout=_SECONDS)
        with contextlib.closing(connection):
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return response.status, response.read(), response.headers

    def share(self, body: bytes, key: str = KEY, code: str | None = None) -> tuple[int, str]:
        """Share as a laptop does; status and problem."""
        authorization = f"Bearer {self.code if code is None else code}"
        status, content, _ = self.ask("PUT", f"/participants/{key}", body, Authorization=authorization)
        return status, json.loads(content)["problem"] if content else ""

    def cookie(self) -> str:
        """What a browser has once it has opened the address with the token."""
        status, _, headers = self.ask("GET", "/?token=" + self.server.desk.secrets.token)
        assert (status, headers["Location"]) == (303, "/")
        return headers["Set-Cookie"].partition(";")[0]

    def board(self) -> dict[str, Any]:
        """What the page shows."""
        status, content, _ = self.ask("GET", "/board.json", Cookie=self.cookie())
        assert status == 200, content
        values: dict[str, Any] = json.loads(content)
        return values

    def names(self) -> list[str]:
        """Who is on the page."""
        return [row["name"] for row in self.board()["participants"]]


@contextlib.contextmanager
def class_room(folder: Path, listen: str = "127.0.0.1:0", participants: int = 0) -> Iterator[ClassRoom]:
    """Serve a class until the end of the block.

    Args:
        folder: for what it keeps.
        listen: where.
        participants: how many are played.
    """
    configuration = Configuration("labkit-class-test", folder / "state", folder / "cache", folder / "data")
    server = ClassServer(configuration, the_course(), listen)
    for key, document in played_class(participants):
        server.shared.take(key, document, "192.0.2.1")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> ClassAddresses:
        return server.start()

    async def stop() -> None:
        server.stop()
        for each in server._servers:
            await each.close_all_connections()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()

    try:
        addresses = asyncio.run_coroutine_threadsafe(start(), loop).result(_SECONDS)
        yield ClassRoom(server, addresses, loop)
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_SECONDS)
        loop.close()


def with_tls(patch: pytest.MonkeyPatch) -> str:
    """Have an address of this machine count as one beyond it; gives it, for `listen`."""
    patch.setattr("labkit.instructor.class_server.is_loopback", lambda address: address.startswith("127.0.0.1"))
    return "127.0.0.2:0"
