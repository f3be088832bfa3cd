"""Starting the engine: what is waited for, and what is said when it does not come."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from labkit.base.errors import DeadlineExceeded, LabFailed
from labkit.lab.machine import engine_daemon
from labkit.lab.machine.engine_daemon import remove_stale_pid_file, start_engine


class Daemon:
    """A dockerd of paper: how often it must be asked until it answers, and with what it has ended."""

    def __init__(self, after: int = 0, status: int | None = None) -> None:
        self._left, self.status, self.starts = after, status, 0

    def answers(self) -> bool:
        self._left -= 1
        return self._left < 0

    def start(self, *_: object) -> SimpleNamespace:
        self.starts += 1
        return SimpleNamespace(poll=lambda: self.status)


@pytest.fixture
def pid_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The place of a pid file, on a machine without systemd, where nobody waits long."""
    file, is_dir = tmp_path / "docker.pid", Path.is_dir
    monkeypatch.setattr(Path, "is_dir", lambda path: "systemd" not in str(path) and is_dir(path))
    monkeypatch.setattr(engine_daemon, "LOG", tmp_path / "log")
    monkeypatch.setattr(engine_daemon, "_PID_FILES", {file: "cat"})
    monkeypatch.setattr(engine_daemon, "_DEADLINE_SECONDS", 0.3)
    (tmp_path / "log").write_text("first\nsecond\nthird\nfourth\n", encoding="utf-8")
    yield file


def _start(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_daemon, "start_server", daemon.start)
    start_engine(daemon.answers)


def test_it_is_started_and_waited_for(pid_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = Daemon(after=1)
    _start(daemon, monkeypatch)
    assert daemon.starts == 1


def test_one_that_ends_is_told_at_once_with_its_last_lines(pid_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_daemon, "_DEADLINE_SECONDS", 60.0)
    with pytest.raises(LabFailed, match="dockerd ended with status 3\nsecond\nthird\nfourth") as failed:
        _start(Daemon(after=1000, status=3), monkeypatch)
    assert not isinstance(failed.value, DeadlineExceeded)
    assert failed.value.remedy == f"read its log\n  tail {engine_daemon.LOG}"


def test_one_that_says_nothing_has_a_deadline(pid_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeadlineExceeded, match="no answer after 0 s"):
        _start(Daemon(after=1000), monkeypatch)


def test_another_that_is_starting_is_waited_for(pid_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pid_file.write_text(str(os.getpid()), encoding="utf-8")
    comm = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
    monkeypatch.setattr(engine_daemon, "_PID_FILES", {pid_file: comm})
    daemon = Daemon(after=1)
    _start(daemon, monkeypatch)
    assert daemon.starts == 0
    assert pid_file.exists()


@pytest.mark.parametrize("text", ["", "not a number", "4194399", "1"])
def test_a_pid_file_of_another_program_or_of_none_is_removed(pid_file: Path, text: str) -> None:
    pid_file.write_text(text, encoding="utf-8")
    assert remove_stale_pid_file(pid_file, "dockerd")
    assert not pid_file.exists()
    assert not remove_stale_pid_file(pid_file, "dockerd")


def test_a_true_pid_file_is_kept(pid_file: Path) -> None:
    pid_file.write_text(str(os.getpid()), encoding="utf-8")
    assert not remove_stale_pid_file(pid_file, Path("/proc/self/comm").read_text(encoding="utf-8").strip())
    assert pid_file.exists()


def test_one_that_has_run_for_long_and_does_not_answer_is_named(
    pid_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid_file.write_text(str(os.getpid()), encoding="utf-8")
    comm = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
    monkeypatch.setattr(engine_daemon, "_PID_FILES", {pid_file: comm})
    monkeypatch.setattr(engine_daemon, "_DEADLINE_SECONDS", 60.0)
    monkeypatch.setattr(engine_daemon, "_PATIENCE_SECONDS", 0.0)
    os.utime(pid_file, (0, 0))
    with pytest.raises(DeadlineExceeded, match=rf"(?s)process {os.getpid()}, a dockerd.*kill -KILL {os.getpid()}"):
        _start(Daemon(after=1000), monkeypatch)


def test_one_that_has_ended_and_was_not_asked_for_is_gone(pid_file: Path) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    pid_file.write_text(str(child), encoding="utf-8")
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # It is a zombie from here on.
    comm = Path(f"/proc/{child}/comm").read_text(encoding="utf-8").strip()
    assert remove_stale_pid_file(pid_file, comm)
    os.waitpid(child, 0)
