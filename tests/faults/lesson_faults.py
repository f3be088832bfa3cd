"""Faults of a lesson's kernel, and of the kit's commands while there is a lab: interrupted, killed, twice at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess

from tests.faults.fault import Needs, fault
from tests.faults.kit_faults import mount
from tests.faults.lab_bench import LESSON, LabBench

_KEPT = "images, cluster, progress, other people's things"
_RESET = (f"reset {LESSON}",)


def _containers(bench: LabBench, *options: str) -> str:
    """The ids of the lesson's containers that run; with --all of those too that have ended."""
    return bench.run("docker", "ps", "--quiet", "--filter", f"label=labkit.lesson={LESSON}", *options)


def _await_the_nodes_end(bench: LabBench) -> None:
    bench.wait(lambda: "No such" in bench.run("docker", "container", "inspect", bench.node, check=False), "its end")


@fault("kernel", "killed while a pod is observed", made="SIGKILL", kept=_KEPT, needs=Needs.LAB, recovery=_RESET)
def _killed_in_pod(bench: LabBench) -> None:
    kernel = bench.lesson("print('BEGUN', flush=True)\nlab.pod('debian', command=['sleep', '600'])")
    bench.read_until(kernel, "BEGUN")
    bench.kill(kernel)


@fault("kernel", "killed while a container runs", made="SIGKILL", kept=_KEPT, needs=Needs.LAB, recovery=_RESET)
def _killed_in_run(bench: LabBench) -> None:
    kernel = bench.lesson("print('BEGUN', flush=True)\nlab.run('debian', ['sleep', '600'])")
    bench.read_until(kernel, "BEGUN")
    bench.wait(lambda: _containers(bench), "the container")
    bench.kill(kernel)
    bench.labkit("reset", LESSON, status=0)
    assert _containers(bench, "--all") == ""


@fault(
    "kernel",
    "interrupted while a container runs",
    made="SIGINT, as the notebook's square",
    sentence="KeyboardInterrupt|interrupted",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=(),
)
def _interrupted_in_run(bench: LabBench) -> None:
    kernel = bench.lesson(
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\nprint('BEGUN', flush=True)\n"
        "try: lab.run('debian', ['sleep', '600'])\nexcept KeyboardInterrupt: print('interrupted')"
    )
    bench.read_until(kernel, "BEGUN")
    bench.wait(lambda: _containers(bench), "the container")
    os.killpg(kernel.pid, signal.SIGINT)
    assert bench.finish(kernel, "a cell", seconds=30).status == 0
    assert _containers(bench, "--all") == ""


@fault(
    "kernel",
    "two kernels on one lesson",
    made="both open it, and the first goes on",
    sentence="(?i)again|another",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=_RESET,
)
def _two_kernels(bench: LabBench) -> None:
    first = bench.lesson(
        "print('BEGUN', lab.namespace, flush=True)\nsys.stdin.readline()\nprint(lab.pod('debian', command=['id']))"
    )
    bench.read_until(first, "BEGUN")
    bench.run_lesson("print(lab.pod('debian', command=['id']))")
    bench.finish(first, "a cell of the first", stdin="\n", seconds=60)


@fault(
    "kernel", "restarted", made="SIGKILL, and the lesson is opened again", kept=_KEPT, needs=Needs.LAB, recovery=_RESET
)
def _restarted(bench: LabBench) -> None:
    kernel = bench.lesson("print('BEGUN', lab.namespace, flush=True)\nsys.stdin.readline()")
    bench.read_until(kernel, "BEGUN")
    bench.kill(kernel)
    bench.run_lesson("print(lab.pod('debian', command=['id']))")


def _end_at(bench: LabBench, number: int, word: str, *command: str) -> int:
    """Send a signal to a command as soon as it has printed a word."""
    process = bench.start(*command)
    bench.read_until(process, word)
    os.killpg(process.pid, number)
    return bench.finish(process, *command).status


@fault(
    "kit",
    "Ctrl-C in the matrix",
    made="SIGINT while it measures",
    sentence="interrupted",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=(),
)
def _interrupted_matrix(bench: LabBench) -> None:
    assert _end_at(bench, signal.SIGINT, "...", "matrix", "--where", "engine") == 130


@fault(
    "kit",
    "the matrix is killed",
    made="SIGKILL while it measures",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=("matrix --where engine --json",),
    seconds=60,
)
def _killed_matrix(bench: LabBench) -> None:
    _end_at(bench, signal.SIGKILL, "...", "matrix", "--where", "engine")


@fault("kit", "two matrices at once", made="both are started at once", kept=_KEPT, needs=Needs.LAB, recovery=())
def _two_matrices(bench: LabBench) -> None:
    both = [bench.start("matrix", "--where", "engine", "--json") for _ in range(2)]
    statuses = [bench.finish(process, "matrix").status for process in both]
    assert statuses == [0, 0], bench.text


@fault(
    "kit", "two resets at once", made="both are started at once, three times", kept=_KEPT, needs=Needs.LAB, recovery=()
)
def _two_resets(bench: LabBench) -> None:
    for _ in range(3):
        both = [bench.start("reset") for _ in range(2)]
        statuses = [bench.finish(process, "reset").status for process in both]
        assert statuses == [0, 0], bench.text


