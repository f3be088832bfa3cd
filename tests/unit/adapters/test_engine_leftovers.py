"""The stages that a build leaves are removed, and nobody else's; so is what comes with a container."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import pytest
import requests
from docker.errors import APIError, NotFound

from labkit.adapters.engine import Engine
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed

STAGE, FINAL, OTHERS = ("sha256:" + letter * 64 for letter in "abc")


class PaperApi:
    """Docker's API, as far as builds, volumes and looking inside go."""

    def __init__(self) -> None:
        self.unnamed = [STAGE, OTHERS]
        self.events: list[dict[str, str]] = [
            {"stream": "Step 1/4 : FROM debian AS stage\n"},
            {"stream": f" ---> {OTHERS[7:19]} is what somebody printed\n"},
            {"stream": f" ---> {STAGE[7:19]}\n"},
            {"stream": f" ---> {FINAL[7:19]}\nSuccessfully built {FINAL[7:19]}\n"},
        ]
        self.calls: list[tuple[Any, ...]] = []
        self.filters: dict[str, Any] = {}
        self.needed: set[str] = set()
        self.beneath: dict[str, list[str]] = {}
        self.conflicts: dict[str, str] = {}
        self.going: list[str] = []
        self.volumes = {"free": None, "used": 409, "broken": 500}

    def build(self, **_: Any) -> Iterator[dict[str, str]]:
        return iter(self.events)

    def inspect_image(self, _: str) -> dict[str, Any]:
        return {"Id": FINAL, "Config": {}}

    def images(self, *, filters: dict[str, Any]) -> list[dict[str, str]]:
        self.filters = filters
        self.calls.append(("images",))
        return [{"Id": image} for image in self.unnamed]

    def remove_image(self, reference: str, *, force: bool) -> None:
        assert not force
        self.calls.append(("remove_image", reference))
        if reference in self.needed:
            response = requests.Response()
            response.status_code = 409
            raise APIError("a container needs it", response=response)
        self.unnamed = [image for image in self.unnamed if image != reference] + self.beneath.pop(reference, [])

    def inspect_container(self, name: str) -> dict[str, Any]:
        if name in self.going:
            self.going.remove(name)
            return {"State": {"Running": False}, "Image": FINAL, "Config": {}}
        if name != "node":
            raise NotFound("no such container")
        return {"Mounts": [{"Type": "bind", "Source": "/lib"}, {"Type": "volume", "Name": "free"}]}

    def inspect_volume(self, name: str) -> None:
        if name not in self.volumes:
            raise NotFound("no such volume")

    def remove_volume(self, name: str) -> None:
        self.inspect_volume(name)
        if status := self.volumes[name]:
            response = requests.Response()
            response.status_code = status
            raise APIError("no", response=response)

    def create_container(self, *_: object, **__: object) -> dict[str, str]:
        return {"Id": "container"}

    def get_archive(self, *_: object) -> None:
        raise NotFound("no such file")

    def remove_container(self, container: str, **options: bool) -> None:
        self.calls.append(("remove_container", container, options))
        if container in self.conflicts:
            response = requests.Response()
            response.status_code = 409
            raise APIError("no", response=response, explanation=self.conflicts[container])


@pytest.fixture
def api() -> PaperApi:
    return PaperApi()


@pytest.fixture
def engine(api: PaperApi, tmp_path: Path) -> Engine:
    configuration = Configuration("paper", tmp_path, tmp_path, tmp_path)
    return Engine(cast(docker.DockerClient, SimpleNamespace(api=api)), configuration)


def _build(engine: Engine) -> None:
    engine.build(b"", "app", arguments={}, labels={})


def test_only_stages_of_this_connections_builds_go(engine: Engine, api: PaperApi) -> None:
    _build(engine)
    engine.remove_stages()
    assert api.calls == [("images",), ("remove_image", STAGE)]
    assert api.filters == {"dangling": True}


def test_they_go_once_and_without_a_build_nothing_is_asked(engine: Engine, api: PaperApi) -> None:
    engine.remove_stages()
    assert api.calls == []
    _build(engine)
    engine.remove_stages()
    engine.remove_stages()
    assert len(api.calls) == 2


def test_a_build_that_stops_half_way_has_left_some_too(engine: Engine, api: PaperApi) -> None:
    api.events[-1] = {"error": "The command '/bin/sh -c false' returned a non-zero code: 1"}
    with pytest.raises(LabFailed, match="non-zero"):
        _build(engine)
    engine.remove_stages()
    assert api.calls[-1] == ("remove_image", STAGE)


def test_what_has_no_name_and_a_label_goes_with_what_is_beneath_it(engine: Engine, api: PaperApi) -> None:
    api.beneath = {STAGE: [FINAL]}
    api.needed = {OTHERS}
    assert engine.remove_nameless("a.label") == 2
    assert api.filters == {"label": ["a.label"], "dangling": True}
    removed = [call[1] for call in api.calls if call[0] == "remove_image"]
    assert (sorted(removed), api.unnamed) == (sorted([STAGE, OTHERS, FINAL]), [OTHERS])


def test_volumes_of_a_container_are_those_that_have_a_name(engine: Engine) -> None:
    assert engine.volumes_of("node") == ["free"]
    assert engine.volumes_of("nobody") == []


def test_a_volume_in_use_stays(engine: Engine) -> None:
    assert [engine.remove_volume(name) for name in ("free", "used", "none")] == [True, False, False]
    assert [engine.has_volume(name) for name in ("used", "none")] == [True, False]
    with pytest.raises(LabFailed):
        engine.remove_volume("broken")


def test_looking_inside_leaves_no_volume(engine: Engine, api: PaperApi) -> None:
    assert engine.look_inside("app", ["/x"]) == {"/x": None}
    assert api.calls == [("remove_container", "container", {"force": True, "v": True})]


def test_a_container_that_goes_by_itself_is_waited_for(engine: Engine, api: PaperApi) -> None:
    api.conflicts = {"beside": "removal of container beside is already in progress"}
    api.going = ["beside", "beside"]
    engine.remove_container("beside")
    assert api.going == []


def test_another_conflict_of_a_removal_is_told(engine: Engine, api: PaperApi) -> None:
    api.conflicts = {"beside": "something else needs it"}
    with pytest.raises(LabFailed, match="something else needs it"):
        engine.remove_container("beside")
