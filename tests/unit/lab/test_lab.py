"""A lab acts when it is told to: nothing is read or opened before, each connection once, and all are closed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from labkit.adapters.engine import Engine
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.cli import main
from labkit.lab.bundles.bundle_manifest import BundleRefused
from labkit.lab.cluster_kinds.cluster import Cluster, State
from labkit.lab.lab import Lab
from labkit.lab.samples.build import ImageBuilder
from labkit.show.steps import Silent

MANIFEST = """
kind: Pod
apiVersion: v1
metadata: {name: p}
spec: {containers: [{name: c, image: labelled}]}
"""


class Connection:
    """Remembers when it is opened and closed; answers like an engine without containers, or an API."""

    log: list[str]
    is_podman = False

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log
        log.append(f"open {name}")

    def close(self) -> None:
        self.log.append(f"close {self.name}")

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def info(self) -> dict[str, Any]:
        return {}

    def version(self) -> Any:
        return {} if self.name == "engine" else "v1.36.0"

    def image(self, reference: str) -> dict[str, Any] | None:
        return {"Id": "sha256:1", "Config": {}} if "whole" in reference else None

    def container(self, _: str) -> None:
        return None

    def labelled_containers(self, *_: str) -> list[str]:
        return []

    client = "docker"
    labelled_networks = labelled_volumes = labelled_containers

    def network_labels(self, network: str) -> None:
        return None

    def labelled_images(self, nameless: bool = False) -> list[Any]:
        return []

    def can_reach_registry(self, *_: object) -> bool:
        return False

    def remove_image(self, _: str) -> bool:
        return False

    def remove_container(self, _: str) -> None:
        pass


class UpCluster:
    """A cluster that is up."""

    node, containers = "node", frozenset[str]()

    def __init__(self, log: list[str]) -> None:
        self._log = log

    def look(self) -> State:
        return State.UP

    def source(self) -> None:
        return None

    def kube(self) -> Any:
        return Connection("kube", self._log)

    def ensure(self, _: object) -> None:
        self._log.append("ensure")

    def exists(self) -> bool:
        return True


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def lab(log: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab whose one recipe of two is broken, with connections that remember."""
    for name, text in (("broken", "summary = 1"), ("whole", "summary = 'x'\nrecorded = 2026-11-24\n[contract]")):
        (tmp_path / "images" / name).mkdir(parents=True)
        (tmp_path / "images" / name / "image.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr("labkit.lab.lab.IMAGES_FOLDER", tmp_path / "images")
    monkeypatch.setattr(Engine, "connect", lambda _: Connection("engine", log))
    for name in ("STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"LABKIT_{name}", str(tmp_path / name.lower()))
    return Lab(Configuration.from_environment(), Silent(), cast(Cluster, UpCluster(log)))


def test_making_one_reads_and_opens_and_makes_nothing(
    log: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.lab.lab.IMAGES_FOLDER", tmp_path / "nowhere")
    monkeypatch.setattr(Engine, "connect", lambda _: Connection("engine", log))
    with Lab(Configuration("lab", tmp_path / "state", tmp_path / "cache", tmp_path / "data"), Silent()):
        assert list(tmp_path.iterdir()) == []
    assert log == []


def test_each_connection_is_opened_once_and_closed(lab: Lab, log: list[str]) -> None:
    with lab:
        assert lab.engine() is lab.engine()
        assert lab.kube() is lab.kube()
        quiet = lab.silent()
        assert (quiet.engine(), quiet.kube(), quiet.cluster()) == (lab.engine(), lab.kube(), lab.cluster())
        quiet.close()
        assert lab.status()["cluster"]["kubernetes"] == "v1.36.0"
        assert log == ["open engine", "open kube"]
    assert log == ["open engine", "open kube", "close kube", "close engine"]
    lab.close()
    assert len(log) == 4


def test_an_error_closes_them_too(lab: Lab, log: list[str]) -> None:
    with pytest.raises(LabFailed), lab:
        lab.engine()
        raise LabFailed("Trying", "no", "again")
    assert log == ["open engine", "close engine"]


def test_a_command_closes_what_it_has_opened(lab: Lab, log: list[str]) -> None:
    assert CliRunner().invoke(main, ["status"]).exit_code == 0
    assert log == ["open engine", "close engine"]


def test_up_may_make_another_cluster_so_its_old_connections_go(
    lab: Lab, log: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images" / "broken" / "image.toml").unlink()
    monkeypatch.setenv("LABKIT_SOURCE", "stand-in")
    monkeypatch.setattr("labkit.lab.up_plan.ensure_kubectl", lambda *_: "kubectl")
    monkeypatch.setattr("labkit.lab.up_plan.ensure_engine", lambda *_: Connection("engine", log))
    monkeypatch.setattr(ImageBuilder, "ensure_all", lambda _: log.append("images"))
    lab.kube()
    lab.up()
    assert log == ["open kube", "close kube", "open engine", "images", "ensure"]
    lab.close()
    assert log[-1] == "close engine"


def test_a_bundle_that_is_not_there_is_told_of_before_the_lock_is_waited_for(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images" / "broken" / "image.toml").unlink()
    monkeypatch.setattr("labkit.lab.lab.lab_locked", lambda *_: pytest.fail("the lock was waited for"))
    with pytest.raises(BundleRefused, match="no such file"):
        lab.up(bundle=tmp_path / "no-bundle.tar")


# --- a recipe with a mistake in it ---


def test_what_needs_a_broken_recipe_names_file_field_and_remedy(lab: Lab, log: list[str]) -> None:
    assert lab.reference("broken") == "localhost/labkit/broken:lab"
    for needs in (lambda: lab.catalogue["broken"], lab.up):
        with pytest.raises(LabFailed) as failed:
            needs()
        assert failed.value.tried.endswith("broken/image.toml")
        assert failed.value.came_back == "summary: Expected `str`, got `int`"
        assert " checkout -- " in failed.value.remedy
    assert log == []


def test_status_has_the_rest_and_notes_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    monkeypatch.setattr(lab.steps, "note", notes.append)
    broken, whole = lab.status()["images"]
    assert (broken["name"], broken["reference"], broken["summary"]) == ("broken", "localhost/labkit/broken:lab", "")
    assert (whole["digest"], whole["summary"]) == ("sha256:1", "x")
    assert len(notes) == 1
    assert "summary: Expected `str`" in notes[0]


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["explain", "-f", "pod.yaml", "--image-user", "labelled=1000"], 0),
        (["explain", "-f", "pod.yaml", "--image-user", "whole=1000", "--json"], 0),
        (["status"], 0),
        (["down"], 0),
        (["clean", "--yes"], 0),
        (["doctor", "--json"], None),
        (["images"], 1),
        (["up"], 1),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_that_needs_no_recipe_is_not_stopped_by_one(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], status: int | None
) -> None:
    (tmp_path / "pod.yaml").write_text(MANIFEST, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, argv, catch_exceptions=False)
    assert status in (None, result.exit_code), result.output
    assert ("broken/image.toml" in result.output) == (argv[0] in ("images", "up", "status"))
