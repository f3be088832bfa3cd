"""An app is started as it is, looked at from outside, and removed, whatever becomes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from labkit.adapters.engine import ContainerState, Engine, EngineRefused
from labkit.base.errors import LabFailed
from labkit.core.causes import Cause
from labkit.core.identity.engine_messages import cause_of_engine_error
from labkit.core.run_results import Printed
from labkit.core.started import AppProcess, FileNow, Started
from labkit.lab import app_start
from labkit.lab.app_start import start_app
from tests.unit.notebook.paper import Recorder

_APP = AppProcess(1654, 1654, (7,), "/app", "/app", "1f")


def _engine(*states: ContainerState | None, printed: Any = None, **more: Any) -> Recorder:
    left = list(states)
    answers: dict[str, Any] = {
        "launch": "c",
        "cause_of": cause_of_engine_error,
        "container": lambda _: left.pop(0) if len(left) > 1 else left[0],
        "printed": printed or Printed(),
        "processes": (_APP,),
        "is_listening": False,
        "remove_container": None,
        "file_now": lambda _, path: FileNow(1654, 0, 0o644) if path == "/srv/menu" else None,
    }
    return Recorder(**answers | more)


def _state(*, running: bool, status: int | None = None) -> ContainerState:
    return ContainerState(running, "sha256:1", {}, status)


def _start(engine: Recorder, **options: Any) -> Started:
    return start_app(cast(Engine, engine), "app", reader="debian", **options)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_QUIET_SECONDS", "_SILENT_SECONDS", "_POLL_SECONDS"):
        monkeypatch.setattr(app_start, name, 0.01)


def test_one_that_keeps_running_is_seen_from_outside() -> None:
    engine = _engine(_state(running=True), printed=Printed("ready\n", "warning\n"))
    started = _start(engine, user="1654", groups=[7], variables={"A": "b c"}, contents={"/a": b"1"})
    assert (started.is_running, started.main, started.result.exit_status) == (True, _APP, None)
    assert (started.result.stdout, started.result.stderr) == ("ready", "warning")
    assert started.result.command == "docker run --rm --user 1654 --group-add 7 --env 'A=b c' app"
    assert "uid 1654, gid 1654, groups 7: /app" in str(started)
    assert engine.calls[0] == (
        "launch",
        ("app", []),
        {"user": "1654", "environment": {"A": "b c"}, "options": {"group_add": ["7"]}, "labels": None}
        | {"contents": {"/a": b"1"}},
    )
    assert engine.called("remove_container") == [("c",)]


def test_files_are_looked_at_in_the_end() -> None:
    engine = _engine(_state(running=False, status=0))
    started = _start(engine, files=["/srv/menu", "/srv/none"])
    assert started.files == {"/srv/menu": FileNow(1654, 0, 0o644)}
    assert [method for method, _, _ in engine.calls][-1] == "remove_container"


def test_one_that_ends_says_how_and_what_was_seen_before() -> None:
    engine = _engine(_state(running=True), _state(running=False, status=3), printed=Printed("", "no key\n"))
    started = _start(engine)
    assert (started.is_running, started.processes, started.result.exit_status) == (False, (_APP,), 3)
    assert started.result.stderr == "no key"


def test_one_that_is_removed_meanwhile_has_no_status() -> None:
    started = _start(_engine(None))
    assert (started.is_running, started.result.exit_status, started.main) == (False, None, None)


@pytest.mark.parametrize(
    ("message", "cause", "status"),
    [
        ('exec: "/nothing": stat /nothing: no such file or directory: unknown', Cause.COMMAND_NOT_FOUND, 127),
        ("unable to find user rich: no matching entries in passwd file", Cause.UNKNOWN_USER, 125),
        ("no command specified", None, 125),
    ],
)
def test_an_engine_that_refuses_is_a_result(message: str, cause: Cause | None, status: int) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise EngineRefused("Starting", message, "look")

    result = _start(_engine(launch=refuse)).result
    assert (result.cause, result.exit_status, result.message) == (cause, status, message)


def test_an_engine_that_went_away_is_an_error_and_the_container_is_tried_to_be_removed() -> None:
    def fail(_: str, **__: object) -> Printed:
        raise LabFailed("Reading", "the engine stopped answering", "bring it back")

    engine = _engine(_state(running=True))
    engine.answers["printed"] = fail
    with pytest.raises(LabFailed, match="stopped answering"):
        _start(engine)
    assert engine.called("remove_container") == [("c",)]


def test_one_that_has_printed_and_listens_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_start, "_QUIET_SECONDS", 60.0)
    engine = _engine(_state(running=True), printed=Printed("Now listening\n"), is_listening=True)
    assert _start(engine).is_running
    assert len(engine.called("container")) == 1


def test_one_that_listens_without_a_word_is_waited_for_a_moment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_start, "_SILENT_SECONDS", 60.0)
    assert _start(_engine(_state(running=True), is_listening=True)).is_running


def test_the_processes_are_those_when_it_was_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [(replace(_APP, arguments="sh start"),), (replace(_APP, state="S"),), (_APP,), ()]
    engine = _engine(_state(running=True), processes=lambda _: seen.pop(0))
    assert _start(engine).main == _APP


@pytest.mark.parametrize("processes", [(), (replace(_APP, state="R+"),), (_APP, replace(_APP, state="Ds"))])
def test_one_that_is_quiet_on_a_busy_machine_is_looked_at_until_it_has_ended(
    processes: tuple[AppProcess, ...],
) -> None:
    """It has ended, and the engine does not know yet; or it has not had its turn."""
    printed = iter([Printed(), Printed(), Printed("soup\n")])
    last = Printed("soup\n")
    engine = _engine(
        *[_state(running=True)] * 5,
        _state(running=False, status=0),
        printed=lambda *_, **__: next(printed, last),
        processes=processes,
    )
    started = _start(engine)
    assert (started.is_running, started.result.exit_status, started.result.stdout) == (False, 0, "soup")


def test_one_that_never_rests_runs_at_the_deadline() -> None:
    engine = _engine(_state(running=True), processes=(replace(_APP, state="R"),))
    assert _start(engine, seconds=0.1).is_running
