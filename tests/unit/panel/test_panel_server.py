"""The panel's part of the Jupyter server: who may ask, what is answered, and what is said where something is wrong."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from labkit.base.configuration import Configuration
from labkit.base.errors import DeadlineExceeded, LabFailed
from labkit.base.resources import CHECKOUT
from labkit.base.waiting import wait_until
from labkit.cli import main
from labkit.course.course_folder import VARIABLE, CourseFolder
from labkit.course.lessons import FOLDER, describe_lesson, lesson_names
from labkit.course.sharing.share_consent import agree, new_consent
from labkit.lab.lab import Lab
from labkit.lab.standing import StandingJson
from labkit.notebook.jupyterlab import set_defaults
from labkit.panel import panel_handlers
from labkit.panel.panel_handlers import Questions
from labkit.panel.panel_state import PanelState
from tests.unit.notebook.paper import RUNNING, PaperLab, Recorder, paper_kube

_LESSON = "07-run-as-non-root"
_TOKEN = "a-token-of-the-test"
_SECONDS = 150.0
# As `jupyter server` runs, without the extensions that are not ours: these take seconds. Its deadline for a look is
# this machine's, on which others are at work.
_PROGRAM = """
import sys
import tests.quick_imports
from jupyter_server.serverapp import ServerApp
from labkit.panel import panel_handlers
panel_handlers._LOOK_SECONDS = 60.0
server = ServerApp()
server.initialize(sys.argv[1:], find_extensions=False)
server.start()
"""
_LOOKS = ["/labkit/course", f"/labkit/lessons/{_LESSON}/pods"]
_ACTIONS = [
    "/labkit/hand",
    *(f"/labkit/lessons/{_LESSON}/{action}" for action in ("reset", "restore", "hint", "front")),
]


@dataclass
class _Server:
    port: int
    course: Path

    def ask(self, path: str, method: str = "GET", body: str | None = None, **headers: str) -> tuple[int, Any]:
        """Ask with these headers alone; status and answer, which is the text if it is no JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text

    def with_token(self, path: str, method: str = "GET", body: str | None = None) -> tuple[int, Any]:
        return self.ask(path, method, body, Authorization=f"token {_TOKEN}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Server]:
    """A Jupyter server with the configuration of `labkit lab`; there is no engine."""
    folder = tmp_path_factory.mktemp("panel")
    course = CourseFolder(folder / "course")
    course.follow_course()
    configuration = Configuration("labkit", folder / "state", folder / "cache", folder / "data")
    environment = {
        **os.environ,
        **set_defaults(folder / "defaults", configuration),
        "PYTHONPATH": str(CHECKOUT),
        VARIABLE: str(course.path),
        "DOCKER_HOST": "unix:///nowhere/docker.sock",
        "LABKIT_STATE": str(configuration.state),
        "LABKIT_CACHE": str(configuration.cache),
        "LABKIT_DATA": str(configuration.data),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_TOKEN": _TOKEN,
    }
    enabled = json.loads((folder / "defaults" / "config" / "jupyter_server_config.json").read_text(encoding="utf-8"))
    argv = [sys.executable, "-c", _PROGRAM, "--port=0", "--ip=127.0.0.1", "--no-browser", "--allow-root"]
    argv.append(f"--ServerApp.root_dir={course.path}")
    argv.append(f"--ServerApp.jpserver_extensions={enabled['ServerApp']['jpserver_extensions']}")
    with subprocess.Popen(argv, env=environment, stderr=subprocess.PIPE) as process:
        try:
            yield _Server(_port(process), course.path)
        finally:
            process.kill()


def _port(process: subprocess.Popen[bytes]) -> int:
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if match := re.search(rb"http://127\.0\.0\.1:(\d+)/", line):
            threading.Thread(target=process.stderr.read, daemon=True).start()  # A full pipe would stop it.
            # It prints its address a moment before it listens there.
            wait_until("the server", lambda: _listens(int(match[1])), seconds=60, remedy="read what it printed")
            return int(match[1])
    raise AssertionError(b"".join(lines).decode())


def _listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("path", _LOOKS)
def test_whoever_has_no_token_sees_nothing(server: _Server, path: str) -> None:
    status, answer = server.ask(path)
    assert status == 403
    assert "lessons" not in str(answer)


@pytest.mark.parametrize("path", _ACTIONS)
def test_whoever_has_no_token_does_nothing(server: _Server, path: str) -> None:
    assert server.ask(path, "POST", "{}")[0] == 403


@pytest.mark.parametrize("path", _ACTIONS)
def test_another_site_cannot_act_by_the_participants_cookie(server: _Server, path: str) -> None:
    """A browser sends the cookie with a form of another site, which cannot know the XSRF token."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=_SECONDS)
    connection.request("GET", f"/api/contents?token={_TOKEN}")
    response = connection.getresponse()
    cookies = [value.partition(";")[0] for name, value in response.getheaders() if name.lower() == "set-cookie"]
    response.read()
    connection.close()
    login = "; ".join(cookie for cookie in cookies if not cookie.startswith("_xsrf="))
    assert login
    assert server.ask("/labkit/course", Cookie=login)[0] == 200
    assert server.ask(path, "POST", '{"exercise": "which-cause"}', Cookie=login)[0] == 403


@pytest.mark.parametrize("path", _ACTIONS)
def test_an_action_is_no_get(server: _Server, path: str) -> None:
    assert server.with_token(path)[0] == 405


def test_the_course_is_there_where_the_engine_is_not(server: _Server) -> None:
    status, answer = server.with_token("/labkit/course")
    assert (status, answer["format"], answer["problem"]) == (200, 1, None)
    assert [lesson["lesson"] for lesson in answer["lessons"]] == lesson_names()
    lesson = next(lesson for lesson in answer["lessons"] if lesson["lesson"] == _LESSON)
    assert lesson["path"] == f"notebooks/{_LESSON}.ipynb"
    described = describe_lesson(FOLDER / f"{_LESSON}.ipynb")
    assert (lesson["title"], lesson["minutes"]) == (described["title"], described["minutes"])
    assert (lesson["passed"], lesson["of"]) == (0, len(described["exercises"]))
    assert not answer["lab"]["engine"]["reachable"]
    assert "/nowhere/docker.sock" in str(answer["lab"]["problem"])
    assert answer["lab"]["problem"]["remedy"]


def test_pods_are_told_with_why_there_are_none(server: _Server) -> None:
    status, answer = server.with_token(f"/labkit/lessons/{_LESSON}/pods")
    assert (status, answer["rows"]) == (200, [])
    assert answer["problem"]["remedy"]


def test_hints_come_one_after_another_and_count_as_read(server: _Server) -> None:
    path, body = f"/labkit/lessons/{_LESSON}/hint", '{"exercise": "which-cause"}'
    titles = [server.with_token(path, "POST", body)[1]["title"] for _ in range(2)]
    assert titles == ["hint 1 of 3", "hint 2 of 3"]
    assert server.with_token("/labkit/course")[1]["next"]["lesson"] == _LESSON  # where something was done last


@pytest.mark.parametrize(
    ("lesson", "body", "status"),
    [
        (_LESSON, '{"exercise": "no-such"}', 400),
        (_LESSON, '{"exercise": ["which-cause"]}', 400),
        (_LESSON, "[]", 400),
        (_LESSON, "{", 400),
        (_LESSON, "", 400),
        (_LESSON, json.dumps({"exercise": "x" * 5000}), 400),
        ("99-no-such", '{"exercise": "which-cause"}', 400),
        ("..%2f..%2fetc", "{}", 404),
        ("07;rm", "{}", 404),
    ],
)
def test_what_makes_no_sense_is_refused(server: _Server, lesson: str, body: str, status: int) -> None:
    given, answer = server.with_token(f"/labkit/lessons/{lesson}/hint", "POST", body)
    assert given == status
    assert "Traceback" not in str(answer)


def test_terminals_follow_to_a_lesson_that_is_open_and_to_no_other(server: _Server) -> None:
    state = server.course.parent / "state"
    path = f"/labkit/lessons/{_LESSON}/front"
    assert server.with_token(path, "POST", "{}")[1]["followed"] is False
    kubeconfig = state / "lessons" / _LESSON / "kubeconfig"
    kubeconfig.parent.mkdir(parents=True)
    kubeconfig.touch()
    assert server.with_token(path, "POST", "{}")[1]["followed"] is True
    assert (state / "lessons" / "current").readlink() == Path(_LESSON)
    assert server.with_token("/labkit/lessons/99-none/front", "POST", "{}")[0] == 400


def test_a_hand_goes_up_and_down(server: _Server) -> None:
    status, answer = server.with_token("/labkit/hand", "POST", '{"down": false, "text": "why?"}')
    assert (status, "nobody sees it" in answer["sentence"]) == (200, True)
    assert server.with_token("/labkit/course")[1]["share"] is None
    assert server.with_token("/labkit/hand", "POST", '{"down": true}')[1]["sentence"] == "Your hand is down."


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", '{"down": 1}', '{"down": false, "text": 5}', '{"down": false, "text": "a\\nb"}']
)
def test_a_hand_that_makes_no_sense_is_refused(server: _Server, body: str) -> None:
    status, answer = server.with_token("/labkit/hand", "POST", body)
    assert status == 400
    assert "Traceback" not in str(answer)


def test_a_lesson_is_restored_and_ones_own_version_is_kept(server: _Server) -> None:
    notebook = server.course / "notebooks" / f"{_LESSON}.ipynb"
    original = notebook.read_bytes()
    notebook.write_text("mine", encoding="utf-8")
    status, answer = server.with_token(f"/labkit/lessons/{_LESSON}/restore", "POST", "{}")
    assert status == 200
    assert f"{_LESSON}-mine-1.ipynb" in answer["sentence"]
    assert notebook.read_bytes() == original
    assert notebook.with_name(f"{_LESSON}-mine-1.ipynb").read_text(encoding="utf-8") == "mine"


def test_a_reset_that_fails_says_why_and_what_to_do(server: _Server) -> None:
    status, answer = server.with_token(f"/labkit/lessons/{_LESSON}/reset", "POST", "{}")
    assert (status, answer["format"]) == (503, 1)
    assert answer["problem"]["remedy"]


class _State:
    """Answers at once, or when it is let go."""

    def __init__(self) -> None:
        self.go, self.asked = threading.Event(), 0

    def course(self) -> dict[str, Any]:
        self.asked += 1
        self.go.wait(30)
        return {"lessons": self.asked}

    def reset(self, lesson: str) -> dict[str, Any]:
        return {"sentence": lesson}


@contextmanager
def _questions(monkeypatch: pytest.MonkeyPatch, seconds: float) -> Iterator[tuple[Questions, _State]]:
    monkeypatch.setattr(panel_handlers, "_LOOK_SECONDS", seconds)
    state = _State()
    try:
        yield Questions(lambda: cast(PanelState, state)), state
    finally:
        state.go.set()


def test_what_hangs_is_asked_once_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    with _questions(monkeypatch, 0.05) as (questions, state):

        async def ask() -> None:
            for _ in range(3):
                with pytest.raises(DeadlineExceeded, match="no answer after"):
                    await questions.ask("course")
            assert await questions.ask("reset", "07") == {"sentence": "07"}

        started = time.monotonic()
        asyncio.run(ask())
        assert state.asked == 1
        assert time.monotonic() - started < 10


def test_a_looks_time_begins_when_what_it_looks_with_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading takes seconds where others are at work, and the first look was answered with a 504 then."""
    monkeypatch.setattr(panel_handlers, "_LOOK_SECONDS", 0.05)
    loaded, state = threading.Event(), _State()
    state.go.set()

    def load() -> PanelState:
        loaded.wait(30)
        return cast(PanelState, state)

    async def ask() -> Mapping[str, object]:
        look = asyncio.create_task(Questions(load).ask("course"))
        done, _ = await asyncio.wait([look], timeout=0.2)
        assert not done
        monkeypatch.setattr(panel_handlers, "_LOOK_SECONDS", 30)
        loaded.set()
        return await look

    assert asyncio.run(ask()) == {"lessons": 1}


def test_what_cannot_be_loaded_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> PanelState:
        raise LabFailed("Loading", "it is broken", "look at it")

    with pytest.raises(LabFailed, match="it is broken"):
        asyncio.run(Questions(fail).ask("course"))


def test_two_who_ask_at_the_same_time_get_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with _questions(monkeypatch, 30) as (questions, state):

        async def ask() -> list[Mapping[str, object]]:
            both = asyncio.gather(questions.ask("course"), questions.ask("course"))
            await asyncio.sleep(0)
            state.go.set()
            return list(await both)

        assert asyncio.run(ask()) == [{"lessons": 1}, {"lessons": 1}]


class _LabWithCluster(PaperLab):
    def __init__(self, folder: Path, kube: Recorder, standing: Callable[[], dict[str, Any]]) -> None:
        super().__init__(folder, Recorder(listed_containers=[]), kube)
        self._standing = standing
        self.configuration.state.mkdir()
        self.configuration.kubeconfig.write_text("", encoding="utf-8")

    def standing(self) -> StandingJson:
        return cast(StandingJson, self._standing())


def _standing(state: str = "up", making: dict[str, Any] | None = None) -> dict[str, Any]:
    ready = {"ready": state == "up", "kubernetes": "v1.36.0"}
    return {"engine": {"reachable": True, "version": "29"}, "cluster": ready, "state": state, "making": making}


def _state(folder: Path, kube: Recorder | None = None, **standing: Any) -> tuple[PanelState, _LabWithCluster]:
    lab = _LabWithCluster(folder, kube or paper_kube(), lambda: _standing(**standing))
    return PanelState(cast(Lab, lab), folder, folder), lab


def test_the_rows_are_those_of_the_lessons_namespaces(tmp_path: Path) -> None:
    state, lab = _state(tmp_path)
    answer = state.live(_LESSON)
    assert [(row["name"], row["container"]) for row in answer["rows"]] == [("app", "main"), ("app", "side")]
    assert (answer["namespace"], answer["problem"]) == ("ns", None)
    assert lab.paper_kube.called("namespaces") == [(_LESSON,)]


def test_events_are_asked_for_only_where_a_status_says_nothing(tmp_path: Path) -> None:
    waiting = {**RUNNING, "status": {"phase": "Pending"}}
    kube = paper_kube(pods=[waiting], namespace_events=[])
    _state(tmp_path, kube)[0].live(_LESSON)
    assert len(kube.called("namespace_events")) == 1


def test_after_a_look_that_failed_the_lab_is_connected_anew(tmp_path: Path) -> None:
    def gone(_: str) -> list[str]:
        raise LabFailed("Listing", "the cluster does not answer", "labkit up")

    state, lab = _state(tmp_path, paper_kube(namespaces=gone))
    answer = state.live(_LESSON)
    assert answer["rows"] == []
    assert answer["problem"] is not None
    assert answer["problem"]["came_back"] == "the cluster does not answer"
    assert lab.closed == 1


@pytest.mark.parametrize(
    ("standing", "came_back"),
    [
        ({"state": "up"}, None),
        ({"state": "stopped"}, "the cluster is stopped"),
        ({"state": "absent"}, "there is no cluster"),
        ({"state": "absent", "making": {"at_work": True, "percent": 3, "problem": None, "remedy": None}}, None),
        (
            {"state": "absent", "making": {"at_work": False, "problem": "the disk is full", "remedy": "x"}},
            "the disk is full",
        ),
    ],
)
def test_what_is_wrong_with_the_lab_comes_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, standing: dict[str, Any], came_back: str | None
) -> None:
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "data"))
    problem = _state(tmp_path, **standing)[0].lab()["problem"]
    assert (problem and problem["came_back"]) == came_back
    assert problem is None or problem["remedy"]


