"""The engine that the docker command would use, and what is said where the command would stop.

What the docker command does with each of these was tried with docker 28.2.2.
"""

from __future__ import annotations

import gc
import hashlib
import json
import socket
import socketserver
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner
from docker.errors import DockerException

from labkit.adapters.engine import Engine, EngineUnreachable, engine_connection
from labkit.adapters.engine_endpoint import DEFAULT_SOCKET, choose_endpoint, read_settings
from labkit.base.configuration import Configuration
from labkit.cli import main
from tests.servers import LOGIN_PAGE, Answer, http, serve

GONE = "there is no such context"
UNREAD = "cannot be read"
NO_ENGINE = "names no engine"
NO_ADDRESS = "that is not an address"
MANIFEST = (
    "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: nginx, "
    "securityContext: {runAsUser: 1000}}]}}"
)


def write_context(folder: Path, text: str, name: str = "other") -> None:
    """A context's file, as the docker command keeps it."""
    place = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    place.mkdir(parents=True)
    (place / "meta.json").write_text(text, encoding="utf-8")


def of_host(host: object) -> str:
    return json.dumps({"Name": "other", "Metadata": {}, "Endpoints": {"docker": {"Host": host}}})


def test_nothing_chosen_is_this_machine_s_own(tmp_path: Path) -> None:
    endpoint = choose_endpoint({"DOCKER_CONFIG": str(tmp_path)})
    assert (endpoint.socket, endpoint.is_default, str(endpoint)) == (DEFAULT_SOCKET, True, f"unix://{DEFAULT_SOCKET}")
    assert choose_endpoint({}).socket == DEFAULT_SOCKET


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("unix:///run/user/1000/docker.sock", "unix:///run/user/1000/docker.sock"),
        ("tcp://127.0.0.1:2376", "tcp://127.0.0.1:2376"),
        ("tcp://127.0.0.1", "tcp://127.0.0.1:2375"),
        ("tcp://", "tcp://localhost:2375"),
        ("tcp://[::1]:2375", "tcp://[::1]:2375"),
        ("somewhere", "tcp://somewhere:2375"),
        ("ssh://me@somewhere", "ssh://me@somewhere"),
    ],
)
def test_docker_host_overrides_any_context(tmp_path: Path, given: str, host: str) -> None:
    endpoint = choose_endpoint({"DOCKER_HOST": given, "DOCKER_CONTEXT": "gone", "DOCKER_CONFIG": str(tmp_path)})
    assert (endpoint.host, endpoint.chosen_by) == (host, "DOCKER_HOST")


def test_a_context_is_chosen_by_a_variable_or_else_by_the_settings(tmp_path: Path) -> None:
    write_context(tmp_path, of_host("unix:///a.sock"), "a")
    write_context(tmp_path, of_host("unix:///b.sock"), "b")
    (tmp_path / "config.json").write_text('{"currentContext": "a"}', encoding="utf-8")
    environment = {"DOCKER_CONFIG": str(tmp_path)}
    assert choose_endpoint(environment).socket == Path("/a.sock")
    assert str(choose_endpoint(environment)) == 'context "a", unix:///a.sock'
    assert choose_endpoint({**environment, "DOCKER_CONTEXT": "b"}).socket == Path("/b.sock")
    assert choose_endpoint({**environment, "DOCKER_CONTEXT": "default"}).socket == DEFAULT_SOCKET


@pytest.mark.parametrize(
    "text",
    [
        '{"Name": "other", "Endpoints": {"docker": {}}}',
        '{"Name": "other", "Metadata": {}, "Endpoints": {"docker": {"Host": ""}}}',
    ],
)
def test_a_context_without_a_host_is_this_machine_s_own_socket(tmp_path: Path, text: str) -> None:
    write_context(tmp_path, text)
    assert choose_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "other"}).socket == DEFAULT_SOCKET


def test_a_context_has_its_own_certificates(tmp_path: Path) -> None:
    write_context(
        tmp_path, '{"Name": "other", "Endpoints": {"docker": {"Host": "tcp://far:2376", "SkipTLSVerify": true}}}'
    )
    folder = tmp_path / "contexts" / "tls" / hashlib.sha256(b"other").hexdigest() / "docker"
    folder.mkdir(parents=True)
    endpoint = choose_endpoint({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "other"})
    assert (endpoint.tls, endpoint.verify, endpoint.socket) == (folder, False, None)


BROKEN = {
    "gone": (None, GONE),
    "empty": ("", UNREAD),
    "cut": ('{"Name": "oth', UNREAD),
    "object without anything": ("{}", NO_ENGINE),
    "list": ("[]", NO_ENGINE),
    "no endpoints": ('{"Name": "other", "Metadata": {}}', NO_ENGINE),
    "endpoints of another kind": ('{"Endpoints": []}', NO_ENGINE),
    "endpoint of another kind": ('{"Endpoints": {"docker": "unix:///x"}}', NO_ENGINE),
    "no endpoint of docker": ('{"Endpoints": {"kubernetes": {}}}', NO_ENGINE),
    "host of another kind": (of_host(5), NO_ENGINE),
    "no port": (of_host("tcp://127.0.0.1:notaport"), NO_ADDRESS),
}
"""A context's file, None for none, and what is said of it."""

