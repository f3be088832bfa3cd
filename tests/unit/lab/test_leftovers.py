"""What is left behind is found and removed, and nothing else: on an engine and a cluster of paper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from labkit.adapters.engine import ContainerState, Engine, EngineUnreachable
from labkit.base.configuration import LESSON_LABEL, Configuration
from labkit.cli import main
from labkit.lab.cluster_kinds.cluster import Cluster
from labkit.lab.cluster_kinds.kind_cluster import KindCluster
from labkit.lab.lab import Lab
from labkit.lab.leftovers import find_leftovers, remove_leftovers, running_strays
from labkit.show.steps import Silent

NODE = "paper-control-plane"
IMAGE = "sha256:5d25e7e9cc76" + "0" * 52


class EngineWithLeftovers:
    """Has containers, unnamed images and volumes; what is in use cannot be removed."""

    client = "docker"

    def client_environment(self) -> dict[str, str]:
        return {}

    def __init__(self) -> None:
        self.containers = {NODE: True, "ended": False, "of-a-lesson": False, "mine": True}
        self.images, self.volumes, self.in_use = [IMAGE], ["a", "b"], {"b"}
        self.node_volumes = ["b"]

    def container(self, name: str) -> ContainerState | None:
        return ContainerState(self.containers[name], "sha256:1", {}) if name in self.containers else None

    def network_labels(self, network: str) -> None:
        return None

    def labelled_containers(self, *more: str) -> list[str]:
        return ["of-a-lesson"] if LESSON_LABEL in more else list(self.containers)

    def labelled_images(self, *, nameless: bool) -> list[dict[str, Any]]:
        assert nameless
        return [{"Id": image, "RepoTags": None} for image in self.images]

    def volumes_of(self, container: str) -> list[str]:
        return self.node_volumes if container in self.containers else []

    def has_volume(self, volume: str) -> bool:
        return volume in self.volumes

    def remove_container(self, name: str) -> None:
        self.containers.pop(name, None)

    def remove_image(self, image: str) -> bool:
        self.images.remove(image)
        return True

    def remove_volume(self, volume: str) -> bool:
        if volume in self.in_use or volume not in self.volumes:
            return False
        self.volumes.remove(volume)
        return True


@pytest.fixture
def engine() -> EngineWithLeftovers:
    return EngineWithLeftovers()


@pytest.fixture
def lab(engine: EngineWithLeftovers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab on that engine, with kind's cluster, whose nodes have had the volumes a, b and c."""
    configuration = Configuration("paper", tmp_path / "state", tmp_path / "cache", tmp_path / "data")
    monkeypatch.setattr(Engine, "connect", lambda _: engine)
    for name in ("NAME", "STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"LABKIT_{name}", "paper" if name == "NAME" else str(tmp_path / name.lower()))
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "node-volumes").write_text("a\nb\nc\n", encoding="utf-8")
    return Lab(configuration, Silent())


def test_what_has_ended_has_no_name_or_belonged_to_a_former_node_is_left_over(lab: Lab) -> None:
    assert [str(leftover) for leftover in find_leftovers(lab)] == ["container ended", "image 5d25e7e9cc76", "volume a"]


def test_what_runs_without_the_lab_having_started_it_is_told_apart(lab: Lab) -> None:
    assert running_strays(lab) == ["mine"]


def test_just_these_are_removed(lab: Lab, engine: EngineWithLeftovers) -> None:
    assert len(remove_leftovers(lab)) == 3
    assert (list(engine.containers), engine.images, engine.volumes) == ([NODE, "of-a-lesson", "mine"], [], ["b"])
    assert find_leftovers(lab) == remove_leftovers(lab) == []


def test_what_came_into_use_meanwhile_is_not_called_removed(lab: Lab, engine: EngineWithLeftovers) -> None:
    engine.in_use.add("a")
    assert [leftover.kind for leftover in remove_leftovers(lab)] == ["container", "image"]
    assert engine.volumes == ["a", "b"]


def test_volumes_of_nodes_go_with_the_cluster(
    lab: Lab, engine: EngineWithLeftovers, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.in_use.clear()
    monkeypatch.setattr("labkit.adapters.kind.Kind.delete", lambda _: engine.remove_container(NODE))
    assert lab.cluster().delete()
    assert engine.volumes == []


def test_the_node_s_volume_is_written_down_beside_those_that_are_still_there(
    lab: Lab, engine: EngineWithLeftovers
) -> None:
    engine.node_volumes, engine.volumes = ["new"], ["a", "new"]
    cast(KindCluster, lab.cluster())._volumes.write_down()
    assert (lab.configuration.state / "node-volumes").read_text(encoding="utf-8").split() == ["a", "new"]
    assert lab.cluster().abandoned_volumes() == ["a"]


def test_without_a_record_no_volume_is_touched(lab: Lab) -> None:
    (lab.configuration.state / "node-volumes").unlink()
    assert lab.cluster().abandoned_volumes() == []


# --- the command ---


def test_the_command_removes_just_these_and_says_which(lab: Lab, engine: EngineWithLeftovers) -> None:
    answer = CliRunner().invoke(main, ["clean", "--leftovers"])
    assert answer.output == "removed container ended\nremoved image 5d25e7e9cc76\nremoved volume a\n"
    assert NODE in engine.containers
    again = CliRunner().invoke(main, ["clean", "--leftovers", "--json"])
    assert json.loads(again.output) == {"removed": [], "kept": []}
    assert CliRunner().invoke(main, ["clean", "--leftovers"]).output == "there was nothing to remove\n"


def test_without_an_engine_it_says_so(lab: Lab, engine: EngineWithLeftovers, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(_: Configuration) -> Engine:
        raise EngineUnreachable("Connecting to the engine", "nothing answers", "start it")

    monkeypatch.setattr(Engine, "connect", connect)
    answer = CliRunner().invoke(main, ["clean", "--leftovers"])
    assert (answer.exit_code, "nothing answers" in answer.output) == (EngineUnreachable.exit_status, True)
    assert len(engine.containers) == 4


def test_progress_is_no_leftover(lab: Lab) -> None:
    answer = CliRunner().invoke(main, ["clean", "--leftovers", "--progress"])
    assert answer.exit_code == 2
    assert "not both" in answer.output


def test_a_cluster_that_runs_elsewhere_has_no_container_to_spare(lab: Lab, engine: EngineWithLeftovers) -> None:
    class Elsewhere:
        containers = frozenset[str]()

        def abandoned_volumes(self) -> list[str]:
            return []

    assert running_strays(Lab(lab.configuration, Silent(), cast(Cluster, Elsewhere()))) == [NODE, "mine"]
