"""Faults of the commands that change a lab: interrupted and killed at each of their steps, and two of them at once.

A step is a request to the engine or the API server, or a program that is run: what the kit's log has a line for.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

from labkit.base.resources import CLUSTER
from tests.faults.bench import Printed
from tests.faults.fault import Needs, fault
from tests.faults.lab_bench import LabBench

_KEPT = "images, cluster, progress, other people's things"
_HELLO = str(CLUSTER / "apps" / "hello")
_REGISTRY = ("registry", "up", "--listen", "127.0.0.1:5445")
_SHORT_MATRIX = ("matrix", "--where", "engine", "-p", "app-default", "--probe", "write-tmp")
_PUBLISH = ("publish", _HELLO, "-p:ContainerRepository=published", "--back-end", "kit")
AFTER_A_STEP = """
import logging, os, signal
class _AfterAStep(logging.Handler):
    count = 0
    def emit(self, record):
        _AfterAStep.count += 1
        if _AfterAStep.count == {number}:
            os.kill(os.getpid(), {signal})
logging.getLogger("labkit").addHandler(_AfterAStep(logging.DEBUG))
"""
"""Python that sends its process a signal behind one of its steps."""
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STEPS: dict[tuple[str, ...], int] = {}
_COUNTED = """
import atexit, sys
atexit.register(lambda: print("STEPS", _AfterAStep.count, file=sys.stderr))
"""


def _after_step(bench: LabBench, argv: Sequence[str], number: int, which: signal.Signals) -> Printed:
    """Run a command until its process gets a signal behind one of its steps."""
    printed = bench.labkit(*argv, before=AFTER_A_STEP.format(number=number, signal=int(which)))
    ended = {signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}[which]
    assert printed.status in (ended, 0), f"step {number}: {printed.status}\n{printed.text}"
    return printed


def _steps_of(bench: LabBench, argv: tuple[str, ...]) -> int:
    """How many steps a command has; it is run for that, once."""
    if argv in _STEPS:
        return _STEPS[argv]
    printed = bench.labkit(*argv, before=AFTER_A_STEP.format(number=-1, signal=0) + _COUNTED, status=0)
    return _STEPS.setdefault(argv, int(printed.stderr.rpartition("STEPS ")[2]))


def _spread(steps: int, most: int) -> list[int]:
    """So many numbers of steps, from the first one to the last."""
    return sorted({1 + (steps - 1) * part // max(most - 1, 1) for part in range(most)})


def _at_each_step(
    bench: LabBench, argv: tuple[str, ...], which: signal.Signals, most: int, before: Callable[[], object]
) -> None:
    before()
    for number in _spread(_steps_of(bench, argv), most):
        before()
        _after_step(bench, argv, number, which)


def _enter(
    name: str, argv: tuple[str, ...], recovery: tuple[str, ...], most: int, before: Callable[[LabBench], object]
) -> None:
    """Write down the two faults of a command: Ctrl-C, and SIGKILL."""
    for title, which, sentence in (
        (f"Ctrl-C at each step of {name}", signal.SIGINT, "interrupted"),
        (f"{name} is killed at each step", signal.SIGKILL, ""),
    ):

        def make(bench: LabBench, which: signal.Signals = which) -> None:
            _at_each_step(bench, argv, which, most, lambda: before(bench))

        fault(
            "kit",
            title,
            made=f"{which.name}, behind {most} of its steps from the first to the last",
            sentence=sentence,
            kept=_KEPT,
            needs=Needs.LAB,
            recovery=recovery,
        )(make)


def _open_a_lesson(bench: LabBench) -> None:
    bench.run_lesson("print(lab.namespace)")


def _nothing(_: LabBench) -> None:
    """What the command changes is there already."""


_enter("reset", ("reset",), ("reset",), 4, _open_a_lesson)
_enter("publish", _PUBLISH, (" ".join(_PUBLISH),), 4, _nothing)
_enter("matrix", _SHORT_MATRIX, (" ".join(_SHORT_MATRIX),), 4, _nothing)
_enter(
    "registry up",
    _REGISTRY,
    (" ".join(_REGISTRY), "registry down"),
    3,
    lambda bench: bench.labkit("registry", "down", status=0),
)
_enter("down", ("down",), ("up",), 2, lambda bench: bench.labkit("up", status=0))
_enter("bundle save", ("bundle", "save", "saved.tar", "--with", "images"), ("clean --leftovers",), 3, _nothing)


_MOMENTS = (
    "",  # The first request.
    "true",
    "test -d /etc/kubernetes/manifests",
    "test -f /var/lib/kubelet/config.yaml",
    "pidof kube-apiserver",
    "kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes",
)
"""What succeeds in the node from one step of making a cluster to the next."""


def _await_moment(bench: LabBench, process: subprocess.Popen[str], moment: str) -> None:
    """Wait until a command succeeds in the node, or the process has ended."""
    argv = ["docker", "exec", bench.node, "sh", "-c", moment]

    def has_come() -> bool:
        return process.poll() is not None or subprocess.run(argv, capture_output=True, check=False).returncode == 0

    bench.wait(has_come, moment)


def _end_up_at_each_moment(bench: LabBench, end: Callable[[subprocess.Popen[str]], None]) -> None:
    bench.run("docker", "rm", "--force", "--volumes", bench.node)
    for moment in _MOMENTS:
        process = bench.start("up", "--bundle", str(bench.bundle))
        bench.read_until(process, "...")  # It is at work: the node of the one before may be there already.
        if moment:
            _await_moment(bench, process, moment)
        if process.poll() is None:
            end(process)
        printed = bench.finish(process, "up")
        assert printed.status in (0, *(128 + number for number in _INTERRUPTS), -signal.SIGKILL), printed.text


@fault(
    "kit",
    "up is killed at each step of making a cluster",
    made="SIGKILL, six times one after another: what one left, the next finds",
    kept="images, progress, other people's things; the cluster is made anew",
    needs=Needs.LAB,
    recovery=("up --bundle {bundle}",),
    seconds=45,
    long=True,
)
def _killed_up(bench: LabBench) -> None:
    _end_up_at_each_moment(bench, lambda process: process.kill())


@fault(
    "kit",
    "Ctrl-C at each step of making a cluster",
    made="SIGINT, SIGTERM, SIGHUP (its terminal is closed), and again: what one left, the next finds",
    sentence="the next `labkit up` continues from here",
    kept="images, progress, other people's things; the cluster is made anew",
    needs=Needs.LAB,
    recovery=("up --bundle {bundle}",),
    seconds=45,
    long=True,
)
def _interrupted_up(bench: LabBench) -> None:
    numbers = itertools.cycle(_INTERRUPTS)
    _end_up_at_each_moment(bench, lambda process: os.killpg(process.pid, next(numbers)))


_CHANGING: dict[str, tuple[str, ...]] = {
    "up": ("up",),
    "down": ("down",),
    "reset": ("reset",),
    "matrix": _SHORT_MATRIX,
    "publish": _PUBLISH,
    "registry up": _REGISTRY,
    "registry down": ("registry", "down"),
}


def _both(bench: LabBench, first: Sequence[str], second: Sequence[str], **environment: Any) -> None:
    """Run two commands at once: each does what it is for, or says why it cannot."""
    processes = [(argv, bench.start(*argv, **environment)) for argv in (first, second)]
    for argv, process in processes:
        printed = bench.finish(process, *argv)
        assert printed.status in (0, 1, 3), f"{argv} ended with {printed.status}\n{printed.text}"
        assert printed.status == 0 or "What to do" in printed.text or "error:" in printed.text, printed.text


def _from(name: str) -> list[str]:
    names = list(_CHANGING)
    return names[names.index(name) :]


def _pairs(name: str) -> Callable[[LabBench], None]:
    """A command beside itself and each that follows it in the list; the lab is up before each."""

    def make(bench: LabBench) -> None:
        for other in _from(name):
            if bench.status() != "up":
                bench.labkit("up", status=0)
            _both(bench, _CHANGING[name], _CHANGING[other])

    return make


for _name in _CHANGING:
    fault(
        "kit",
        f"{_name} at once with each other command",
        made=", ".join(_from(_name)),
        kept=_KEPT,
        needs=Needs.LAB,
        recovery=("registry down", "up"),
    )(_pairs(_name))


@fault(
    "kit",
    "clean at once with each other command",
    made="in a lab of one image and no cluster, beside the other",
    sentence="removed|nothing to remove",
    kept=_KEPT,
    needs=Needs.LAB,
    recovery=(),
)
def _clean_pairs(bench: LabBench) -> None:
    small: dict[str, Any] = {"LABKIT_NAME": "small"}  # Of the same cache, which stays: the other lab uses it.
    for name, argv in _CHANGING.items():
        if name == "up":  # It would make all that there is of a lab; that is a fault of its own.
            continue
        for image in ("aspnetapp", "debian"):
            _give_small_lab(bench, image)
        _both(bench, ("clean", "--yes"), argv, **small)
        bench.labkit("clean", "--yes", status=0, **small)
        left = bench.run("docker", "images", "--quiet", "--filter", "label=labkit.lab=small")
        assert left == "", f"clean beside {name} leaves {left}"


def _give_small_lab(bench: LabBench, image: str) -> None:
    """An image of the big lab's, for the small one."""
    folder = bench.scratch / "context"
    bench.write(folder / "Dockerfile", f"FROM localhost/{bench.name}/{image}:lab\nLABEL labkit.lab=small\n")
    bench.run("docker", "build", "--quiet", "--tag", f"localhost/small/{image}:lab", str(folder))


@fault(
    "kit",
    "clean at once with up",
    made="both are started at once",
    sentence="removed",
    kept="progress, other people's things",
    needs=Needs.LAB,
    recovery=("up --bundle {bundle}",),
    seconds=120,
    long=True,
)
def _clean_and_up(bench: LabBench) -> None:
    _both(bench, ("clean", "--yes"), ("up", "--bundle", str(bench.bundle)))


@fault(
    "kit",
    "clean is ended at each step",
    made="Ctrl-C and SIGKILL in turn, behind six of its steps: what one left, the next finds",
    sentence="the next `labkit clean` removes the rest",
    kept="progress, other people's things",
    needs=Needs.LAB,
    recovery=("clean --yes", "up --bundle {bundle}"),
    seconds=120,
    long=True,
)
def _ended_clean(bench: LabBench) -> None:
    for number, which in zip((1, 3, 5, 8, 13, 20), itertools.cycle((signal.SIGINT, signal.SIGKILL)), strict=False):
        _after_step(bench, ("clean", "--yes"), number, which)
