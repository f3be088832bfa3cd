"""What holds for every unit test."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from labkit.base.log import LOG_VARIABLE

KIT = logging.getLogger("labkit")


@pytest.fixture(autouse=True)
def _no_engine_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")


@pytest.fixture(autouse=True)
def _no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_OFFLINE", "1")


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can see what a loss of power would leave; property tests write progress hundreds of times."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture(autouse=True)
def _no_log_of_another_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(LOG_VARIABLE, raising=False)
    handlers, level, propagate = KIT.handlers[:], KIT.level, KIT.propagate
    yield
    for handler in KIT.handlers:
        if handler not in handlers:
            handler.close()
    KIT.handlers[:], KIT.propagate = handlers, propagate
    KIT.setLevel(level)
