"""A place where no engine answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.adapters.engine import Engine, EngineUnreachable


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder to work in, and no engine."""

    def unreachable(_: object) -> None:
        raise EngineUnreachable("Connecting", "there is no engine's socket", "start one")

    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    monkeypatch.setattr(Engine, "connect", unreachable)
    monkeypatch.chdir(tmp_path)
