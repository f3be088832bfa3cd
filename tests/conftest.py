"""What all tests share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

import tests.quick_imports  # noqa: F401
from tests.killed_runs import take_away_of_killed_runs

# What is imported and collected stays until the end: looking through it for garbage again and again took a second.
gc.disable()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin where a run that was killed is over, with all that it had begun."""
    if not hasattr(session.config, "workerinput"):
        take_away_of_killed_runs()


def pytest_collection_finish() -> None:
    """Spare the collector of garbage what stays until the end: it took a seventh of the unit tests' time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Each shell of IPython that a test made would have all that is left collected once more at the very end."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _plain_environment() -> Iterator[None]:
    """Nobody's own choices about the lab reach a test that does not make them itself."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LABKIT_SOURCE", "LABKIT_REGISTRY"):
            patch.delenv(name, raising=False)
        yield
