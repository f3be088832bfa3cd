"""What holds for every unit test."""

from __future__ import annotations

import logging
import signal
from collections.abc import Generator, Iterator

import pytest

import tests.properties  # noqa: F401
from labkit.base.log import LOG_VARIABLE

KIT = logging.getLogger("labkit")


@pytest.fixture(scope="package", autouse=True)
def _nothing_of_the_machine() -> Iterator[None]:
    """No engine, no registry, no log's level. Once for all: thousands of tests are shorter than setting this up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
        patch.setenv("LABKIT_OFFLINE", "1")
        patch.delenv(LOG_VARIABLE, raising=False)
        # No test can see what a loss of power would leave, and property tests write progress hundreds of times.
        patch.setattr("os.fsync", lambda _: None)
        yield


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """Ctrl-C interrupts, here and in programs that are started: a worker of pytest's ignores it, and so would they."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """No log of another test. A hook, because pytest does more for a fixture than this does, thousands of times."""
    handlers, level, propagate = KIT.handlers[:], KIT.level, KIT.propagate
    try:
        return (yield)
    finally:
        if KIT.handlers != handlers:
            for handler in KIT.handlers:
                if handler not in handlers:
                    handler.close()
            KIT.handlers[:] = handlers
        if (KIT.level, KIT.propagate) != (level, propagate):
            KIT.setLevel(level)
            KIT.propagate = propagate
