"""Reading images over the engine's socket: what comes back, and what is said when it does not."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import socketserver
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from labkit.adapters import engine_socket
from labkit.adapters.engine_answers import PathInImage
from labkit.adapters.engine_endpoint import DEFAULT_SOCKET
from labkit.adapters.engine_socket import EngineSocket, socket_path
from labkit.base.errors import LabFailed
from tests.unit.adapters.conftest import outcomes


def _tar(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


class _EngineHandler(http.server.BaseHTTPRequestHandler):
    """Answers as an engine does, from a table."""

    answers: ClassVar[dict[str, tuple[int, bytes]]] = {}
    asked: ClassVar[list[str]] = []
    server_version = "Docker/26.1.5 (linux)"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append(f"{self.command} {self.path}")
        status, body = self.answers.get(f"{self.command} {self.path}", (404, b'{"message": "no such thing"}'))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        return "socket"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineSocket]:
    _EngineHandler.answers, _EngineHandler.asked = {"GET /_ping": (200, b"")}, []
    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "socket"), _EngineHandler) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield EngineSocket(tmp_path / "socket", {"lab": "test"})
        server.shutdown()
        serving.join()


def test_an_image_comes_with_a_configuration_be_it_null(engine: EngineSocket) -> None:
    _EngineHandler.answers["GET /images/a:1/json"] = (200, json.dumps({"Id": "sha256:1", "Config": None}).encode())
    assert engine.answers()
    assert engine.image("a:1") == {"Id": "sha256:1", "Config": {}}
    assert engine.image("b:1") is None


def test_requests_are_recorded(engine: EngineSocket, records: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    engine.image("a:1")
    assert not EngineSocket(tmp_path / "none", {}).answers()
    assert outcomes(records) == ["engine: GET /images/a:1/json  # 404", "engine: GET /_ping  # FileNotFoundError"]


def test_files_are_read_and_the_container_is_removed(engine: EngineSocket) -> None:
    _EngineHandler.answers |= {
        "POST /containers/create": (201, b'{"Id": "c1"}'),
        "GET /containers/c1/archive?path=%2Fetc%2Fpasswd": (200, _tar("passwd", "root:x:0:0")),
        "DELETE /containers/c1?force=1&v=1": (204, b""),
    }
    files = engine.look_inside("a:1", ["/etc/passwd", "/etc/group"])
    assert files == {"/etc/passwd": PathInImage(0, 0, "644", "root:x:0:0"), "/etc/group": None}
    assert _EngineHandler.asked[-1] == "DELETE /containers/c1?force=1&v=1"


def test_podmans_files_are_read_from_its_export_which_alone_tells_their_owners(
    engine: EngineSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_EngineHandler, "server_version", "Libpod/5.4.2 (linux)")
    _EngineHandler.answers |= {
        "POST /containers/create": (201, b'{"Id": "c1"}'),
        "GET /containers/c1/export": (200, _tar("etc/passwd", "root:x:0:0")),
        "DELETE /containers/c1?force=1&v=1": (204, b""),
    }
    files = engine.look_inside("a:1", ["/etc/passwd", "/etc/group"])
    assert files == {"/etc/passwd": PathInImage(0, 0, "644", "root:x:0:0"), "/etc/group": None}
    assert [line for line in _EngineHandler.asked if "archive" in line] == []


MOST_MODULES = 46
"""What asks an engine is in it; tests/unit/cli/test_extras.py has the number without one."""


def test_explaining_a_manifest_by_the_engine_loads_few_modules(engine: EngineSocket, tmp_path: Path) -> None:
    _EngineHandler.answers |= {
        "GET /images/a:1/json": (200, b'{"Id": "sha256:1", "Config": {"User": "5"}, "Architecture": "amd64"}'),
        "POST /containers/create": (201, b'{"Id": "c1"}'),
        "GET /containers/c1/archive?path=%2Fetc%2Fpasswd": (200, _tar("passwd", "app:x:5:5::/app:/bin/sh\n")),
        "DELETE /containers/c1?force=1&v=1": (204, b""),
    }
    (tmp_path / "pod.yaml").write_text(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: 'a:1'}]}\n"
    )
    program = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
    program += "from labkit.cli import main; main(prog_name='labkit')"
    done = subprocess.run(
        [sys.executable, "-c", program, "explain", "-f", "pod.yaml"],
        env={**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/socket", "LABKIT_STATE": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "uid 5 (app)" in done.stdout
    own = [name for name in done.stderr.split() if name.partition(".")[0] == "labkit"]
    assert len(own) <= MOST_MODULES, own


def test_a_container_is_removed_though_reading_fails(engine: EngineSocket) -> None:
    _EngineHandler.answers |= {
        "POST /containers/create": (201, b'{"Id": "c1"}'),
        "GET /containers/c1/archive?path=%2Fetc%2Fpasswd": (200, b"no archive"),
        "DELETE /containers/c1?force=1&v=1": (204, b""),
    }
    with pytest.raises(LabFailed, match="Looking into a:1"):
        engine.look_inside("a:1", ["/etc/passwd"])
    assert _EngineHandler.asked[-1].startswith("DELETE")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((500, b'{"message": "no space left on device"}'), "no space left on device"),
        ((400, b"plain words"), "plain words"),
        ((500, b""), "no reason"),
        ((200, b"{cut"), "stopped answering"),
    ],
)
def test_what_the_engine_says_is_in_the_error(engine: EngineSocket, answer: tuple[int, bytes], message: str) -> None:
    _EngineHandler.answers["GET /images/a/json"] = answer
    with pytest.raises(LabFailed, match=message):
        engine.image("a")


def test_an_engine_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_socket, "_SECONDS", 0.05)
    released = threading.Event()

    class Hangs(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            released.wait(60)

    with socketserver.ThreadingUnixStreamServer(str(tmp_path / "socket"), Hangs) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            assert not EngineSocket(tmp_path / "socket", {}).answers()
        finally:
            released.set()
            server.shutdown()
            serving.join()


def test_nothing_answers_where_there_is_no_socket(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not EngineSocket(tmp_path / "none", {}).answers()
    assert not EngineSocket(tmp_path / "file", {}).answers()


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({}, DEFAULT_SOCKET),
        ({"DOCKER_HOST": "unix:///run/user/1000/docker.sock"}, Path("/run/user/1000/docker.sock")),
        ({"DOCKER_CONTEXT": "default"}, DEFAULT_SOCKET),
        ({"DOCKER_CONTEXT": "colima"}, None),
        ({"DOCKER_HOST": "tcp://127.0.0.1:2375"}, None),
        ({"DOCKER_HOST": "ssh://somebody@somewhere"}, None),
    ],
)
def test_the_socket_that_docker_would_use(tmp_path: Path, environment: dict[str, str], path: Path | None) -> None:
    assert socket_path({"DOCKER_CONFIG": str(tmp_path), **environment}) == path


def test_the_socket_of_a_context_of_one_s_own(tmp_path: Path) -> None:
    # The name of the folder is the context's, hashed: docker/cli:cli/context/store/metadatastore.go
    folder = tmp_path / "contexts" / "meta" / hashlib.sha256(b"colima").hexdigest()
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text('{"Endpoints": {"docker": {"Host": "unix:///colima.sock"}}}', encoding="utf-8")
    assert socket_path({"DOCKER_CONFIG": str(tmp_path)}) == DEFAULT_SOCKET
    assert socket_path({"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "colima"}) == Path("/colima.sock")


def test_a_user_without_a_home_folder_has_no_contexts(tmp_path: Path) -> None:
    assert socket_path({}) == DEFAULT_SOCKET
    assert socket_path({"HOME": str(tmp_path)}) == DEFAULT_SOCKET
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "colima"}', encoding="utf-8")
    assert socket_path({"HOME": str(tmp_path)}) is None
