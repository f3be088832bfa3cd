"""Faults of the engine: each on the engine of the machine for faults, which no other lab uses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

from labkit.adapters.process_stat import has_ended
from tests.faults.fault import Needs, fault
from tests.faults.lab_bench import LabBench, fill, start_engine
from tests.faults.system_calls import NO_INOTIFY

_PID = Path("/var/run/docker.pid")
_CONTAINERD_PID = Path("/var/run/docker/containerd/containerd.pid")
_SOCKET = Path("/var/run/docker.sock")
_DISK = Path("/var/lib/docker")
_SMALL = 20 << 30
_KEPT = "images, cluster, progress, other people's things"


def _signal(number: int, pid_file: Path = _PID) -> int:
    pid = int(pid_file.read_text(encoding="utf-8"))
    os.kill(pid, number)
    return pid


def _end(bench: LabBench, number: int) -> None:
    pid = _signal(number)
    bench.wait(lambda: has_ended(pid), "the end of the engine")


def _is_of_this_morning() -> None:
    """Let the engine be one that began hours ago: `labkit up` waits for one that may still be starting."""
    os.utime(_PID, (time.time() - 10_000,) * 2)


@fault(
    "engine",
    "stopped",
    made="SIGTERM to dockerd",
    sentence="no engine answers there|there is no engine's socket",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _stopped(bench: LabBench) -> None:
    _end(bench, signal.SIGTERM)
    bench.labkit("reset", status=3)
    bench.labkit("status", status=0)


@fault(
    "engine",
    "killed",
    made="SIGKILL to dockerd; its containers go on, and its pid file stays",
    sentence="no engine answers there",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _killed(bench: LabBench) -> None:
    _end(bench, signal.SIGKILL)
    bench.labkit("reset", status=3)


_TWO_CELLS = """
for _ in range(2):
    sys.stdin.readline()
    try:
        lab.pod('debian', pod={'runAsNonRoot': True}).expect('image-runs-as-root')
        print('CELL is well', lab.run('debian', ['id', '-u']), flush=True)
    except LabError as error:
        print('CELL', error, flush=True)