def test_with_whom_progress_is_shared_is_told_and_sharing_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Configuration] = []
    monkeypatch.setattr("labkit.course.sharing.sender.start_sender", started.append)
    state, lab = _state(tmp_path)
    assert (state.share(), started) == (None, [])
    agree(lab.configuration, new_consent("127.0.0.1:5444", "", "code", "Ann"))
    assert state.share() == {"address": "127.0.0.1:5444", "hand": False, "problem": ""}
    assert started == [lab.configuration]
    state.hand("why?", False)
    assert state.share() == {"address": "127.0.0.1:5444", "hand": True, "problem": ""}
    state.hand("", True)
    assert state.share() == {"address": "127.0.0.1:5444", "hand": False, "problem": ""}


def test_progress_that_cannot_be_read_hides_no_lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "progress.json").write_text("<script>", encoding="utf-8")
    answer = _state(tmp_path)[0].course()
    assert len(answer["lessons"]) == len(lesson_names())
    assert answer["problem"] is not None
    assert answer["problem"]["remedy"]
    assert all(lesson["path"] is None for lesson in answer["lessons"])


def test_the_command_shows_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, lab = _state(tmp_path)
    monkeypatch.setattr("labkit.cli.pods_command.open_lab", lambda: lab)
    done = CliRunner().invoke(main, ["pods", "07", "--json"])
    assert done.exit_code == 0, done.output
    assert [row["container"] for row in json.loads(done.stdout)["rows"]] == ["main", "side"]


def test_the_command_asks_for_a_lesson_where_none_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, lab = _state(tmp_path)
    monkeypatch.setattr("labkit.cli.pods_command.open_lab", lambda: lab)
    monkeypatch.delenv("LABKIT_LESSON", raising=False)
    done = CliRunner().invoke(main, ["pods"])
    assert done.exit_code == 2
    assert "labkit pods 07" in done.stderr
