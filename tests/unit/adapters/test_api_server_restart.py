"""An API server that is being started again: its port is open, and connections are closed before anything is sent."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from labkit.adapters.engine import ContainerState, Engine
from labkit.adapters.kube import Kube
from labkit.adapters.openssl import make_certificate
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.files import write_atomically
from labkit.lab.cluster_kinds.kind_cluster import KindCluster
from labkit.lab.lab import Lab
from labkit.show.steps import Silent
from tests.unit.adapters.conftest import AnswersServer, outcomes
from tests.unit.adapters.test_requests_logged import KUBECONFIG, kube_of

_PATH = "/api/v1/nodes"
_NODES, _READY = f"kubernetes: GET {_PATH}  # ", "kubernetes: GET /readyz  # "
_ENDLESS = 10**9


class StartingServer(AnswersServer):
    """Closes the first connections as the engine does for a port at which nothing listens yet.

    Args:
        context: the certificate that it shows afterwards.
        closed: how many connections it closes.
        is_unread: whether a closed connection's bytes are left unread, which resets it; else it just ends.
    """

    def __init__(self, context: ssl.SSLContext, closed: int, *, is_unread: bool) -> None:
        super().__init__()
        self._context, self.closed, self._is_unread = context, closed, is_unread
        self.answers = {_PATH: (200, {"items": []}), "/readyz": (200, {})}

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self.closed:
            self.closed -= 1
            if self._is_unread:
                connection.recv(1)
            else:
                connection.recv(65536)
            connection.close()
            raise OSError("closed")
        return self._context.wrap_socket(connection, server_side=True), address


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate of this module's own."""
    folder = tmp_path_factory.mktemp("pki")
    make_certificate("127.0.0.1", folder / "crt", folder / "key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "crt", folder / "key")
    return context


@contextlib.contextmanager
def _serving(server: AnswersServer) -> Iterator[None]:
    with server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield
        server.shutdown()


def _kube(folder: Path, address: str) -> Kube:
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG.replace("http:", "https:") % address, encoding="utf-8")
    return Kube(kubeconfig, "labkit-test")


@pytest.mark.parametrize("is_unread", [True, False], ids=["reset", "ended"])
def test_a_request_is_sent_again_when_the_api_server_is_ready(
    tmp_path: Path, context: ssl.SSLContext, records: pytest.LogCaptureFixture, is_unread: bool
) -> None:
    server = StartingServer(context, 2, is_unread=is_unread)
    with _serving(server), _kube(tmp_path, server.address) as kube:
        kube.wait_for_restart(60.0)
        assert kube.version() == "unknown"
    assert outcomes(records) == [f"{_NODES}ConnectError", f"{_READY}ConnectError", f"{_READY}200", f"{_NODES}200"]


def test_what_makes_something_waits_too_though_the_question_before_it_has_no_body(
    tmp_path: Path, context: ssl.SSLContext, records: pytest.LogCaptureFixture
) -> None:
    server = StartingServer(context, 1, is_unread=False)
    server.answers["/api/v1/namespaces"] = (201, {"metadata": {"name": "made"}})
    with _serving(server), _kube(tmp_path, server.address) as kube:
        kube.wait_for_restart(60.0)
        kube._send("POST", "/api/v1/namespaces", body={"metadata": {"name": "made"}})
    making = "kubernetes: POST /api/v1/namespaces  # "
    assert outcomes(records) == [f"{making}ConnectError", f"{_READY}200", f"{making}201"]


