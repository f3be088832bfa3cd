"""An engine that answers is taken as it is, unless it is podman of a version that the lab does not take."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.adapters import podman
from labkit.adapters.engine import Engine
from labkit.base.configuration import Configuration
from labkit.base.errors import MachineLacks
from labkit.lab.machine import ensure
from labkit.show.steps import Silent

RECORDED = Path(__file__).parents[3] / "recorded" / "engine"


class RecordedEngine:
    """An engine of podman's, of a version."""

    is_podman, client = True, podman.CLIENT

    def __init__(self, release: str) -> None:
        recorded = json.loads((RECORDED / "podman.json").read_text(encoding="utf-8"))
        self._info: dict[str, Any] = {**recorded["info"], "ServerVersion": release}
        self._version: dict[str, Any] = recorded["version"]

    def info(self) -> dict[str, Any]:
        return self._info

    def version(self) -> dict[str, Any]:
        return self._version


def take(release: str, monkeypatch: pytest.MonkeyPatch) -> object:
    engine = RecordedEngine(release)
    monkeypatch.setattr(Engine, "connect", lambda _: engine)
    return ensure.ensure_engine(Configuration.from_environment(), Silent())


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, in which podman's command is."""
    (tmp_path / "podman").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("release", ["5.0.0", "5.4.2", "6.1"])
def test_podman_is_taken_and_docker_is_not_asked_for(
    release: str, bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(take(release, monkeypatch), RecordedEngine)


@pytest.mark.parametrize("release", ["3.4.4", "4.3.1", "4.9.9"])
def test_an_older_one_is_refused_with_a_remedy(release: str, bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MachineLacks, match=f"podman {release}; the lab needs podman 5 or later, or Docker") as refused:
        take(release, monkeypatch)
    assert "unset DOCKER_HOST" in refused.value.remedy


def test_its_command_is_needed_too(bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (bin_folder / "podman").unlink()
    with pytest.raises(MachineLacks, match="though podman answers") as refused:
        take("5.4.2", monkeypatch)
    assert "podman" in refused.value.remedy
