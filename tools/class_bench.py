"""Plays the participants of a class on a cluster, and says what they wait for and what it costs (`make class-bench`).

Each signs in, starts a server, opens a lesson, runs a kernel with cells, has a pod refused and an answer checked: by
HTTP and by the kernel's websocket, as JupyterLab does, without a browser. All come at once.

    make class-bench CONTEXT=kind-labkit ARGS="--participants 10"

Without --class-name a class is brought up for it, and removed with all that is in it; the node of the lab's own cluster
then takes as many pods as are needed (it has 254 addresses, which is enough for 115 participants). Memory is what the
kubelet says of each container (working set); requests are what the API server has counted meanwhile.
Exit status: 0 all were served, 1 somebody was not.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import statistics
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

sys.path.insert(0, str(Path(__file__).parents[1]))

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.configuration import Configuration
from labkit.base.errors import LabError
from labkit.lab.lab import Lab
from tests.classroom_live.class_player import PlayedRoom, played_room
from tests.classroom_live.node_room import room_for_pods
from tests.web_participant import WebParticipant

_T = TypeVar("_T")
_OWN_NAME = "labkit-class-bench"
_LESSON = "07-run-as-non-root"
_OPEN = f'import labkit\nlab = labkit.open("{_LESSON}")'
_REFUSED = 'pod = lab.pod("aspnetapp-root", pod={"runAsNonRoot": True})\nprint(pod.cause)'
_CHECK = 'print(lab.check("which-cause", None))'
_PODS_EACH, _PODS_OF_OTHERS = 2, 20
_MIB = 1 << 20
_REQUESTS = re.compile(r"^apiserver_request_total\{.*?\} ([0-9.e+]+)$", re.MULTILINE)


@dataclass
class Figures:
    """What was measured.

    Args:
        seconds: step -> how long each participant waited for it.
        failures: what went wrong, in the order in which it did.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    async def timed(self, step: str, work: Awaitable[_T]) -> _T:
        """Do a step; how long it took is kept."""
        started = time.monotonic()
        result = await work
        self.seconds.setdefault(step, []).append(time.monotonic() - started)
        return result


@dataclass
class Cluster:
    """The class from outside.

    Args:
        writer: how its cluster is reached.
        room: the class.
    """

    writer: ClusterWriter
    room: PlayedRoom

    def memory(self) -> dict[str, list[float]]:
        """MiB of the hub, the proxy, each participant's server and the engine beside it."""
        sizes_of: dict[str, list[float]] = {}
        own = self.room.settings.name
        servers = re.compile(rf"{re.escape(own)}-p-[0-9a-f]{{6}}")
        for node in self.writer.list("api/v1/nodes"):
            summary = self.writer.get(f"api/v1/nodes/{node['metadata']['name']}/proxy/stats/summary") or {}
            for pod in summary.get("pods") or ():
                namespace = pod["podRef"]["namespace"]
                if namespace != own and not servers.fullmatch(namespace):
                    continue
                for container in pod.get("containers") or ():
                    size = (container.get("memory") or {}).get("workingSetBytes", 0) / _MIB
                    part = "server" if container["name"] == "notebook" else container["name"]
                    sizes_of.setdefault(part, []).append(size)
        return sizes_of

    def requests(self) -> float:
        """How many requests the API server has answered."""
        return sum(map(float, _REQUESTS.findall(self.writer.text("metrics"))))


async def play(room: PlayedRoom, number: int, figures: Figures, all_there: asyncio.Event, seated: list[int]) -> None:
    """One participant's first minutes."""
    step = "signing in"
    async with WebParticipant(room.address) as who:
        try:
            name = f"participant {number}"
            await figures.timed(step, who.sign_in(code=room.keys.class_code, name=name))
            step = "server ready"
            await figures.timed(step, who.start_server())
            step = "lesson's page"
            await figures.timed(step, _read_lesson(who))
            step = "kernel and labkit.open"
            async with who.kernel() as kernel:
                await figures.timed(step, kernel.run(_OPEN))
                step = "a refused pod"
                printed = await figures.timed(step, kernel.run(_REFUSED))
                assert "image-runs-as-root" in printed, printed
                step = "a check"
                await figures.timed(step, kernel.run(_CHECK))
                seated.append(number)
                await all_there.wait()  # Memory is looked at while all kernels are there.
        except Exception as error:
            figures.failures.append(f"participant {number}, {step}: {type(error).__name__} {error}"[:300])
        finally:
            seated.append(number)
            if who.id:
                with contextlib.suppress(Exception):
                    await who.ask_hub("DELETE", f"users/{who.id}/server")


async def _read_lesson(who: WebParticipant) -> None:
    response = await who.ask_server("GET", f"contents/notebooks/{_LESSON}.ipynb")
    assert response.status_code == 200, f"status {response.status_code}"


async def measure(cluster: Cluster, participants: int) -> tuple[Figures, dict[str, list[float]], float]:
    """Play all of them at once; gives figures, memory while all are there, and API requests a second."""
    figures, all_there, seated = Figures(), asyncio.Event(), list[int]()
    before, started = cluster.requests(), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(1, participants + 1):
            group.create_task(play(cluster.room, number, figures, all_there, seated))
        while len(set(seated)) < participants:
            await asyncio.sleep(0.5)
        rate = (cluster.requests() - before) / (time.monotonic() - started)
        await asyncio.sleep(12)  # The kubelet looks every ten seconds.
        memory = cluster.memory()
        all_there.set()
    return figures, memory, rate


def report(figures: Figures, memory: dict[str, list[float]], rate: float, participants: int) -> str:
    """The figures as a table, and what they mean for 1,000."""
    lines = ["| what | median | 95 % | worst |", "| --- | --- | --- | --- |"]
    for step, seconds in figures.seconds.items():
        ordered = sorted(seconds)
        late = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
        lines.append(f"| {step} | {statistics.median(ordered):.1f} s | {late:.1f} s | {ordered[-1]:.1f} s |")
    for pod, sizes in sorted(memory.items()):
        lines.append(f"| memory: {pod} | {statistics.median(sizes):.0f} MiB | | {max(sizes):.0f} MiB |")
    lines.append(f"| requests to the API server, a second | {rate:.0f} | | |")
    lines.append("")
    lines.append(f"{participants} participants at once, {len(figures.failures)} not served.")
    if figures.failures:
        lines.append("What gave out first: " + figures.failures[0])
    return "\n".join(lines)


def main() -> int:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--context", required=True, help="of the kubeconfig")
    parser.add_argument("--class-name", help="a class that is up already; who is played stays in it")
    parser.add_argument("--participants", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    arguments = parser.parse_args()
    own = Configuration.from_environment().kubeconfig
    with (
        Lab() as lab,
        ClusterWriter.connect(arguments.context, labs_own=own) as writer,
        room_for_pods(lab, writer, arguments.participants * _PODS_EACH + _PODS_OF_OTHERS),
        played_room(lab, writer, arguments.class_name, _OWN_NAME, arguments.participants) as room,
    ):
        figures, memory, rate = asyncio.run(measure(Cluster(writer, room), arguments.participants))
    if arguments.json:
        print(json.dumps({"seconds": figures.seconds, "memory": memory, "requests": rate, "failed": figures.failures}))
    else:
        print(report(figures, memory, rate, arguments.participants))
    return 1 if figures.failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(str(error))