class _Breaking(AnswersServer):
    """Breaks off the first request to a path that it has read; the connection is one that served others before."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = ""
        self.answers = {_PATH: (200, {"items": []}), "/readyz": (200, {})}

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.broken:
            request.recv(65536)
            self.broken = ""
            return
        super().finish_request(request, client_address)


@pytest.mark.parametrize(("method", "sent"), [("GET", 2), ("PATCH", 1)])
def test_one_that_ended_before_it_answered_is_asked_again_for_what_changes_nothing(
    tmp_path: Path, records: pytest.LogCaptureFixture, method: str, sent: int
) -> None:
    server = _Breaking()
    with _serving(server), kube_of(tmp_path, server) as kube:
        kube.wait_for_restart(60.0)
        server.broken = _PATH
        with contextlib.nullcontext() if sent == 2 else pytest.raises(LabFailed, match="does not answer"):
            kube._send(method, _PATH)
    assert sum(f"{method} {_PATH}" in outcome for outcome in outcomes(records)) == sent


def test_up_waits_for_one_that_has_answered_and_ended_once_more(
    tmp_path: Path, records: pytest.LogCaptureFixture
) -> None:
    server = _Breaking()
    now = "2026-11-28T10:30:00Z"
    condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": now}
    server.answers[_PATH] = (200, {"items": [{"metadata": {"name": "node"}, "status": {"conditions": [condition]}}]})
    started = ContainerState(running=True, image_id="", labels={}, started=datetime.fromisoformat(now))
    engine = SimpleNamespace(container=lambda _: started)
    configuration = Configuration("labkit-test", tmp_path / "state", tmp_path / "cache", tmp_path / "data")
    write_atomically(configuration.kubeconfig, KUBECONFIG % server.address)
    cluster = KindCluster(cast(Engine, engine), configuration, Silent())
    with _serving(server):
        for ask in (cluster._wait_for_kubelet, Lab(configuration, Silent(), cluster)._kubernetes):
            server.broken = _PATH
            ask()
    assert [outcome for outcome in outcomes(records) if "readyz" in outcome] == [f"{_READY}200"] * 2


def test_one_that_has_not_read_its_roles_yet_is_starting(
    tmp_path: Path, server: AnswersServer, records: pytest.LogCaptureFixture
) -> None:
    no = 'nodes is forbidden: User "kubernetes-admin" cannot list resource "nodes" in API group "" at the cluster scope'
    answers = {_PATH: iter([(403, {"message": no, "code": 403}), (200, {"items": []})])}
    answers["/readyz"] = iter([(403, {"message": 'forbidden: User "kubernetes-admin" cannot get path "/readyz"'})])
    ready: tuple[int, dict[str, Any]] = (200, {})
    server.answers = SimpleNamespace(get=lambda path, _: next(answers[path], ready))  # type: ignore[assignment]
    with kube_of(tmp_path, server) as kube:
        kube.wait_for_restart(60.0)
        assert kube.version() == "unknown"
    assert outcomes(records) == [f"{_NODES}403", f"{_READY}403", f"{_READY}200", f"{_NODES}200"]


def test_another_no_is_the_answer(tmp_path: Path, server: AnswersServer, records: pytest.LogCaptureFixture) -> None:
    no = 'pods "app" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'
    server.answers = {_PATH: (403, {"message": no, "code": 403})}
    with kube_of(tmp_path, server) as kube:
        kube.wait_for_restart(60.0)
        with pytest.raises(LabFailed, match="violates PodSecurity"):
            kube.version()
    assert outcomes(records) == [f"{_NODES}403"]


def test_who_has_no_right_is_told_so(tmp_path: Path, server: AnswersServer, records: pytest.LogCaptureFixture) -> None:
    no = 'nodes is forbidden: User "system:serviceaccount:a:b" cannot list resource "nodes" in API group ""'
    server.answers = {_PATH: (403, {"message": no, "code": 403}), "/readyz": (200, {})}
    with kube_of(tmp_path, server) as kube:
        kube.wait_for_restart(60.0)
        with pytest.raises(LabFailed, match="cannot list resource"):
            kube.version()
    assert outcomes(records) == [f"{_NODES}403", f"{_READY}200", f"{_NODES}403"]


def test_who_looks_does_not_wait(tmp_path: Path, context: ssl.SSLContext, records: pytest.LogCaptureFixture) -> None:
    server = StartingServer(context, 1, is_unread=True)
    with _serving(server), _kube(tmp_path, server.address) as kube, pytest.raises(LabFailed, match="does not answer"):
        kube.version()
    assert outcomes(records) == [f"{_NODES}ConnectError"]


def test_one_that_never_comes_is_waited_for_once(
    tmp_path: Path, context: ssl.SSLContext, records: pytest.LogCaptureFixture
) -> None:
    server = StartingServer(context, _ENDLESS, is_unread=True)
    with _serving(server), _kube(tmp_path, server.address) as kube:
        kube.wait_for_restart(0.2)
        for _ in range(2):
            with pytest.raises(LabFailed, match="does not answer") as error:
                kube.version()
            assert "labkit up" in error.value.remedy
        seen = outcomes(records)
        server.closed = 0
        assert kube.version() == "unknown"
    assert len(seen) > 3
    assert seen.count(f"{_NODES}ConnectError") == 2
    assert seen[-1] == f"{_NODES}ConnectError"
    assert outcomes(records)[len(seen) :] == [f"{_NODES}200"]


def test_a_port_at_which_no_engine_listens_is_not_waited_for(tmp_path: Path, records: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with _kube(tmp_path, f"127.0.0.1:{port}") as kube, pytest.raises(LabFailed, match="does not answer"):
        kube.wait_for_restart(60.0)
        kube.version()
    assert outcomes(records) == [f"{_NODES}ConnectError"]
