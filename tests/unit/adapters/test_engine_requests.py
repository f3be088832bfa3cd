"""What the kit asks an engine and how it reads the answers, on an engine of paper behind the real SDK."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import docker
import pytest

from labkit.adapters.engine import BuildStopped, Engine, EngineRefused, PathInImage
from labkit.base.configuration import Configuration
from labkit.core.causes import Cause
from labkit.core.started import AppProcess, FileNow
from tests.unit.adapters.test_exec_results import frame

Answer = tuple[int, Any]


class _RequestHandler(BaseHTTPRequestHandler):
    """Gives each request its answer: JSON, or bytes after which the connection is closed."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body that is sent behind its headers would wait for 40 ms
    answers: ClassVar[dict[str, Answer | Callable[[BaseHTTPRequestHandler], None]]] = {}
    asked: ClassVar[list[str]] = []

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        asked = f"{self.command} {self.path.partition('?')[0].removeprefix('/v1.45')}"
        self.asked.append(asked)
        answer = self.answers.get(asked, (404, {"message": f"No such image, or no answer to {asked}"}))
        if callable(answer):
            answer(self)
            return
        status, body = answer
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        if isinstance(body, bytes):
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    _RequestHandler.answers, _RequestHandler.asked = {}, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _RequestHandler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    client = docker.DockerClient(base_url=f"tcp://127.0.0.1:{server.server_port}", version="1.45", timeout=10)
    with Engine(client, Configuration("paper", tmp_path, tmp_path, tmp_path)) as engine:
        yield engine
    server.shutdown()
    server.server_close()


def _runs(printed: Any, status: Answer = (200, {"StatusCode": 3})) -> dict[str, Any]:
    return {
        "POST /containers/create": (201, {"Id": "c"}),
        "POST /containers/c/attach": printed,
        "POST /containers/c/start": (204, b""),
        "POST /containers/c/kill": (204, b""),
        "POST /containers/c/wait": status,
        "DELETE /containers/c": (204, b""),
    }


def test_a_run_listens_before_it_starts_and_keeps_the_streams_apart(engine: Engine) -> None:
    _RequestHandler.answers = _runs((200, frame(2, b"oh\n") + frame(1, b"1654\n")))
    result = engine.run("image", ["id"])
    assert (result.stdout, result.stderr, result.output, result.exit_status) == ("1654", "oh", "oh\n1654", 3)
    assert _RequestHandler.asked.index("POST /containers/c/attach") < _RequestHandler.asked.index(
        "POST /containers/c/start"
    )
    assert _RequestHandler.asked[-1] == "DELETE /containers/c"


def test_a_flood_ends_at_the_deadline_and_nobody_listens_when_it_is_killed(engine: Engine) -> None:
    closed = threading.Event()

    def flood(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        try:
            while True:
                request.wfile.write(frame(2, b"flood\n" * 1000))
        except OSError:
            closed.set()

    def kill(request: BaseHTTPRequestHandler) -> None:
        request.send_response(204 if closed.wait(5) else 500)
        request.end_headers()

    _RequestHandler.answers = _runs(flood, (200, {"StatusCode": 137})) | {"POST /containers/c/kill": kill}
    result = engine.run("image", ["yes"], deadline=0.2)
    assert (result.cause, result.exit_status, result.stdout) == (Cause.TIMEOUT, 137, "")
    assert closed.is_set()


def test_what_a_listener_did_not_hear_is_read_in_the_log(engine: Engine) -> None:
    _RequestHandler.answers = _runs((200, b"")) | {"GET /containers/c/logs": (200, frame(1, b"root\n"))}
    assert engine.run("image", ["whoami"]).stdout == "root"
    assert _RequestHandler.asked.index("GET /containers/c/logs") > _RequestHandler.asked.index(
        "POST /containers/c/wait"
    )


def test_a_start_that_is_refused_is_a_result(engine: Engine) -> None:
    refusal = {"message": 'exec: "x": executable file not found in $PATH: unknown'}
    _RequestHandler.answers = _runs((200, b"")) | {"POST /containers/c/start": (400, refusal)}
    result = engine.run("image", ["x"])
    assert (result.cause, result.exit_status, result.message) == (Cause.COMMAND_NOT_FOUND, 127, refusal["message"])


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ([], Cause.BAD_USER_SPEC),
        (["name=seccomp,profile=builtin"], Cause.BAD_USER_SPEC),
        (["name=seccomp,profile=builtin", "name=rootless"], Cause.USER_NAMESPACE),
        (["name=userns"], Cause.USER_NAMESPACE),
    ],
)
def test_what_is_no_id_may_be_one_that_the_engines_namespace_does_not_map(
    engine: Engine, options: list[str], cause: Cause
) -> None:
    refusal = {"message": "unable to start container process: unable to setup user: invalid argument: unknown"}
    _RequestHandler.answers = _runs((200, b"")) | {
        "POST /containers/c/start": (400, refusal),
        "GET /info": (200, {"SecurityOptions": options}),
    }
    assert engine.run("image", ["id"], user="last").cause is cause


