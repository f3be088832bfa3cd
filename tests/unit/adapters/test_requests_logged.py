"""Every request to the engine and to the API server is recorded, with nothing secret."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from labkit.adapters.engine import Engine, EngineUnreachable
from labkit.adapters.kube import Kube
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from tests.unit.adapters.conftest import AnswersServer, outcomes

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: lab}}]
clusters: [{name: lab, cluster: {server: "http://%s", insecure-skip-tls-verify: true}}]
users: [{name: lab, user: {token: kept-to-itself}}]
"""
"""There is no TLS; to be told so spares each connection the reading of all the authorities of this machine."""


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """A lab of this test's own."""
    return Configuration("labkit-test", tmp_path / "state", tmp_path / "cache", tmp_path / "data")


def kube_of(folder: Path, server: AnswersServer) -> Kube:
    """The API of a server."""
    return _kube_at(folder, server.address)


def _kube_at(folder: Path, address: str) -> Kube:
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG % address, encoding="utf-8")
    return Kube(kubeconfig, "labkit-test")


def test_of_the_engine(
    configuration: Configuration,
    server: AnswersServer,
    records: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://{server.address}")
    server.answers = {
        "/version": (200, {"ApiVersion": "1.45"}),
        "/v1.45/_ping": (200, {}),
        "/v1.45/images/json": (200, []),
    }
    engine = Engine.connect(configuration)
    assert engine.labelled_images() == []
    assert outcomes(records) == [
        "engine: GET /version  # 200",
        "engine: GET /v1.45/_ping  # 200",
        "engine: GET /v1.45/images/json  # 200",
    ]


def test_of_an_engine_that_does_not_answer(
    configuration: Configuration, records: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with pytest.raises(EngineUnreachable):
        Engine.connect(configuration)
    assert outcomes(records) == ["engine: GET /version  # ConnectionError"]


def test_of_the_api_server(tmp_path: Path, server: AnswersServer, records: pytest.LogCaptureFixture) -> None:
    server.answers = {"/api/v1/nodes": (200, {"apiVersion": "v1", "kind": "NodeList", "metadata": {}, "items": []})}
    with kube_of(tmp_path, server) as kube:
        assert kube.version() == "unknown"
        with pytest.raises(LabFailed, match="there is none"):
            kube.pod("p", "n")
        assert kube.page("p", "n", 80, "/?password=kept-to-itself") == (False, "there is none")
    assert outcomes(records) == [
        "kubernetes: GET /api/v1/nodes  # 200",
        "kubernetes: GET /api/v1/namespaces/n/pods/p  # 404",
        "kubernetes: GET /api/v1/namespaces/n/pods/p:80/proxy/  # 404",
    ]
    assert "kept-to-itself" not in records.text


def test_of_an_api_server_that_is_gone(tmp_path: Path, records: pytest.LogCaptureFixture) -> None:
    with socket.socket() as silent:  # It holds the port, so that nobody else listens there.
        silent.bind(("127.0.0.1", 0))
        with (
            _kube_at(tmp_path, f"127.0.0.1:{silent.getsockname()[1]}") as kube,
            pytest.raises(LabFailed, match="the cluster does not answer"),
        ):
            kube.version()
    assert outcomes(records) == ["kubernetes: GET /api/v1/nodes  # ConnectError"]