@fault("kit", "up and down at once", made="both are started at once", kept=_KEPT, needs=Needs.LAB)
def _up_and_down(bench: LabBench) -> None:
    both = [bench.start("down"), bench.start("up")]
    statuses = [bench.finish(process, "up and down").status for process in both]
    assert statuses == [0, 0], bench.text


@fault("kit", "reset is killed", made="SIGKILL as soon as it works", kept=_KEPT, needs=Needs.LAB, recovery=("reset",))
def _killed_reset(bench: LabBench) -> None:
    bench.run_lesson("print(lab.namespace)")
    process = bench.start("reset")
    bench.wait(lambda: process.poll() is not None or (bench.state / "lock.pid").is_file(), "the lock")
    bench.kill(process)


@fault(
    "kit",
    "Ctrl-C in registry up",
    made="SIGINT while it is filled",
    sentence="interrupted|listening|up",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=("registry down",),
)
def _interrupted_registry(bench: LabBench) -> None:
    process = bench.start("registry", "up", "--listen", "127.0.0.1:5445")
    bench.wait(
        lambda: process.poll() is not None or (bench.state / "registry" / "registry.json").is_file(),
        "the registry",
        120,
    )
    os.killpg(process.pid, signal.SIGINT)
    bench.finish(process, "registry", "up")


@fault(
    "kit",
    "the registry is killed",
    made="SIGKILL",
    sentence="(?i)no registry|not|down",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=("registry down",),
)
def _killed_registry(bench: LabBench) -> None:
    bench.labkit("registry", "up", "--listen", "127.0.0.1:5445", status=0)
    serving = json.loads((bench.state / "registry" / "registry.json").read_text(encoding="utf-8"))
    os.kill(int(serving["pid"]), signal.SIGKILL)
    bench.wait(lambda: not bench.run("cat", f"/proc/{serving['pid']}/cmdline", check=False).strip("\0"), "its end")
    bench.labkit("registry", "status", status=0)


@fault(
    "kit", "its state is removed", made="rm -rf of the state folder while the lab is up", kept=_KEPT, needs=Needs.LAB
)
def _no_state(bench: LabBench) -> None:
    shutil.rmtree(bench.state)
    bench.labkit("status", status=0)
    bench.labkit("reset", status=(0, 1))


@fault(
    "kit",
    "its cache is removed",
    made="rm -rf of the cache while the lab is up",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=("up --bundle {bundle}",),
    seconds=30,
)
def _no_cache(bench: LabBench) -> None:
    shutil.rmtree(bench.cache)
    bench.labkit("reset", status=0)


@fault(
    "kit",
    "its state cannot be written while the lab is up",
    made="a file system without a free page over it",
    sentence="(?i)no space left",
    kept=_KEPT,
    needs=Needs.LAB,
)
def _full_state(bench: LabBench) -> None:
    kept = {path.name: path.read_bytes() for path in bench.state.iterdir() if path.is_file()}
    mount(bench, bench.state, "-t", "tmpfs", "-o", "size=64k", "tmpfs")
    for name in ("kubeconfig", "source.json", "lock"):
        bench.write(bench.state / name, kept.get(name, b""))
    bench.run("sh", "-c", f"dd if=/dev/zero of={bench.state}/filler bs=4k 2> /dev/null; true")
    bench.labkit("status", status=0)
    bench.labkit("up", status=(0, 1, 3))
    bench.labkit("clean", "--leftovers", status=(0, 1))
    (bench.state / "kubeconfig").unlink()
    bench.labkit("up", status=1)


@fault(
    "machine",
    "every processor is busy",
    made="four endless loops of the highest priority, while the lab is stopped and started",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=(),
    seconds=60,
)
def _busy(bench: LabBench) -> None:
    loops = [subprocess.Popen(["nice", "-n", "0", "sh", "-c", "while :; do :; done"]) for _ in range(4)]
    try:
        bench.labkit("down", status=0)
        bench.labkit("up", status=0)
        bench.run_lesson("lab.pod('debian', pod={'runAsNonRoot': True}).expect('image-runs-as-root')")
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@fault(
    "kit",
    "clean is interrupted",
    made="SIGINT as soon as the cluster is gone",
    sentence="the next `labkit clean` removes the rest",
    kept="progress, other people's things",
    needs=Needs.LAB,
    recovery=("clean --yes", "up --bundle {bundle}"),
    seconds=120,
)
def _interrupted_clean(bench: LabBench) -> None:
    process = bench.start("clean", "--yes")
    _await_the_nodes_end(bench)
    os.killpg(process.pid, signal.SIGINT)
    assert bench.finish(process, "clean", "--yes").status == 130


@fault(
    "kit",
    "clean is killed",
    made="SIGKILL as soon as the cluster is gone",
    kept="progress, other people's things",
    needs=Needs.LAB,
    recovery=("clean --yes", "up --bundle {bundle}"),
    seconds=120,
)
def _killed_clean(bench: LabBench) -> None:
    process = bench.start("clean", "--yes")
    _await_the_nodes_end(bench)
    bench.kill(process)
