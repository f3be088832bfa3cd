"""How a bring-up stands, as other processes read it: at work, done, failed, killed; and waiting for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.base.configuration import Configuration
from labkit.base.errors import LabError, LabFailed, MachineLacks
from labkit.lab.bringup import up_state
from labkit.lab.bringup.background import follow, making, start_background, stop_background
from labkit.lab.bringup.board import Board
from labkit.lab.bringup.durations import Durations, StepPace, pace_of, seconds_to_go
from labkit.lab.bringup.schedule import Schedule, Step
from labkit.lab.bringup.scheduler import run_schedule
from labkit.lab.bringup.up_display import describe, describe_seconds
from labkit.lab.bringup.up_state import (
    DONE,
    FAILED,
    RUNNING,
    STOPPED,
    WAITING,
    StepState,
    UpState,
    end_orphans,
    process_mark,
    read_state,
    state_file,
    write_state,
)
from labkit.show.steps import Silent, Steps

_SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return Configuration("lab", tmp_path / "state", tmp_path / "cache", tmp_path / "data")


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process at work, in a session of its own."""
    with subprocess.Popen(_SLEEP, start_new_session=True) as process:
        yield process
        process.kill()


def _state(pid: int, *states: str, **more: Any) -> UpState:
    steps = tuple(StepState(f"s{number}", f"step {number}", state) for number, state in enumerate(states))
    return replace(UpState(pid, process_mark(pid) or "", background=True, steps=steps, percent=37), **more)


def test_what_was_written_is_read(configuration: Configuration) -> None:
    state = _state(os.getpid(), DONE, RUNNING, WAITING)
    write_state(configuration, state)
    assert read_state(configuration) == state
    assert state_file(configuration).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in configuration.state.iterdir()] == ["up.json"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "null", "[]", "\udcff", '{"pid": 1}', '{"pid": "x", "steps": []}'),
        *('{"pid": 1, "steps": [{}]}', '{"steps": 3}', '{"pid": 1, "steps": [], "unknown": 1}'),
    ],
)
def test_a_file_that_is_no_state_counts_as_none(configuration: Configuration, text: str) -> None:
    configuration.state.mkdir()
    state_file(configuration).write_text(text, encoding="utf-8", errors="surrogateescape")
    assert read_state(configuration) is None
    assert making(configuration) is None


def test_a_state_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nowhere = Configuration("lab", tmp_path / "file" / "state", tmp_path, tmp_path)
    write_state(nowhere, _state(os.getpid(), RUNNING))
    assert read_state(nowhere) is None


def test_a_killed_process_is_known_at_once_also_before_it_is_reaped(
    configuration: Configuration, process: subprocess.Popen[bytes]
) -> None:
    state = _state(process.pid, DONE, RUNNING)
    assert state.is_at_work
    assert state.problem(["s1"]) is None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # It is a zombie now.
    assert not state.is_at_work
    problem = state.problem(["s1"])
    assert problem is not None
    assert f"process {process.pid}" in problem.came_back
    assert "step 1" in problem.came_back and "37 %" in problem.came_back
    assert problem.remedy.endswith("labkit up")
    assert state.problem(["s0"]) is None, "what it had made is there"
    write_state(configuration, state)
    shown = making(configuration)
    assert shown is not None
    assert (shown["at_work"], shown["problem"]) == (False, problem.came_back)


def test_another_process_of_the_same_number_is_not_it() -> None:
    assert not replace(_state(os.getpid(), RUNNING), mark="another boot/1").is_at_work
    assert not _state(2**22 + 1, RUNNING).is_at_work


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sessions are read from /proc")
def test_what_a_killed_process_left_running_is_ended() -> None:
    script = f"import subprocess; print(subprocess.Popen({_SLEEP!r}, process_group=0).pid, flush=True); input()"
    argv = [sys.executable, "-c", script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stdin=subprocess.PIPE, start_new_session=True) as leader:
        assert leader.stdout is not None
        child = int(leader.stdout.readline())
        state = _state(leader.pid, RUNNING)
        assert end_orphans(state) == [], "it is at work"
        leader.kill()
        leader.wait()
    assert end_orphans(replace(state, mark=f"another boot/{state.mark.partition('/')[2]}")) == []
    assert end_orphans(state) == [child]
    deadline = time.monotonic() + 20
    while process_mark(child) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- waiting ---


