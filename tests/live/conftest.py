"""The running lab: one for all tests, a namespace for each."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator

import pytest

from labkit.adapters import go
from labkit.adapters.engine import Engine
from labkit.adapters.kube import Kube
from labkit.lab.lab import Lab
from labkit.notebook import Lesson
from labkit.show.steps import Silent
from tests.course import lesson_with_own_progress
from tests.live.side_by_side import pytest_collection_modifyitems, pytest_xdist_make_scheduler

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]

# A participant's own worksheet and progress are no test's.
os.environ["LABKIT_DATA"] = tempfile.mkdtemp(prefix="labkit-data-")
os.environ["LABKIT_OFFLINE"] = "1"


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


@pytest.fixture(scope="module")
def opened(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Lesson]]:
    """Gives a lesson with nothing in it, as after `lab.reset()`; each is opened once."""
    lessons: dict[str, Lesson] = {}
    with contextlib.ExitStack() as stack:

        def give(name: str) -> Lesson:
            if name in lessons:
                lessons[name].reset()
            else:
                own = lesson_with_own_progress(name, lab, tmp_path_factory.mktemp("data"))
                lessons[name] = stack.enter_context(own)
            return lessons[name]

        yield give


@contextlib.contextmanager
def serving(lab: Lab) -> Iterator[str]:
    """A registry on loopback that plays upstream; gives its address."""
    crane = go.build(go.CRANE, lab.configuration.cache) / "crane"
    with socket.create_server(("127.0.0.1", 0)) as free:
        host, port = free.getsockname()
    command = [str(crane), "registry", "serve", "--address", f"{host}:{port}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection((host, port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield f"{host}:{port}"
        process.terminate()


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