WRONG_HOSTS = ["tcp://127.0.0.1:notaport", "tcp://[::1", "ssh://me@[::1", "ftp://x:1", "npipe:////./pipe/docker_engine"]


@pytest.mark.parametrize(("text", "sentence"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize(
    ("chosen_by", "remedy"), [("settings", "docker context use default"), ("variable", "unset DOCKER_CONTEXT")]
)
def test_a_context_that_is_none_is_named_with_what_leaves_it(
    tmp_path: Path, text: str | None, sentence: str, chosen_by: str, remedy: str
) -> None:
    environment = {"DOCKER_CONFIG": str(tmp_path)}
    if chosen_by == "settings":
        (tmp_path / "config.json").write_text('{"currentContext": "other"}', encoding="utf-8")
    else:
        environment["DOCKER_CONTEXT"] = "other"
    if text is not None:
        write_context(tmp_path, text)
    with pytest.raises(EngineUnreachable) as caught:
        choose_endpoint(environment)
    assert 'context "other"' in caught.value.came_back
    assert sentence in caught.value.came_back
    assert f"\n  {remedy}\n" in caught.value.remedy
    assert caught.value.elsewhere


@pytest.mark.parametrize("host", WRONG_HOSTS)
def test_an_address_that_is_none_is_named_with_its_variable(host: str) -> None:
    with pytest.raises(EngineUnreachable) as caught:
        choose_endpoint({"DOCKER_HOST": host})
    assert f"DOCKER_HOST is {host}: " in caught.value.came_back
    assert "\n  unset DOCKER_HOST\n" in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["[]", "{", "5", "null", '{"currentContext": 5}', '{"auths": 5}', '{"proxies": []}', "\x00"]
)
def test_settings_that_the_docker_command_skips_are_skipped_and_noted(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    environment = {"DOCKER_CONFIG": str(tmp_path)}
    endpoint = choose_endpoint(environment)
    assert (endpoint.socket, read_settings(environment)) == (DEFAULT_SOCKET, {})
    assert str(tmp_path / "config.json") in " ".join(endpoint.notes)


@pytest.mark.parametrize("text", ["", "{}", '{"currentContext": null}', '{"currentContext": ""}', '{"auths": {}}'])
def test_settings_that_say_nothing_are_no_fault(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    endpoint = choose_endpoint({"DOCKER_CONFIG": str(tmp_path)})
    assert (endpoint.is_default, endpoint.notes) == (True, ())


# --- connecting ---


class _VersionHandler(socketserver.StreamRequestHandler):
    """An engine that knows its version and nothing else."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            body = b'{"ApiVersion": "1.45"}' if b"/version" in line else b"OK"
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The socket of another engine, and a folder for docker's settings."""
    folder = tmp_path / "docker"
    folder.mkdir()
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "other.sock"), _VersionHandler) as server:
        server.daemon_threads = True
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield tmp_path / "other.sock"
        server.shutdown()
        serving.join()


# The SDK alone wants "Metadata", and a config.json in the folder; the docker command wants neither.
@pytest.mark.parametrize("settings", [None, "[]", '{"auths": 5}'])
def test_the_engine_of_a_context_is_reached(
    other: Path, tmp_path: Path, settings: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if settings is not None:
        (tmp_path / "docker" / "config.json").write_text(settings, encoding="utf-8")
    write_context(tmp_path / "docker", json.dumps({"Endpoints": {"docker": {"Host": f"unix://{other}"}}}))
    monkeypatch.setenv("DOCKER_CONTEXT", "other")
    with Engine.connect(Configuration.from_environment()) as engine:
        assert engine.version().get("ApiVersion") == "1.45"


def test_an_engine_of_a_context_that_is_down_is_named(
    other: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_context(tmp_path / "docker", of_host(f"unix://{tmp_path}/none.sock"))
    (tmp_path / "docker" / "config.json").write_text('{"currentContext": "other"}', encoding="utf-8")
    with pytest.raises(EngineUnreachable) as caught:
        Engine.connect(Configuration.from_environment())
    assert "there is no engine's socket" in caught.value.came_back
    assert f'context "other", unix://{tmp_path}/none.sock' in caught.value.came_back
    assert "\n  docker context use default\n" in caught.value.remedy
    assert "labkit up" not in caught.value.remedy


def test_the_socket_of_an_engine_that_has_stopped_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as stopped:
        stopped.bind(str(tmp_path / "stopped.sock"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/stopped.sock")
    with warnings.catch_warnings(record=True) as unclosed:
        warnings.simplefilter("always")
        with pytest.raises(EngineUnreachable) as caught:
            Engine.connect(Configuration.from_environment())
        came_back = caught.value.came_back
        del caught
        gc.collect()
    assert "no engine answers there" in came_back
    assert [str(warning.message) for warning in unclosed] == []


@pytest.mark.parametrize(
    ("host", "raised", "came_back", "remedy"),
    [
        (
            "tcp://192.0.2.7:2375",
            "Error while fetching server API version: HTTPConnectionPool(host='192.0.2.7', port=2375): Max retries "
            "exceeded with url: /version (Caused by NewConnectionError(\"HTTPConnection(host='192.0.2.7', port=2375): "
            'Failed to establish a new connection: [Errno 101] Network is unreachable"))',
            "no connection: Network is unreachable (",
            "unset DOCKER_CONTEXT",
        ),
        (
            "ssh://somebody@192.0.2.7",
            "Install paramiko package to enable ssh:// support",
            "the Python package paramiko is missing",
            "-m pip install paramiko",
        ),
    ],
)
def test_what_a_library_says_of_a_machine_that_is_not_reached_is_said_in_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, raised: str, came_back: str, remedy: str
) -> None:
    """What requests and paramiko's absence came to, word for word."""

    def fail(**_: object) -> NoReturn:
        raise DockerException(raised)

    write_context(tmp_path / "docker", of_host(host))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("DOCKER_CONTEXT", "other")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(engine_connection, "_LoggedClient", fail)
    with pytest.raises(EngineUnreachable) as caught:
        Engine.connect(Configuration.from_environment())
    assert caught.value.came_back.startswith(came_back), caught.value.came_back
    assert remedy in caught.value.remedy


# --- commands ---


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lab of nobody's, and docker's own settings, which are still to be written."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("LABKIT_STATE", str(tmp_path / "state"))
    (tmp_path / "config.json").write_text('{"currentContext": "other"}', encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("text", [None, "", "{}", "[]"])
@pytest.mark.parametrize(
    ("command", "status"), [("doctor", 3), ("explain nginx", 3), ("explain -f -", 0), ("status", 0), ("up", 3)]
)
def test_every_command_says_which_context_is_in_the_way(
    away: Path, text: str | None, command: str, status: int
) -> None:
    if text is not None:
        write_context(away, text)
    done = CliRunner().invoke(main, command.split(), input=MANIFEST)
    assert (done.exit_code, done.exception is None or isinstance(done.exception, SystemExit)) == (status, True)
    assert 'context "other"' in done.output
    assert "docker context use default" in done.output or command == "explain -f -"


@pytest.mark.parametrize("host", WRONG_HOSTS)
@pytest.mark.parametrize(("command", "status"), [("doctor", 3), ("explain nginx", 3), ("status", 0), ("up", 3)])
def test_every_command_says_which_address_is_none(
    away: Path, host: str, command: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    done = CliRunner().invoke(main, command.split())
    assert done.exit_code == status
    assert f"DOCKER_HOST is {host}" in done.output
    assert "unset DOCKER_HOST" in done.output


_JSON = {"Content-Type": "application/json"}


def _close(_: str, client: socket.socket) -> None:
    """Take the request and end the connection."""


def _ssh(_: str, client: socket.socket) -> None:
    client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


@pytest.mark.parametrize(
    ("answer", "came_back"),
    [
        (http(LOGIN_PAGE), "what answers there is not an engine ("),
        (http(b"[]", headers=_JSON), "what answers there is not an engine ("),
        (http(b"{}", headers=_JSON), "what answers there is not an engine ("),
        (http(b'{"ApiVersion": "new"}', headers=_JSON), "what answers there is not an engine ("),
        (http(b"", status="302 Found", headers={"Location": "/version"}), "what answers there is not an engine ("),
        (_ssh, "what answers there is not an engine ("),
        (_close, "what answers there ends the connection without an answer ("),
        (http(LOGIN_PAGE, status="404 Not Found"), "what answers there says 404 Not Found (DOCKER_HOST"),
        (http(b"", status="401 Unauthorized"), "what answers there says 401 Unauthorized (DOCKER_HOST"),
        (
            http(b'{"message": "out of order"}', status="500 Internal Server Error", headers=_JSON),
            'what answers there says 500 Internal Server Error ("out of order") (',
        ),
        (http(b'{"ApiVersion": "1.12"}', headers=_JSON), "the engine is too old ("),
    ],
)
def test_what_is_no_engine_is_told_from_one_that_is_gone(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, came_back: str
) -> None:
    with serve(answer) as address:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://{address}")
        with pytest.raises(EngineUnreachable) as caught:
            Engine.connect(Configuration.from_environment())
    assert came_back in caught.value.came_back
    assert "unset DOCKER_HOST" in caught.value.remedy


def test_a_certificate_that_is_missing_is_named_with_its_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2376")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(EngineUnreachable) as caught:
        Engine.connect(Configuration.from_environment())
    assert "there is no certificate" in caught.value.came_back
    assert "DOCKER_CERT_PATH" in caught.value.remedy
