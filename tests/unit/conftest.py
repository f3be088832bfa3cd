"""What holds for every unit test, and which of them share a process (`make unit`, with pytest-xdist).

The tests of one file do, and all files that look at the kit's own sources: these are parsed once.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Generator, Iterator
from functools import cache

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from labkit.base.log import LOG_VARIABLE
from labkit.base.resources import CHECKOUT

KIT = logging.getLogger("labkit")


class FileScheduling(LoadScopeScheduling):
    """Hands whole files to processes, and all that read the kit's sources to one."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid.partition("::")[0])


@cache
def scope_of(file: str) -> str:
    """What a file of tests shares a process with: nothing but itself, or the sources."""
    return "sources" if "from tests.architecture import" in (CHECKOUT / file).read_text(encoding="utf-8") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileScheduling:
    """Whatever --dist says."""
    return FileScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Every second process begins at the end: all write bytecode, and from the middle on each reads another's."""
    report = yield
    if isinstance(collector, pytest.Directory) and int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 2:
        report.result.reverse()
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order is the same in every process again, which pytest-xdist asks for."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: item.path)


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


@pytest.fixture(autouse=True)
def _no_log_of_another_test() -> Iterator[None]:
    handlers, level, propagate = KIT.handlers[:], KIT.level, KIT.propagate
    yield
    for handler in KIT.handlers:
        if handler not in handlers:
            handler.close()
    KIT.handlers[:], KIT.propagate = handlers, propagate
    KIT.setLevel(level)