"""


@fault(
    "engine",
    "restarted",
    made="SIGTERM to dockerd, and dockerd, between two cells of a lesson, whose kernel goes on",
    sentence="it is stopped",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _restarted(bench: LabBench) -> None:
    kernel = bench.lesson(f"print('BEGUN', flush=True)\n{_TWO_CELLS}")
    bench.last.callback(bench.kill, kernel)
    bench.read_until(kernel, "BEGUN")
    _end(bench, signal.SIGTERM)
    start_engine()
    bench.labkit("reset", status=1)
    bench.type(kernel, "\n")
    bench.read_until(kernel, "CELL")

    def go_on() -> None:
        bench.type(kernel, "\n")
        bench.read_until(kernel, "CELL is well")

    bench.last.callback(go_on)


@fault(
    "engine",
    "its socket is removed",
    made="rm /var/run/docker.sock",
    sentence=r"kill -KILL \d+",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _no_socket(bench: LabBench) -> None:
    _is_of_this_morning()
    _SOCKET.unlink()
    bench.labkit("reset", status=3)
    bench.labkit("up", status=1)
    _end(bench, signal.SIGKILL)  # As the sentence says.


@fault(
    "engine",
    "frozen",
    made="SIGSTOP to dockerd: it accepts and never answers",
    sentence=r"kill -KILL \d+",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _frozen(bench: LabBench) -> None:
    _is_of_this_morning()
    _signal(signal.SIGSTOP)
    bench.labkit("reset", status=3)
    bench.labkit("up", status=(1, 3))
    _end(bench, signal.SIGKILL)  # As the sentence says.


@fault(
    "engine",
    "frozen for a while",
    made="SIGSTOP to dockerd, and SIGCONT",
    sentence="timed out: no engine answers there",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=(),
)
def _frozen_for_a_while(bench: LabBench) -> None:
    _signal(signal.SIGSTOP)
    bench.undo.callback(_signal, signal.SIGCONT)
    bench.labkit("reset", status=3)


@fault(
    "engine",
    "its containerd is killed",
    made="SIGKILL to the containerd under dockerd",
    kept=_KEPT,
    needs=Needs.LAB,
    long=True,
)
def _containerd(bench: LabBench) -> None:
    _signal(signal.SIGKILL, _CONTAINERD_PID)
    bench.labkit("reset", status=(0, 1, 3))


@fault(
    "engine",
    "its disk is full",
    made="a file that takes the last byte of its file system",
    sentence="(?i)no space left|disk is full",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _full(bench: LabBench) -> None:
    assert shutil.disk_usage(_DISK).total < _SMALL, (
        "the engine has no disk of its own here, and this would fill the machine's"
    )
    fill(bench, _DISK)
    bench.run_lesson("print(lab.run('debian', ['id']))", check=False)


@fault(
    "engine",
    "a sample image is removed",
    made="docker rmi --force",
    kept="the others, cluster, progress; opening a lesson makes it again",
    needs=Needs.LAB,
    recovery=("up --bundle {bundle}",),
)
def _image_removed(bench: LabBench) -> None:
    bench.run("docker", "rmi", "--force", f"localhost/{bench.name}/ledger:lab")
    bench.run_lesson("print(lab.run('ledger', ['id']))", check=False)


@fault(
    "engine",
    "a participant prunes",
    made="docker image prune --all --force",
    sentence="labkit up",
    kept="cluster, progress; the images come from the bundle",
    needs=Needs.LAB,
    recovery=("up --bundle {bundle}",),
    seconds=60,
    long=True,
)
def _pruned(bench: LabBench) -> None:
    bench.run("docker", "image", "prune", "--all", "--force")
    bench.run_lesson("print(lab.run('debian', ['id']))", check=False)


@fault(
    "engine",
    "the cluster's network is removed",
    made="docker network rm kind, while the node is stopped",
    kept="images, progress; the cluster is made anew",
    needs=Needs.LAB,
    seconds=30,
    long=True,
)
def _no_network(bench: LabBench) -> None:
    bench.labkit("down", status=0)
    bench.run("docker", "network", "rm", "kind")


@fault(
    "engine",
    "its image store is changed",
    made="containerd's store in its daemon.json and a restart, up from the bundle; and back again",
    kept="what was in the other store, which comes back with it",
    needs=Needs.LAB,
    long=True,
)
def _other_store(bench: LabBench) -> None:
    file = Path("/etc/docker/daemon.json")
    before = file.read_text(encoding="utf-8")

    def choose(text: str) -> None:
        _end(bench, signal.SIGTERM)
        file.write_text(text, encoding="utf-8")
        start_engine()

    bench.undo.callback(choose, before)
    choose(json.dumps({**json.loads(before), "features": {"containerd-snapshotter": True}}))
    bench.labkit("status", status=0)
    bench.labkit("reset", status=1)
    bench.labkit("up", "--bundle", str(bench.bundle), status=0)
    # With the other store nobody sees it any more, and its folder would be there until this one is chosen again.
    bench.undo.callback(bench.run, "docker", "rm", "--force", "--volumes", bench.node)


@fault(
    "engine",
    "inotify is exhausted",
    made="inotify_init1() fails with EMFILE for the engine and all that it starts, as dockerd is started again",
    sentence="too many open files",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _no_inotify(bench: LabBench) -> None:
    def start_again() -> None:
        _end(bench, signal.SIGTERM)
        start_engine()

    _end(bench, signal.SIGTERM)
    bench.undo.callback(start_again)
    start_engine(before=NO_INOTIFY)
    bench.labkit("status", status=0)
    bench.labkit("up", status=1)


@fault(
    "engine",
    "a docker context is chosen that is gone",
    made="docker's config.json names it",
    sentence="docker context use default",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=(),
)
def _context(bench: LabBench) -> None:
    folder = bench.scratch / "configuration"
    bench.write(folder / "config.json", '{"currentContext": "class"}')
    bench.labkit("reset", status=3, DOCKER_CONFIG=str(folder))
