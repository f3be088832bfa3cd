"""A container's processes from outside, also as engines answer that say little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labkit.adapters.engine.engine_processes import parse_top, read_process
from labkit.core.started import AppProcess

_STATUS = "Name:\tapp\nUid:\t1000\t1654\t1654\t1654\nGid:\t0\t50\t50\t50\nGroups:\t50 7\n"


@pytest.mark.parametrize(
    ("shown", "processes"),
    [
        (
            {"Processes": [["1", "1654", "50", "7,50", "/app --port 80"], ["2", "0", "0", "-", "sh"]]},
            [AppProcess(1654, 50, (7, 50), "/app --port 80"), AppProcess(0, 0, (), "sh")],
        ),
        ({"Processes": None}, []),
        ({}, []),
        ({"Processes": [["1", "root", "0", "0", "sh"], ["1"], "x"]}, []),
    ],
)
def test_top_is_read(shown: dict[str, Any], processes: list[AppProcess]) -> None:
    assert parse_top(shown) == tuple(processes)


def _proc(folder: Path, cgroup: str) -> Path:
    (folder / "7").mkdir()
    (folder / "7" / "status").write_text(_STATUS)
    (folder / "7" / "cgroup").write_text(cgroup)
    (folder / "7" / "cmdline").write_bytes(b"/app\0--port\x0080\0")
    return folder


def test_a_process_of_this_machine_is_read_in_proc(tmp_path: Path) -> None:
    wanted = AppProcess(1654, 50, (7, 50), "/app --port 80")
    assert read_process(_proc(tmp_path, "0::/docker/abc\n"), 7, "abc") == wanted


@pytest.mark.parametrize(("pid", "container"), [(7, "other"), (8, "abc"), (0, "abc"), (7, "")])
def test_another_machines_pid_is_not(tmp_path: Path, pid: int, container: str) -> None:
    assert read_process(_proc(tmp_path, "0::/docker/abc\n"), pid, container) is None
