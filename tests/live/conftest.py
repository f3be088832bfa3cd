"""The running lab: one for all tests, a namespace for each."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from enum import StrEnum, auto
from pathlib import Path

import pytest

from labkit.adapters import go, go_programs
from labkit.adapters.engine import Engine
from labkit.adapters.kube import Kube
from labkit.base.errors import LabError
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.lab import Lab
from labkit.notebook import Lesson
from labkit.notebook.opened_lesson import images_made, remove_from_engine
from labkit.show.steps import Silent
from tests.course import lesson_with_own_progress
from tests.killed_runs import own_data
from tests.live.side_by_side import pytest_collection_modifyitems, pytest_xdist_make_scheduler

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]

_PURPOSES = ("test", "parity", "api")
"""What namespaces are made for by tests alone."""

_SERVES_SECONDS = 60.0
_DATA = own_data()
os.environ["LABKIT_OFFLINE"] = "1"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Delete the namespaces of tests that were killed; their pods would take the node's room for good."""
    if hasattr(session.config, "workerinput"):
        return
    with contextlib.suppress(LabError), Lab(steps=Silent()) as lab:
        if lab.state() is State.UP:
            for purpose in _PURPOSES:
                for namespace in lab.kube().namespaces(purpose):
                    lab.kube().delete_namespace(namespace)


def pytest_unconfigure() -> None:
    """Remove what no test reads any more."""
    shutil.rmtree(_DATA, ignore_errors=True)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab, brought up if it is not."""
    with Lab(steps=Silent()) as lab:
        lab.up()
        yield lab


@pytest.fixture
def engine(lab: Lab) -> Engine:
    """The engine."""
    return lab.engine()


@pytest.fixture
def kube(lab: Lab) -> Iterator[Kube]:
    """The cluster's API, with a connection of this test's own."""
    with lab.cluster().kube() as kube:
        yield kube


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """An empty namespace, deleted without waiting."""
    name = kube.new_namespace("test")
    yield name
    kube.delete_namespace(name)


class Change(StrEnum):
    """What of a lesson a request or a command may have changed."""

    CONTAINERS = auto()
    IMAGES = auto()
    PODS = auto()
    NAMESPACE = auto()
    """Anything else."""


class Changes(logging.Handler):
    """Notes what went out of this process and is more than reading: requests to engine and API server, and commands.

    Attributes:
        seen: what may have been changed.
    """

    _READS = re.compile(r"(engine|kubernetes|registry \S+): (GET|HEAD) ")
    _KINDS = (
        (re.compile(r"engine: \w+ /(v[\d.]+/)?(containers|exec)/"), Change.CONTAINERS),
        (re.compile(r"(engine|registry \S+): "), Change.IMAGES),
        # What `Engine.pipe_images` runs.
        (re.compile(r"\$ docker save [^|]*\| docker exec --interactive \S+ ctr [^|]* import "), Change.IMAGES),
        (re.compile(r"kubernetes: \w+ /?api/v1/namespaces/[^/ ]+/pods[/ ]"), Change.PODS),
    )

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen: set[Change] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if self._READS.match(message) is None:
            kinds = (change for pattern, change in self._KINDS if pattern.match(message))
            self.seen.add(next(kinds, Change.NAMESPACE))


@contextlib.contextmanager
def noted_changes() -> Iterator[Changes]:
    """Notes changes while the block runs."""
    kit, changes = logging.getLogger("labkit"), Changes()
    level = kit.level
    kit.setLevel(logging.DEBUG)
    kit.addHandler(changes)
    try:
        yield changes
    finally:
        kit.removeHandler(changes)
        kit.setLevel(level)


def _remembers(lesson: Lesson) -> bool:
    """Whether a lesson knows of anything that was tried in it; what it refused by itself went out nowhere."""
    own = lesson._lesson
    return any((own.stopped, own.not_admitted, own.not_taken, own.published, own.loaded, own.own_images))


class OpenedLessons:
    """Lessons, each opened once.

    One in which nothing was done needs no reset, and of one in which something was done no more is cleared than that: a
    cluster has much work with each namespace that comes and goes, about fifty requests and a fifth of a second of a
    processor, and an engine with each listing of its images and each command in the node.

    Args:
        lab: the lab that is up.
        data: makes a folder for a lesson's progress.
        stack: closes them.
    """

    def __init__(self, lab: Lab, data: Callable[[str], Path], stack: contextlib.ExitStack) -> None:
        self._lab, self._data, self._stack = lab, data, stack
        self._lessons: dict[str, Lesson] = {}
        self._used: dict[str, set[Change]] = {}
        self._changes = stack.enter_context(noted_changes())

    def __call__(self, name: str, *, is_kept: bool = False) -> Lesson:
        """A lesson with nothing in it, as after `lab.reset()`.

        Args:
            name: its name.
            is_kept: whether it may be as the last test left it.
        """
        for used in self._used.values():
            used |= self._changes.seen
        if name not in self._lessons:
            own = lesson_with_own_progress(name, self._lab, self._data("data"))
            self._lessons[name] = self._stack.enter_context(own)
            self._used[name] = set()
        elif not is_kept:
            _begin_again(self._lessons[name], self._used[name])
            self._used[name].clear()
        self._changes.seen.clear()
        return self._lessons[name]


def _begin_again(lesson: Lesson, used: set[Change]) -> None:
    """Clear what was done in a lesson."""
    own, engine = lesson._lesson, lesson._lesson.lab.engine()
    if Change.NAMESPACE in used:
        lesson.reset()
        return
    if Change.PODS in used:
        for pod in own.kube.pods(lesson.namespace):
            own.kube.delete_pod(pod["metadata"]["name"], lesson.namespace)
    if own.loaded:
        own._clear_engine()
    elif Change.IMAGES in used or _remembers(lesson):
        own._clear_made(images_made(engine, lesson.name))
    elif Change.CONTAINERS in used:
        remove_from_engine(engine, lesson.name, [])


@pytest.fixture(scope="module")
def opened(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenedLessons]:
    """Gives lessons."""
    with contextlib.ExitStack() as stack:
        yield OpenedLessons(lab, tmp_path_factory.mktemp, stack)


@contextlib.contextmanager
def serving(lab: Lab) -> Iterator[str]:
    """A registry on loopback that plays upstream; gives its address."""
    crane = go.build(go_programs.CRANE, lab.configuration.cache) / "crane"
    address, process = _serve(crane)
    with process:
        yield address
        process.terminate()


def _serve(crane: Path) -> tuple[str, subprocess.Popen[bytes]]:
    """Start a registry on a free port; on another one if somebody has taken that meanwhile."""
    deadline = time.monotonic() + _SERVES_SECONDS
    while True:
        with socket.create_server(("127.0.0.1", 0)) as free:
            host, port = free.getsockname()
        command = [str(crane), "registry", "serve", "--address", f"{host}:{port}"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection((host, port), timeout=1).close()
                return f"{host}:{port}", process
            assert time.monotonic() < deadline, "the registry does not answer"
            time.sleep(0.02)
        assert time.monotonic() < deadline, "no registry starts"


@pytest.fixture
def registry(lab: Lab) -> Iterator[str]:
    """A registry of this test's own."""
    with serving(lab) as address:
        yield address


@pytest.fixture(scope="module")
def module_registry(lab: Lab) -> Iterator[str]:
    """A registry for all tests of a file."""
    with serving(lab) as address:
        yield address
