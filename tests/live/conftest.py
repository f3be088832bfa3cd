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
from pathlib import Path

import pytest

from labkit.adapters import go, go_programs
from labkit.adapters.engine import Engine
from labkit.adapters.kube import Kube
from labkit.base.errors import LabError
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.lab import Lab
from labkit.notebook import Lesson
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


class Changes(logging.Handler):
    """Notes whether more than reading went out of this process: a request to engine or API server, or a command.

    Attributes:
        seen: whether anything was changed.
        beyond_engine: whether that may be something in the cluster.
        beyond_pods: whether that may be anything else than pods and images of its node.
    """

    _READS = re.compile(r"(engine|kubernetes|registry \S+): (GET|HEAD) ")
    _ENGINE = re.compile(r"(engine|registry \S+): ")
    _PODS = re.compile(r"kubernetes: \w+ /?api/v1/namespaces/[^/ ]+/pods[/ ]")
    # What `Engine.pipe_images` runs.
    _IMAGES_OF_NODE = re.compile(r"\$ docker save [^|]*\| docker exec --interactive \S+ ctr [^|]* import ")

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.seen = self.beyond_engine = self.beyond_pods = False

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if self._READS.match(message) is None:
            self.seen = True
            if self._ENGINE.match(message) is None:
                self.beyond_engine = True
                self.beyond_pods |= self._PODS.match(message) is None and self._IMAGES_OF_NODE.match(message) is None


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

    One in which nothing was done needs no reset. One in which only the engine did something keeps its namespace, and
    its node is not asked for images; one that has made pods and nothing else in the cluster keeps its namespace without
    them. A cluster has much work with each namespace that comes and goes, about fifty requests and a fifth of a second
    of a processor, and an engine with each command in a container.

    Args:
        lab: the lab that is up.
        data: makes a folder for a lesson's progress.
        stack: closes them.
    """

    def __init__(self, lab: Lab, data: Callable[[str], Path], stack: contextlib.ExitStack) -> None:
        self._lab, self._data, self._stack = lab, data, stack
        self._lessons: dict[str, Lesson] = {}
        self._used: set[str] = set()
        self._used_clusters: set[str] = set()
        self._used_namespaces: set[str] = set()
        self._changes = stack.enter_context(noted_changes())

    def __call__(self, name: str, *, is_kept: bool = False) -> Lesson:
        """A lesson with nothing in it, as after `lab.reset()`.

        Args:
            name: its name.
            is_kept: whether it may be as the last test left it.
        """
        if self._changes.seen:
            self._used.update(self._lessons)
        if self._changes.beyond_engine:
            self._used_clusters.update(self._lessons)
        if self._changes.beyond_pods:
            self._used_namespaces.update(self._lessons)
        if name not in self._lessons:
            own = lesson_with_own_progress(name, self._lab, self._data("data"))
            self._lessons[name] = self._stack.enter_context(own)
        elif not is_kept and (name in self._used or _remembers(self._lessons[name])):
            self._begin_again(name)
        self._changes.forget()
        return self._lessons[name]

    def _begin_again(self, name: str) -> None:
        lesson = self._lessons[name]
        if name in self._used_namespaces:
            lesson.reset()
        elif name in self._used_clusters:
            lesson._lesson._clear_engine()
            _delete_pods(lesson)
        else:
            lesson._lesson._clear_made()
        for used in (self._used, self._used_clusters, self._used_namespaces):
            used.discard(name)


def _delete_pods(lesson: Lesson) -> None:
    """Delete the pods of a lesson at once, and see them gone."""
    kube = lesson._lesson.kube
    for pod in kube.pods(lesson.namespace):
        kube.delete_pod(pod["metadata"]["name"], lesson.namespace)


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
