"""A participant's part of a class's cluster: its kubeconfig, and what it says of what is not to be had there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from labkit.base.configuration import Configuration, Sandbox
from labkit.base.errors import LabFailed
from labkit.lab.cluster_kinds.choose_cluster import choose_cluster
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.cluster_kinds.sandbox_cluster import SandboxCluster
from labkit.lab.lab import Lab
from labkit.show.steps import Silent

SANDBOX = Sandbox("class-p-1-lab", "registry.example/labkit")
ADDRESS = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


class ConnectionOnPaper:
    """Remembers how it was made, and whether its requests wait."""

    def __init__(self, *given: object) -> None:
        self.given, self.waits = given, False

    def wait_for_restart(self) -> None:
        self.waits = True


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """Of a lab in an empty folder."""
    return Configuration("labkit-test", tmp_path / "state", tmp_path / "cache", tmp_path / "data")


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """The folder of a service account."""
    folder = tmp_path / "account"
    folder.mkdir()
    (folder / "token").write_text("t", encoding="utf-8")
    return folder


@pytest.fixture
def cluster(configuration: Configuration, account: Path) -> SandboxCluster:
    return SandboxCluster(configuration, SANDBOX, account, ADDRESS)


def test_the_kubeconfig_names_the_files_of_the_account_and_holds_no_token(
    cluster: SandboxCluster, configuration: Configuration, account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.lab.cluster_kinds.sandbox_cluster.SandboxKube", ConnectionOnPaper)
    connection: Any = cluster.kube()
    assert connection.given == (configuration.kubeconfig, configuration.name, "class-p-1-lab")
    assert [connection.waits, cast(Any, cluster.kube(patient=False)).waits] == [True, False]
    written = yaml.safe_load(configuration.kubeconfig.read_text(encoding="utf-8"))
    assert written["users"][0]["user"] == {"tokenFile": str(account / "token")}
    assert written["clusters"][0]["cluster"]["server"] == "https://10.96.0.1:443"
    assert written["contexts"][0]["context"]["namespace"] == "class-p-1-lab"
    assert configuration.kubeconfig.stat().st_mode & 0o777 == 0o600


def test_an_address_of_ipv6_stands_in_brackets(
    configuration: Configuration, account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labkit.lab.cluster_kinds.sandbox_cluster.SandboxKube", ConnectionOnPaper)
    SandboxCluster(configuration, SANDBOX, account, {"KUBERNETES_SERVICE_HOST": "fd00::1"}).kube()
    assert "server: https://[fd00::1]:443" in configuration.kubeconfig.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("environment", "problem"), [({}, "KUBERNETES_SERVICE_HOST is not set"), (ADDRESS, "no service account's token")]
)
def test_outside_of_a_pod_it_says_what_is_missing(
    configuration: Configuration, tmp_path: Path, environment: dict[str, str], problem: str
) -> None:
    cluster = SandboxCluster(configuration, SANDBOX, tmp_path / "none", environment)
    assert cluster.look() is State.BROKEN
    with pytest.raises(LabFailed, match=problem):
        cluster.kube()


@pytest.mark.parametrize(
    "do",
    [
        lambda cluster: cluster.stop(),
        lambda cluster: cluster.delete(),
        lambda cluster: cluster.load({"my-app:latest": "sha256:1"}),
        lambda cluster: cluster.unload(["my-app:latest"]),
        lambda cluster: cluster.execute(["id"]),
        lambda cluster: cluster.put_files({"/x": b""}),
    ],
    ids=["stop", "delete", "load", "unload", "execute", "put_files"],
)
def test_what_belongs_to_everybody_is_refused_with_a_reason(
    cluster: SandboxCluster, do: Callable[[SandboxCluster], Any]
) -> None:
    with pytest.raises(LabFailed, match=r"your part of a class's cluster, and .* everybody's"):
        do(cluster)


def test_it_is_chosen_by_the_configuration(configuration: Configuration) -> None:
    assert choose_cluster(replace(configuration, sandbox=SANDBOX)).is_given
    assert not choose_cluster(configuration).is_given


def test_a_lab_in_a_class_makes_nothing(configuration: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SandboxCluster, "look", lambda *_: State.UP)
    lab = Lab(replace(configuration, sandbox=SANDBOX), Silent())
    lab.up()
    lab.begin()
    monkeypatch.setattr(SandboxCluster, "look", lambda *_: State.BROKEN)
    with pytest.raises(LabFailed, match="tell your instructor"):
        lab.begin()


def test_images_are_named_as_the_class_has_them(configuration: Configuration) -> None:
    assert replace(configuration, sandbox=SANDBOX).image_reference("debian") == "registry.example/labkit/debian:lab"
    plain = replace(configuration, sandbox=Sandbox("ns"))
    assert plain.image_reference("debian") == f"localhost/{configuration.name}/debian:lab"


def test_the_environment_says_what_a_class_gives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LABKIT_SANDBOX", "ns")
    monkeypatch.setenv("LABKIT_IMAGES", "r/l")
    monkeypatch.setenv("LABKIT_ENGINE", "none")
    monkeypatch.setenv("LABKIT_FACTS", str(tmp_path))
    assert Configuration.from_environment().sandbox == Sandbox("ns", "r/l", False, tmp_path)
    monkeypatch.delenv("LABKIT_SANDBOX")
    assert Configuration.from_environment().sandbox is None