_EXEC = {"POST /containers/c/exec": (201, {"Id": "e"}), "POST /exec/e/start": (200, frame(2, b"oh") + frame(1, b"a"))}


@pytest.mark.parametrize(("inspected", "status"), [({"ExitCode": 7}, 7), ({"ExitCode": None}, None), ({}, None)])
def test_an_exec_has_the_status_that_the_engine_gives(
    engine: Engine, inspected: dict[str, Any], status: int | None
) -> None:
    _RequestHandler.answers = {**_EXEC, "GET /exec/e/json": (200, inspected)}
    result = engine.execute("c", ["x"])
    assert (result.exit_status, result.stdout, result.stderr, result.is_over) == (status, "a", "oh", True)


def test_an_exec_that_is_refused_is_the_engines_no(engine: Engine) -> None:
    no = {"message": "unable to find user rich: no matching entries in passwd file"}
    _RequestHandler.answers = {"POST /containers/c/exec": (400, no)}
    with pytest.raises(EngineRefused, match="unable to find user rich"):
        engine.execute("c", ["id"], user="rich")


def _build(*events: dict[str, Any], until: threading.Event | None = None) -> dict[str, Any]:
    """A builder's answer, in chunks as engines send it; it ends once that is set."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for event in events:
            content = json.dumps(event).encode() + b"\r\n"
            request.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        if until is None or until.wait(5):
            request.wfile.write(b"0\r\n\r\n")

    return {"POST /build": answer}


def test_a_build_that_stops_says_where(engine: Engine) -> None:
    _RequestHandler.answers = _build(
        {"stream": "Step 1/1 : RUN false"}, {}, {"error": "no", "errorDetail": {"code": 4}}
    )
    with pytest.raises(BuildStopped) as stopped:
        engine.build(b"", "mine", arguments={}, labels={}, seconds=10)
    assert (stopped.value.message, stopped.value.exit_status) == ("Step 1/1 : RUN false\nno", 4)


def test_a_build_that_does_not_end_is_given_up(engine: Engine) -> None:
    is_over = threading.Event()

    _RequestHandler.answers = _build({"stream": "Step 1/1 : RUN sleep 1000"}, until=is_over)
    with pytest.raises(BuildStopped, match="still running"):
        engine.build(b"", "mine", arguments={}, labels={}, seconds=0.2)
    is_over.set()


def test_what_a_container_printed_is_read_with_and_without_a_terminal(engine: Engine) -> None:
    logs = {"GET /containers/c/logs": (200, frame(1, b"a") + frame(2, b"b"))}
    _RequestHandler.answers = {**logs, "GET /containers/c/json": (200, {"Config": {"Tty": False}})}
    assert (engine.printed("c").stdout, engine.printed("c").stderr) == ("a", "b")
    _RequestHandler.answers = {
        "GET /containers/c/logs": (200, b"a\r\nb\r\n"),
        "GET /containers/c/json": (200, {"Config": {"Tty": True}}),
    }
    assert engine.printed("c", lines=2).stdout == "a\r\nb\r\n"


def test_processes_are_what_top_shows_and_none_of_another_machine(engine: Engine) -> None:
    _RequestHandler.answers = {"GET /containers/c/top": (200, {"Processes": [["1", "1654", "0", "-", "Ss", "app"]]})}
    assert engine.processes("c") == (AppProcess(1654, 0, (), "app", state="Ss"),)
    _RequestHandler.answers = {"GET /containers/c/json": (200, {"Id": "c", "State": {"Pid": 1 << 30}})}
    assert engine.processes("c") == ()


def test_an_archive_comes_in_pieces(engine: Engine) -> None:
    _RequestHandler.answers = {"GET /images/mine/get": (200, b"x" * 3000)}
    assert b"".join(engine.image_archive("mine")) == b"x" * 3000


def test_containers_are_listed_with_the_user_of_those_that_run(engine: Engine) -> None:
    running = {"Id": "r", "Names": ["/web"], "Image": "debian", "State": "running", "Status": "Up 2 seconds"}
    ended = {"Id": "e", "Names": ["/once"], "Image": "debian", "State": "exited", "Status": "Exited (1)"}
    gone = {"Id": "g", "State": "running"}
    _RequestHandler.answers = {
        "GET /containers/json": (200, [running, ended, gone]),
        "GET /containers/r/top": (200, {"Processes": [["7", "1654", "0", "-", "Ss", "app"]]}),
        "GET /containers/g/top": (409, {"message": "container g is not running"}),
    }
    listed = engine.listed_containers("labkit.lesson=07")
    assert [(container.name, container.state, container.uid) for container in listed] == [
        ("web", "running", 1654),
        ("once", "exited", None),
        ("", "running", None),
    ]


@pytest.fixture
def podman(engine: Engine) -> Engine:
    """An engine whose answers are podman's."""
    engine._api.is_podman = True
    return engine


