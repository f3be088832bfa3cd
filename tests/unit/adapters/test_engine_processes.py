"""A container's processes from outside, also as engines answer that say little."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from labkit.adapters.engine.engine_processes import EngineProcesses, listens, parse_top, read_process, with_program
from labkit.core.started import AppProcess

_STATUS = "Name:\tapp\nUid:\t1000\t1654\t1654\t1654\nGid:\t0\t50\t50\t50\nGroups:\t50 7\n"


@pytest.mark.parametrize(
    ("shown", "processes"),
    [
        (
            {"Processes": [["1", "1654", "50", "7,50", "Ss", "/app --port 80"], ["2", "0", "0", "-", "R+", "sh"]]},
            [(1, AppProcess(1654, 50, (7, 50), "/app --port 80")), (2, AppProcess(0, 0, (), "sh"))],
        ),
        ({"Processes": None}, []),
        ({}, []),
        ({"Processes": [["1", "root", "0", "0", "S", "sh"], ["1"], "x"]}, []),
    ],
)
def test_top_is_read(shown: dict[str, Any], processes: list[tuple[int, AppProcess]]) -> None:
    assert parse_top(shown) == tuple(processes)


class _Starting(EngineProcesses):
    """An engine that says that a container is started a moment before its program is."""

    is_podman = False

    def __init__(self) -> None:
        self.shown = iter(["runc init", "runc init", "./app"])

    def _top(self, container: str) -> dict[str, list[list[str]]]:
        return {"Processes": [["1", "1654", "0", "-", "Ss", next(self.shown)]]}


def test_a_program_is_waited_for_that_runc_is_about_to_execute() -> None:
    assert _Starting().processes("started") == (AppProcess(1654, 0, (), "./app"),)


def _proc(folder: Path, cgroup: str) -> Path:
    (folder / "7").mkdir()
    (folder / "7" / "status").write_text(_STATUS)
    (folder / "7" / "cgroup").write_text(cgroup)
    (folder / "7" / "cmdline").write_bytes(b"/app\0--port\x0080\0")
    (folder / "program").write_bytes(b"a program")
    (folder / "7" / "exe").symlink_to(folder / "program")
    return folder


def test_a_process_of_this_machine_is_read_in_proc(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"a program").hexdigest()
    wanted = AppProcess(1654, 50, (7, 50), "/app --port 80", str(tmp_path / "program"), digest)
    assert read_process(_proc(tmp_path, "0::/docker/abc\n"), 7, "abc") == wanted


@pytest.mark.parametrize(("pid", "container"), [(7, "other"), (8, "abc"), (0, "abc"), (7, "")])
def test_another_machines_pid_is_not(tmp_path: Path, pid: int, container: str) -> None:
    assert read_process(_proc(tmp_path, "0::/docker/abc\n"), pid, container) is None


def test_what_a_process_is_called_by_says_nothing_of_its_program(tmp_path: Path) -> None:
    called = AppProcess(1654, 0, (), "aspnetapp")
    proc = _proc(tmp_path, "0::/docker/abc\n")
    assert with_program(proc, called, 7, "abc").digest == hashlib.sha256(b"a program").hexdigest()
    assert with_program(proc, called, 7, "other") == called
    (proc / "7" / "exe").unlink()
    assert with_program(proc, called, 7, "abc") == called


@pytest.mark.parametrize(("state", "is_listening"), [("0A", True), ("01", False)])
def test_a_port_that_is_listened_on_is_seen_in_proc(tmp_path: Path, state: str, is_listening: bool) -> None:
    proc = _proc(tmp_path, "0::/docker/abc\n")
    (proc / "7" / "net").mkdir()
    (proc / "7" / "net" / "tcp").write_text("  sl  local_address rem_address   st\n")
    (proc / "7" / "net" / "tcp6").write_text(f"  sl  local_address rem_address   st\n   0: 00:1F90 00:0000 {state} 0\n")
    assert listens(proc, 7, "abc") is is_listening
    assert not listens(proc, 7, "other")
    assert not listens(proc, 8, "abc")


@pytest.mark.parametrize(
    ("state", "is_at_work"), [("R+", True), ("Ds", True), ("Ss", False), ("Z", False), ("", False)]
)
def test_a_process_that_had_something_to_do_is_told_from_one_that_waits(state: str, is_at_work: bool) -> None:
    ((_, process),) = parse_top({"Processes": [["1", "0", "0", "-", state, "sh"]]})
    assert process.is_at_work is is_at_work