def test_a_failure_is_given_as_it_was(configuration: Configuration) -> None:
    error = MachineLacks("Looking for the Go compiler", "there is none", "install it")
    write_state(configuration, _state(1, DONE, FAILED, STOPPED, ended=True, error=up_state.describe_error(error)))
    for name in ("s1", "s2"):
        with pytest.raises(MachineLacks) as failed:
            follow(configuration, [name], Silent())
        assert str(failed.value) == str(error)
    assert follow(configuration, ["s0"], Silent()) is not None


def test_waiting_ends_when_the_step_is_done(configuration: Configuration, process: subprocess.Popen[bytes]) -> None:
    write_state(configuration, _state(process.pid, RUNNING))
    done = threading.Timer(0.2, write_state, [configuration, _state(process.pid, DONE, RUNNING)])
    done.start()
    state = follow(configuration, ["s0"], Silent())
    assert state is not None and state.percent == 37


def test_waiting_ends_when_the_process_is_killed(
    configuration: Configuration, process: subprocess.Popen[bytes]
) -> None:
    write_state(configuration, _state(process.pid, RUNNING))
    threading.Timer(0.2, process.kill).start()
    with pytest.raises(LabFailed, match="has ended without an error message"):
        follow(configuration, ["s0"], Silent())


def test_nothing_is_waited_for_where_nothing_is_known(configuration: Configuration) -> None:
    assert follow(configuration, ["s0"], Silent()) is None
    assert not stop_background(configuration)