def test_what_podman_refuses_when_somebody_listens_is_a_refusal(podman: Engine) -> None:
    message = f"preparing container {'c' * 64} for attach: unable to find user rich: no matching entries in passwd file"
    _RequestHandler.answers = _runs((500, {"cause": "", "message": message, "response": 500}))
    result = podman.run("image", ["id"], user="rich")
    assert (result.cause, result.exit_status) == (Cause.UNKNOWN_USER, 125)
    assert result.message == "unable to find user rich: no matching entries in passwd file"
    assert "POST /containers/c/start" not in _RequestHandler.asked
    assert _RequestHandler.asked[-1] == "DELETE /containers/c"


def test_podmans_files_are_read_from_one_export(podman: Engine) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        file = tarfile.TarInfo("srv/menu")
        file.uid, file.gid, file.size = 7, 8, 5
        tar.addfile(file, io.BytesIO(b"soup\n"))
    _RequestHandler.answers = {
        "POST /containers/create": (201, {"Id": "c"}),
        "GET /containers/c/export": (200, packed.getvalue()),
        "DELETE /containers/c": (204, b""),
    }
    assert podman.look_inside("image", ["/srv/menu", "/gone"]) == {
        "/srv/menu": PathInImage(7, 8, "644", "soup\n"),
        "/gone": None,
    }
    assert podman.file_digest("image", "/gone", "/srv/menu") == hashlib.sha256(b"soup\n").hexdigest()
    assert podman.file_now("c", "/srv/menu") == FileNow(7, 8, 0o644)
    assert podman.file_now("c", "/gone") is None
    assert [line for line in _RequestHandler.asked if "archive" in line] == []


def test_podmans_processes_are_looked_up_by_their_pids_outside(podman: Engine) -> None:
    rows = {"ps": [["1", "1654", "0", "-", "Ss", "app"]], "pids": [["1", str(1 << 30)]]}

    def top(request: BaseHTTPRequestHandler) -> None:
        content = json.dumps({"Processes": rows["pids" if "hpid" in request.path else "ps"]}).encode()
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    _RequestHandler.answers = {"GET /containers/c/top": top}
    assert podman.processes("c") == (AppProcess(1654, 0, (), "app", state="Ss"),)
    assert _RequestHandler.asked.count("GET /containers/c/top") == 2


@pytest.mark.parametrize(
    ("api", "store", "options"),
    [
        ("1.48", [["driver-type", "io.containerd.snapshotter.v1"]], ["--platform", "linux/arm64"]),
        ("1.45", [["driver-type", "io.containerd.snapshotter.v1"]], []),
        ("1.48", [["Backing Filesystem", "extfs"]], []),
        ("", [["driver-type", "io.containerd.snapshotter.v1"]], []),
    ],
)
def test_one_platform_is_saved_where_the_engine_can_choose(
    engine: Engine, api: str, store: list[list[str]], options: list[str]
) -> None:
    _RequestHandler.answers["GET /info"] = (200, {"DriverStatus": store})
    _RequestHandler.answers["GET /version"] = (200, {"ApiVersion": api, "Arch": "arm64"})
    assert engine._one_platform() == options


_ON_THE_WAY = (
    'reading image "docker://alpine:3.23": pinging container registry registry-1.docker.io: Get: dial tcp: lookup'
)
_UNKNOWN = 'reading image "docker://alpine:9": reading manifest 9 in docker.io/library/alpine: manifest unknown'


@pytest.mark.parametrize(
    ("answer", "is_reached"),
    [
        ((200, {"schemaVersion": 2}), True),
        ((404, {"message": _UNKNOWN}), True),
        ((404, {"message": _ON_THE_WAY}), False),
        ((500, {"message": "database is locked"}), False),
    ],
)
def test_podman_is_asked_about_a_registry_in_its_own_way(podman: Engine, answer: Answer, is_reached: bool) -> None:
    question = "GET /v5.0.0/libpod/manifests/docker.io%2Flibrary%2Falpine%3A3.23/json"
    _RequestHandler.answers = {question: answer}
    assert podman.can_reach_registry("docker.io/library/alpine:3.23", 5) == is_reached
    assert _RequestHandler.asked == [question]
