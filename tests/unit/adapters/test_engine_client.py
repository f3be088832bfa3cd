"""Images that are streamed go through the command of the engine that answers, which is told where it is."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from labkit.adapters.engine import Engine
from labkit.adapters.engine_endpoint import EngineEndpoint
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed

_RECORDED = Path(__file__).parents[2] / "recorded" / "engine"


class RecordedClient:
    """The SDK's client of an engine whose /info and /version were recorded."""

    def __init__(self, name: str) -> None:
        self.is_podman = name.startswith("podman")
        recorded = json.loads((_RECORDED / f"{name}.json").read_text(encoding="utf-8"))
        self.api = self
        self._info: dict[str, Any] = recorded["info"]
        self._version: dict[str, Any] = recorded["version"]

    def info(self) -> dict[str, Any]:
        return self._info

    def version(self) -> dict[str, Any]:
        return self._version


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in which docker and podman, the only programs, write how they were called."""
    for name in ("docker", "podman"):
        line = f'echo "{name} $* $CONTAINER_HOST $DOCKER_HOST" >> {tmp_path}/typed'
        (tmp_path / name).write_text(f'#!/bin/sh\n{line}\n[ "$1" != exec ] || exit 3\n', encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST")
    return tmp_path / "typed"


def engine(name: str, endpoint: EngineEndpoint) -> Engine:
    client: Any = RecordedClient(name)
    return Engine(client, Configuration.from_environment(), endpoint)


def test_podman_saves_several_images_by_its_own_command(typed: Path) -> None:
    offered = EngineEndpoint("unix:///p.sock", "podman's socket of this user", unknown_to_docker=True)
    podman = engine("podman-5-rootless", offered)
    podman.save_images(["a:1", "b:1"], io.BytesIO())
    saved = "podman save --multi-image-archive a:1 b:1 unix:///p.sock unix:///p.sock\n"
    assert typed.read_text(encoding="utf-8") == saved
    assert (podman.client, podman.name) == ("podman", "podman")
    with pytest.raises(LabFailed, match="the podman command failed and printed nothing"):
        podman.pipe_images(["a:1"], ["exec", "--interactive", "node", "ctr"])
    assert "podman exec --interactive node ctr unix:///p.sock" in typed.read_text(encoding="utf-8")


def test_docker_is_left_to_find_its_engine_itself(typed: Path) -> None:
    docker = engine("debian-13", EngineEndpoint("unix:///var/run/docker.sock"))
    docker.save_images(["a:1"], io.BytesIO())
    assert typed.read_text(encoding="utf-8").split() == ["docker", "save", "a:1"]
    assert (docker.client, docker.name) == ("docker", "Docker")


def test_an_image_that_podman_built_gets_the_name_by_which_a_node_asks_for_it(
    typed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    podman = engine("podman-5-rootful", EngineEndpoint("unix:///p.sock"))
    there, tagged = {"localhost/app:latest", "docker.io/library/other:1"}, list[tuple[str, str]]()
    monkeypatch.setattr(Engine, "image", lambda _, name: {"Id": "sha256:1"} if name in there else None)
    monkeypatch.setattr(Engine, "tag", lambda _, image, name: tagged.append((image, name)))
    full = ["docker.io/library/app:latest", "docker.io/library/other:1", "localhost/labkit/debian:lab"]
    podman.pipe_images(full, ["load"])
    assert tagged == [("localhost/app:latest", "docker.io/library/app:latest")]
    engine("debian-13", EngineEndpoint("unix:///d.sock")).pipe_images(full, ["load"])
    assert len(tagged) == 1
