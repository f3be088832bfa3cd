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


class NamedImages:
    """The images of an engine of podman's, and what it is told to call them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **ids: str) -> None:
        self.ids = ids
        monkeypatch.setattr(Engine, "image", lambda _, name: self._inspected(name))
        monkeypatch.setattr(Engine, "tag", lambda _, image, name: self.ids.update({name: image}))
        monkeypatch.setattr(Engine, "remove_name", lambda _, name: self.ids.pop(name))

    def _inspected(self, name: str) -> dict[str, Any] | None:
        identifier = self.ids.get(name, name if name in self.ids.values() else None)
        names = [name for name, of_name in self.ids.items() if of_name == identifier]
        return {"Id": identifier, "RepoTags": names} if identifier else None


_APP = "docker.io/library/app:latest"


@pytest.mark.parametrize(
    "before",
    [
        {_APP: "new"},
        {"localhost/app:latest": "new"},
        {"localhost/app:latest": "new", _APP: "old"},  # built again, by podman's own command
        {_APP: "old", "localhost/unlike:1": "new"},
    ],
)
def test_what_goes_into_a_node_has_the_names_by_which_the_node_asks_for_it(
    before: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    images = NamedImages(monkeypatch, **before)
    with engine("podman-5-rootful", EngineEndpoint("unix:///p.sock")).meaning({_APP: "new"}):
        assert images.ids == {**before, _APP: "new"}
    assert images.ids == before


def test_an_image_is_not_removed_with_the_only_name_that_it_got(monkeypatch: pytest.MonkeyPatch) -> None:
    images = NamedImages(monkeypatch)
    monkeypatch.setattr(Engine, "image", lambda _, name: {"Id": "new", "RepoTags": [_APP]} if name == "new" else None)
    with engine("podman-5-rootful", EngineEndpoint("unix:///p.sock")).meaning({_APP: "new"}):
        pass
    assert images.ids == {_APP: "new"}


def test_docker_s_names_are_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "image", lambda *_: pytest.fail("nothing is to be asked"))
    with engine("debian-13", EngineEndpoint("unix:///d.sock")).meaning({_APP: "new"}):
        pass
