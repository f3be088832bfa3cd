"""The running lab: one for all tests, a namespace for each."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from labkit.engine import Engine
from labkit.host import programs
from labkit.kube import Kube
from labkit.lab import Lab
from labkit.show.progress import Silent


@pytest.fixture(scope="session")
def lab() -> Lab:
    """The lab, brought up if it is not."""
    lab = Lab(steps=Silent())
    lab.up()
    return lab


@pytest.fixture
def engine(lab: Lab) -> Engine:
    """The engine."""
    return lab.engine()


@pytest.fixture
def kube(lab: Lab) -> Iterator[Kube]:
    """The cluster's API, with a connection of this test's own."""
    with lab.cluster(lab.engine()).kube() as kube:
        yield kube


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    """An empty namespace, deleted without waiting."""
    name = kube.new_namespace("test")
    yield name
    kube.delete_namespace(name)


@pytest.fixture
def registry(lab: Lab) -> Iterator[str]:
    """A registry on loopback that plays upstream."""
    crane = programs.build(programs.CRANE, lab.settings.cache) / "crane"
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with subprocess.Popen(
        [crane, "registry", "serve", "--address", address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as serving:
        deadline = time.monotonic() + 10
        host, _, port = address.partition(":")
        while time.monotonic() < deadline:
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield address
        serving.terminate()