def test_a_process_that_ends_before_it_says_anything(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    process = start_background(configuration, "stand-in")
    with pytest.raises(LabFailed, match="-m labkit up --behind --source stand-in"):
        follow(configuration, ["s0"], Silent(), process)


def test_a_clock_that_jumps_changes_nothing(configuration: Configuration, process: subprocess.Popen[bytes]) -> None:
    write_state(configuration, _state(process.pid, RUNNING))
    document = json.loads(state_file(configuration).read_text(encoding="utf-8"))
    state_file(configuration).write_text(json.dumps({**document, "written": document["written"] - 9e8}))
    state = read_state(configuration)
    assert state is not None and state.is_at_work and state.problem(["s0"]) is None


def test_stopping_what_works_behind(configuration: Configuration) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.default_int_handler)\n"
        "try: print(1, flush=True); time.sleep(60)\nexcept KeyboardInterrupt: pass"
    )
    argv = [sys.executable, "-c", script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        write_state(configuration, _state(process.pid, RUNNING, background=False))
        assert not stop_background(configuration), "one in a terminal is left alone"
        write_state(configuration, _state(process.pid, RUNNING))
        assert stop_background(configuration)
        assert process.wait() == 0
    assert read_state(configuration) is None


# --- estimates and the board ---


@given(st.floats(0, 1e4), st.floats(0, 1e4), st.none() | st.floats(0, 1))
def test_what_is_left_is_never_negative(expected: float, elapsed: float, fraction: float | None) -> None:
    assert seconds_to_go(expected, elapsed, fraction) >= 0


def test_the_estimate_goes_from_what_is_known_to_what_is_seen() -> None:
    assert seconds_to_go(100, 0) == 100
    assert seconds_to_go(100, 40) == 60
    assert 100 < seconds_to_go(100, 300) < 200, "one that is very late is not about to end"
    assert seconds_to_go(100, 90.1) == pytest.approx(10, abs=0.2)
    assert seconds_to_go(100, 100, 0.5) == pytest.approx(50)
    assert seconds_to_go(100, 100, 0.99) < 5


@pytest.mark.parametrize(
    ("seconds", "described"),
    [
        (0, "a few seconds"),
        (9.9, "a few seconds"),
        (10, "about 10 s"),
        (21, "about 30 s"),
        (90, "about 90 s"),
        (91, "about 2 min"),
        (125, "about 3 min"),
    ],
)
def test_no_less_is_said_than_is_expected(seconds: float, described: str) -> None:
    assert describe_seconds(seconds) == described


@pytest.mark.parametrize(
    ("steps", "pace"),
    [
        ([], 1),
        ([StepPace(90, 90)], 1),
        ([StepPace(90, 290)], 3),
        ([StepPace(40, 90), StepPace(50, 200)], 3),
        ([StepPace(1, 11)], pytest.approx(21 / 11)),  # ten seconds more may be chance
        ([StepPace(90, 5)], 1),  # perhaps it had hardly anything to do
        ([StepPace(100, 1e6)], 10),
    ],
)
def test_what_is_done_says_how_fast_the_rest_goes(steps: list[StepPace], pace: float) -> None:
    assert pace_of(steps) == pace


def test_on_a_busy_machine_the_estimate_of_what_waits_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    image, node = (
        Step("image", "the image", lambda: None, seconds=40),
        Step("node", "the node", lambda: None, seconds=90),
    )
    board = Board(Schedule([image, replace(node, needs=("image",))]), Silent(), expected={}, write=lambda _: None)
    assert board.state.left == 130
    board.begin(image)
    with board.step("the image"):
        clock[0] += 160
        assert board.state.left > 300, "four times as slow, and not at its end"
    board.end(image, None)
    assert board.state.left == pytest.approx(90 * (10 + 160) / (10 + 40), abs=1)


def test_durations_are_learned_and_bad_ones_left_out(tmp_path: Path) -> None:
    durations = Durations(tmp_path / "durations.json")
    assert durations.read() == {}
    durations.learn({"a": 1.26, "b": 2})
    durations.learn({"a": 3})
    assert durations.read() == {"a": 3.0, "b": 2.0}
    durations.learn({"a": 1})
    assert durations.read() == {"a": 2.0, "b": 2.0}, "one quick run promises nothing"
    for text in ("[", "[]", '{"a": -1, "b": "x", "c": null, "d": 1e99, "e": NaN, "f": true}'):
        (tmp_path / "durations.json").write_text(text, encoding="utf-8")
        assert set(durations.read()) <= {"f"}
    Durations(tmp_path / "durations.json" / "no folder").learn({"a": 1})


def test_the_board_counts_learns_and_ends_at_a_hundred() -> None:
    states: list[UpState] = []

    def compiles() -> None:
        with board.step("Kubernetes, compiled") as tally:
            tally.count(50, 100, "packages")
            board.tick()
            states.append(board.state)

    def resumes() -> None:
        with board.step("runc, compiled") as tally:
            tally.count(1, 50, "packages", before=50)
            states.append(board.state)

    schedule = Schedule(
        [
            Step("kubernetes", "Kubernetes", compiles, seconds=100),
            Step("runc", "runc", resumes, ("kubernetes",), seconds=50),
            Step("there", "kind", lambda: None, seconds=9, is_made=lambda: True),
        ]
    )
    board = Board(schedule, Silent(), expected={"runc": 100}, write=states.append)
    with board:
        run_schedule(schedule, board)
    assert states[0].percent == 0
    assert states[0].left == pytest.approx(200, abs=1)
    counting = next(state for state in states if state.steps[0].counted)
    assert counting.steps[0].counted == "50 of 100 packages"
    assert counting.steps[0].title == "Kubernetes, compiled"
    assert "Kubernetes, compiled (50 of 100 packages)" in describe(counting)
    assert any(state.steps[1].counted == "51 of 100 packages" for state in states)
    assert (states[-1].percent, states[-1].ended, states[-1].is_done) == (100, True, True)
    percents = [state.percent for state in states]
    assert percents == sorted(percents)
    assert set(board.measured()) == {"kubernetes"}, "half of runc was compiled before, and kind was there"


def test_the_board_says_why_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    states: list[UpState] = []

    def fails() -> None:
        with board.step("runc, compiled"):
            raise LabFailed("Building runc", "no network", "connect it")

    schedule = Schedule([Step("runc", "runc", fails), Step("cluster", "the cluster", fails, ("runc",))])
    board = Board(schedule, Steps(), expected={}, write=states.append)
    with pytest.raises(LabError), board:
        run_schedule(schedule, board)
    assert [step.state for step in states[-1].steps] == [FAILED, STOPPED]
    assert states[-1].error == {
        "kind": "LabFailed",
        "tried": "Building runc",
        "came_back": "no network",
        "remedy": "connect it",
    }
    assert "failed: runc, compiled, after 0.0 s" in capsys.readouterr().err
    json.dumps(asdict(states[-1]))


def test_an_interrupt_is_told_as_one() -> None:
    before = signal.getsignal(signal.SIGINT)  # ignored, where a shell started the tests in the background
    states: list[UpState] = []
    schedule = Schedule([Step("runc", "runc", lambda: None)])
    with pytest.raises(KeyboardInterrupt), Board(schedule, Silent(), expected={}, write=states.append):
        raise KeyboardInterrupt
    problem = states[-1].problem(["runc"])
    assert problem is not None and problem.came_back == "it was interrupted"
    assert signal.getsignal(signal.SIGINT) is before
