"""What the class's page costs the instructor's machine, with a class that is played."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from labkit.base.configuration import Configuration
from labkit.course.course_overview import the_course
from labkit.instructor.class_server import ClassServer
from tests.played_class import played_class

PARTICIPANTS = 100
_REFRESHES = 40


def rows() -> list[tuple[str, str, str]]:
    """The rows of docs/timings.md."""
    refresh, size, share = asyncio.run(_measure())
    name = f"the class's page for {PARTICIPANTS} participants"
    return [
        (f"{name}: a refresh", "at most 200 ms of a processor", f"{refresh * 1000:.0f} ms, {size / 1000:.0f} kB"),
        (f"{name}: taking what a laptop shares", "", f"{share * 1000:.1f} ms of a processor"),
    ]


async def _measure() -> tuple[float, int, float]:
    """Seconds of the processor for a refresh, its bytes, and seconds for a share; the client's own part is in both."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("state", "cache", "data")]
        server = ClassServer(Configuration("labkit-bench", *paths), the_course(), "127.0.0.1:0")
        address = f"http://{server.start().door}"
        client, secrets = AsyncHTTPClient(), server.desk.secrets
        shares = []
        for key, document in played_class(PARTICIPANTS):
            request = HTTPRequest(
                f"{address}/participants/{key}",
                "PUT",
                {"Authorization": f"Bearer {secrets.code}"},
                document,
            )
            started = time.process_time()
            await client.fetch(request)
            shares.append(time.process_time() - started)
        cookie = {"Cookie": f"labkit-class-{address.rpartition(':')[2]}={secrets.token}"}
        refreshes, size = [], 0
        for _ in range(_REFRESHES):
            started = time.process_time()
            answer = await client.fetch(HTTPRequest(f"{address}/board.json", headers=cookie))
            refreshes.append(time.process_time() - started)
            size = len(answer.body)
        server.stop()
        return statistics.median(refreshes), size, statistics.median(shares)


if __name__ == "__main__":
    for row in rows():
        print(" | ".join(row))
