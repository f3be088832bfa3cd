"""Places where no engine answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.adapters.engine import Engine
from tests.unit.explain import without_engine


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setattr(Engine, "connect", without_engine.no_engine)


@pytest.fixture
def nowhere(no_engine: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder to work in, and no engine."""
    monkeypatch.chdir(tmp_path)
