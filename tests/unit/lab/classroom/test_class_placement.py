"""Where nodes get a class's images from: kind's are given them, others pull by digest from a registry that is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, cast

import pytest

from labkit.adapters.crane import Crane
from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.errors import LabFailed, Misuse
from labkit.lab.classroom.class_placement import kind_nodes, named_by_id, place_images
from labkit.lab.classroom.class_settings import ClassSettings
from labkit.lab.lab import Lab
from labkit.show.steps import Silent
from tests.class_cluster import KeepingCluster, keeping_cluster

PUSHED = ClassSettings(registry="registry.example/lab")
LINE = "labkit class up --context kind-school"
BUILT = ("localhost/labkit/class-hub:lab", "localhost/labkit/class-participant:lab")


class EngineBesideNodes:
    """Has images and containers by name, and writes down what is named anew."""

    def __init__(self, images: list[str], containers: list[str]) -> None:
        self.images = {name: f"sha256:{number:064x}" for number, name in enumerate(images, 1)}
        self.containers = containers
        self.tagged: list[str] = []

    def image(self, reference: str) -> dict[str, str] | None:
        return {"Id": self.images[reference]} if reference in self.images else None

    def container(self, name: str) -> object | None:
        return name if name in self.containers else None

    def tag(self, image: str, reference: str) -> None:
        self.tagged.append(reference)

    def save_image(self, reference: str, target: IO[bytes]) -> None:
        target.write(reference.encode())


def a_lab(*images: str, containers: tuple[str, ...] = ()) -> Lab:
    engine = EngineBesideNodes(list(images), list(containers))
    configuration = SimpleNamespace(image_reference=lambda name: f"localhost/labkit/{name}:lab")
    lab = SimpleNamespace(engine=lambda: engine, configuration=configuration, catalogue=("debian",), steps=Silent())
    return cast(Lab, lab)


@pytest.fixture
def paper() -> Iterator[KeepingCluster]:
    with keeping_cluster() as server:
        server.put("api/v1/nodes/school-control-plane")
        yield server


def connected(paper: KeepingCluster, context: str) -> ClusterWriter:
    access = paper.access
    return ClusterWriter(type(access)(context, access.namespace, access.server, access.client))


@pytest.mark.parametrize(
    ("context", "containers", "nodes"),
    [
        ("kind-school", ("school-control-plane",), ["school-control-plane"]),
        ("kind-school", (), []),  # kind's, but on another machine.
        ("school", ("school-control-plane",), []),
    ],
)
def test_kinds_nodes(paper: KeepingCluster, context: str, containers: tuple[str, ...], nodes: list[str]) -> None:
    with connected(paper, context) as cluster:
        assert kind_nodes(a_lab(containers=containers), cluster) == nodes


def test_other_nodes_need_a_registry(paper: KeepingCluster) -> None:
    with connected(paper, "school") as cluster, pytest.raises(Misuse, match="pull images") as caught:
        place_images(a_lab(*BUILT), cluster, ClassSettings(name="biology"), BUILT)
    line = "labkit class up --context school --class-name biology --registry registry.example/labkit"
    assert caught.value.remedy.endswith(f"\n  {line}")


def test_what_is_pushed_is_named_by_digest(paper: KeepingCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed = {}

    def push(_: Crane, archive: Path, reference: str) -> str:
        pushed[reference] = archive.read_text()
        return f"sha256:{len(pushed)}"

    monkeypatch.setattr(Crane, "push", push)
    with connected(paper, "school") as cluster:
        placed = place_images(a_lab(*BUILT, "localhost/labkit/debian:lab"), cluster, PUSHED, BUILT)
    assert placed.hub == "registry.example/lab/class-hub@sha256:1"
    assert placed.participant == "registry.example/lab/class-participant@sha256:2"
    assert placed.images == "registry.example/lab"
    assert pushed["registry.example/lab/debian:lab"] == "localhost/labkit/debian:lab"


def test_an_engine_s_image_goes_the_same_way(paper: KeepingCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Crane, "push", lambda _, __, reference: f"sha256:{reference.rpartition('-')[2]}")
    built = (*BUILT, "localhost/labkit/class-engine:lab")
    with connected(paper, "school") as cluster:
        placed = place_images(a_lab(*built, "localhost/labkit/debian:lab"), cluster, PUSHED, built)
    assert placed.engine == "registry.example/lab/class-engine@sha256:engine:lab"


def test_a_registry_that_goes_away_is_told(paper: KeepingCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def push(_: Crane, archive: Path, reference: str) -> str:
        raise LabFailed(f"Pushing {reference}", "connection refused", "check its name, and that it is up")

    monkeypatch.setattr(Crane, "push", push)
    with connected(paper, "school") as cluster, pytest.raises(LabFailed, match="connection refused"):
        place_images(a_lab(*BUILT), cluster, PUSHED, BUILT)


def test_an_image_is_named_by_its_id() -> None:
    engine: Any = EngineBesideNodes(list(BUILT), [])
    assert named_by_id(engine, BUILT[0], LINE) == "localhost/labkit/class-hub:000000000000"
    assert engine.tagged == ["localhost/labkit/class-hub:000000000000"]
    with pytest.raises(LabFailed, match="is gone") as caught:
        named_by_id(engine, "localhost/labkit/other:lab", LINE)
    assert LINE in caught.value.remedy
