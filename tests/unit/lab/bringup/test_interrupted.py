"""Whatever happens while a lab is brought up, wherever it happens: all is ended, it is said, and the next goes on."""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labkit.adapters.engine import EngineUnreachable
from labkit.adapters.process_stat import has_ended
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.resources import CHECKOUT
from labkit.base.waiting import watch
from labkit.lab.bringup import background
from labkit.lab.bringup.board import Board
from labkit.lab.bringup.schedule import Schedule, Step
from labkit.lab.bringup.scheduler import run_schedule
from labkit.lab.bringup.up_state import UpState, read_state
from labkit.lab.clean import clean
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.lab import Lab
from labkit.lab.up_plan import CLUSTER_STEPS, FRONT, UpPlan
from labkit.show.steps import Silent
from tests.unit.lab.bringup.plan_of_sleepers import NAMES, program_file, schedule_with

_MODULE = "tests.unit.lab.bringup.plan_of_sleepers"
_SECONDS = 20.0


class InterruptedLab:
    """A lab of nobody's, and the processes that bring it up."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.variables = {f"LABKIT_{name}": str(folder / name.lower()) for name in ("STATE", "CACHE", "DATA")}
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(folder)  # No bundle lies there.
        self.configuration = Configuration.from_environment()
        self.lab = Lab(self.configuration, Silent())
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, *arguments],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def program(self) -> int:
        """The number of the program that never ends, once it runs."""
        file = program_file(self.configuration)
        assert watch(file.exists, bool, _SECONDS, interval=0.02), [process.poll() for process in self.started]
        return int(file.read_text())

    def program_has_ended(self) -> bool:
        return bool(watch(lambda: has_ended(self.program()), bool, _SECONDS, interval=0.02))

    def state(self) -> UpState:
        state = read_state(self.configuration)
        assert state is not None
        return state

    def end(self) -> None:
        numbers = [process.pid for process in self.started]
        if (state := read_state(self.configuration)) is not None and state.pid != os.getpid():
            numbers.append(state.pid)
        if program_file(self.configuration).exists():
            numbers.append(self.program())
        for number in numbers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        for process in self.started:
            process.communicate()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InterruptedLab]:
    place = InterruptedLab(tmp_path, monkeypatch)
    yield place
    place.end()


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")


def test_these_are_the_steps_of_the_plan(place: InterruptedLab) -> None:
    plan = UpPlan(place.configuration, place.lab.catalogue, None, place.lab._make_cluster, makes_node=True)
    assert [step.name for step in plan.schedule()] == NAMES


# --- Ctrl-C ---


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # It may come while a file is written.
@pytest.mark.usefixtures("heard_interrupts")
@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice, for a program that ignores the first"])
@pytest.mark.parametrize("name", NAMES)
def test_ctrl_c_ends_any_step_and_the_next_goes_on(
    place: InterruptedLab, monkeypatch: pytest.MonkeyPatch, name: str, times: int
) -> None:
    def press() -> None:
        place.program()
        main = threading.main_thread().ident or 0
        signal.pthread_kill(main, signal.SIGINT)
        if times == 2:
            interrupted = program_file(place.configuration).with_name("interrupted")
            assert watch(interrupted.exists, bool, _SECONDS, interval=0.01)
            signal.pthread_kill(main, signal.SIGINT)

    pressing = threading.Thread(target=press)
    plan = schedule_with(name, place.configuration, pressing.start, deaf=times == 2)
    monkeypatch.setattr(UpPlan, "schedule", plan)
    with pytest.raises(KeyboardInterrupt):
        place.lab.up()
    pressing.join()
    assert place.program_has_ended()
    state = place.state()
    assert (state.ended, state.is_at_work, state.is_done) == (True, False, False)
    assert not state.running
    problem = state.problem(NAMES)
    assert problem is not None
    assert "interrupted" in problem.came_back
    # Its lock is free, and what it left is in nobody's way.
    monkeypatch.setattr(UpPlan, "schedule", schedule_with("", place.configuration))
    place.lab.up()
    assert place.state().is_done


# --- the background is live ---


def test_ctrl_c_in_front_does_not_reach_what_works_behind(place: InterruptedLab) -> None:
    front = place.start("--front", SLEEPER="kubernetes")
    assert front.stdout is not None
    assert front.stdout.readline() == "JupyterLab is open\n"
    program = place.program()
    os.killpg(front.pid, signal.SIGINT)  # As a terminal sends it; JupyterLab is closed.
    front.wait(_SECONDS)
    state = place.state()
    assert state.is_at_work
    assert state.has(FRONT)
    assert watch(lambda: [step.name for step in place.state().running], bool, _SECONDS) == ["kubernetes"]
    assert not has_ended(program)


def test_down_ends_what_works_behind(place: InterruptedLab, monkeypatch: pytest.MonkeyPatch) -> None:
    behind = place.start("cluster")
    place.program()
    monkeypatch.setattr(Lab, "cluster", lambda _: _ClusterThatIsUp())
    place.lab.down()
    assert behind.poll() is not None or behind.wait(_SECONDS)
    assert place.program_has_ended()
    assert read_state(place.configuration) is None, "what was stopped on purpose is no failure"


def test_clean_ends_what_works_behind_before_it_removes_anything(
    place: InterruptedLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.start("kubernetes")
    program = place.program()
    ended: list[bool] = []

    def engine(_: Lab) -> Any:
        ended.append(has_ended(program) and read_state(place.configuration) is None)
        raise EngineUnreachable("Connecting to the engine", "nobody answers", "start it")

    monkeypatch.setattr(Lab, "engine", engine)
    with contextlib.suppress(LabFailed, EngineUnreachable):
        clean(place.lab)
    assert ended == [True]


def test_after_a_kill_9_the_next_says_so_ends_its_programs_and_goes_on(
    place: InterruptedLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = place.start("kubernetes")
    program = place.program()
    behind.kill()
    behind.wait()
    problem = place.state().problem(CLUSTER_STEPS)
    assert problem is not None
    assert "; it was at: " in problem.came_back
    assert not has_ended(program)
    monkeypatch.setattr(UpPlan, "schedule", schedule_with("", place.configuration))
    place.lab.up()
    assert place.state().is_done
    assert place.program_has_ended()


def test_a_second_make_lab_follows_the_first(place: InterruptedLab, monkeypatch: pytest.MonkeyPatch) -> None:
    behind = place.start("kubernetes")
    place.program()

    def start(*_: object) -> None:
        pytest.fail("a second one was started")

    monkeypatch.setattr(background, "start_server", start)
    place.lab.begin()  # It returns, because what a lesson needs to begin is there.
    assert place.state().pid == behind.pid
    assert place.state().is_at_work


class _ClusterThatIsUp:
    def stop(self) -> bool:
        return True

    def look(self) -> State:
        return State.UP


# --- the clock ---


def test_nothing_that_waits_or_estimates_reads_a_clock_that_can_jump() -> None:
    """time.time jumps when the machine was asleep or its clock is set; time.monotonic does not."""
    rooms = ["labkit/lab/bringup", "labkit/base/waiting.py", "labkit/base/locks.py", "labkit/show/steps.py"]
    rooms += ["labkit/adapters/build_lock.py", "labkit/adapters/cancellation.py"]
    files = [
        file for room in rooms for file in ([CHECKOUT / room], [*(CHECKOUT / room).glob("*.py")])[room[-3:] != ".py"]
    ]
    readers = [
        f"{file.name}:{node.lineno}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("time.time", "datetime.now", "time.localtime")
    ]
    assert len(files) > 10
    assert [name.partition(":")[0] for name in readers] == ["up_state.py"], "only when it was written, to be shown"


@pytest.mark.parametrize("jump", [-86400.0, 86400.0 * 365])
def test_a_clock_that_jumps_changes_neither_estimate_nor_seconds(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    states: list[UpState] = []
    real = time.time

    def jumps() -> None:
        monkeypatch.setattr(time, "time", lambda: real() + jump)

    schedule = Schedule([Step("a", "a", jumps, seconds=5), Step("b", "b", lambda: None, ("a",), seconds=5)])
    with Board(schedule, Silent(), expected={}, write=states.append) as board:
        run_schedule(schedule, board)
    assert all(0 <= step.seconds < 60 and 0 <= step.left <= 10 for state in states for step in state.steps)
    assert [state.percent for state in states] == sorted(state.percent for state in states)
    assert states[-1].percent == 100
