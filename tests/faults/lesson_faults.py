"""Faults of a lesson's kernel, and of the kit's commands while there is a lab: interrupted, killed, twice at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess

from tests.faults.command_faults import AFTER_A_STEP
from tests.faults.fault import Needs, fault
from tests.faults.file_faults import EACH, LITTLE_MEMORY, damaged
from tests.faults.kit_faults import mount
from tests.faults.lab_bench import LESSON, LabBench
from tests.faults.machine_faults import JUMPING_CLOCK
from tests.killed_runs import mount_source

_KEPT = "images, cluster, progress, other people's things"
_RESET = (f"reset {LESSON}",)


def _containers(bench: LabBench, *options: str) -> str:
    """The ids of the lesson's containers that run; with --all of those too that have ended."""
    return bench.run("docker", "ps", "--quiet", "--filter", f"label=labkit.lesson={LESSON}", *options)


@fault("kernel", "killed while a pod is observed", made="SIGKILL", kept=_KEPT, needs=Needs.LAB, recovery=_RESET)
def _killed_in_pod(bench: LabBench) -> None:
    kernel = bench.lesson("print('BEGUN', flush=True)\nlab.pod('debian', command=['sleep', '600'])")
    bench.read_until(kernel, "BEGUN")
    bench.kill(kernel)


_CALLS = {
    "build": "lab.build('FROM debian\\nUSER 4242', name='half-built')",
    "publish": "lab.publish(name='half-published')",
    "start": "lab.start('debian')",
    "exec": "lab.start('debian').exec('id')",
    "pod": "lab.pod('debian', command=['sleep', '600'])",
    "apply": "lab.apply(lab.sample('ledger'))",
    "enforce": "lab.enforce('baseline')",
    "check": "lab.check('in-the-container')",
    "image": "lab.image('aspnetapp')",
    "reset": "lab.reset()",
}


@fault(
    "kernel",
    "killed in each kind of call",
    made=f"SIGKILL behind the second request of {', '.join(_CALLS)}",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=_RESET,
)
def _killed_in_each_call(bench: LabBench) -> None:
    for name, call in _CALLS.items():
        kernel = bench.lesson(f"{AFTER_A_STEP.format(number=2, signal=int(signal.SIGKILL))}\n{call}")
        printed = bench.finish(kernel, f"a cell with {name}")
        assert printed.status in (0, -signal.SIGKILL), printed.text
    bench.labkit("reset", LESSON, status=0)
    assert _containers(bench, "--all") == ""
    images = bench.run("docker", "images", "--format", "{{.Repository}}", "--filter", f"label=labkit.lesson={LESSON}")
    assert images == "", images


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
    bench.finish(first, "a cell of the first", stdin="\n")


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
    "files",
    "the decision about the source is damaged",
    made=EACH,
    kept=_KEPT,
    needs=Needs.LAB,
)
def _decision(bench: LabBench) -> None:
    file = bench.state / "source.json"
    before = file.read_bytes() if file.is_file() else b""
    for kind in damaged(file, before.decode() or "{}"):
        # Where a folder is in the way, nothing can be written; the sentence says so.
        allowed = (0, 1) if kind == "a folder" else 0
        bench.labkit("up", status=allowed, before=LITTLE_MEMORY)


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
    mount(bench, bench.state, "-t", "tmpfs", "-o", "size=64k", mount_source())
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
    "the clock jumps while a lab is used",
    made="each look at the clock is a day, or minus a day, after the last one, as Python sees it",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=(),
    seconds=60,
)
def _clock_jumps(bench: LabBench) -> None:
    for step in (86400, -86400):
        for command in (["reset"], ["down"], ["up"], ["status"]):
            bench.labkit(*command, status=0, before=JUMPING_CLOCK.format(step=step))
        cell = "lab.pod('debian', pod={'runAsNonRoot': True}).expect('image-runs-as-root')"
        bench.run_lesson(f"{JUMPING_CLOCK.format(step=step)}\n{cell}")


@fault(
    "machine",
    "every processor is busy",
    made="four endless loops of the highest priority, while the lab is stopped and started",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=(),
    seconds=60,
    alone=True,
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
