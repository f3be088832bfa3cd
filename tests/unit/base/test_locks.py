"""One process at a time changes a lab, and the others are told for which they wait."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.base.errors import DeadlineExceeded, LabFailed
from labkit.base.locks import locked

_HOLD = """
import sys
from pathlib import Path
from labkit.base.locks import locked
with locked(Path(sys.argv[1]), on_wait=print):
    print("holds", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """A lock file in a folder that is not there yet."""
    return tmp_path / "new" / "lock"


@pytest.fixture
def other(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until a line is written to it."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        yield process
        process.kill()


def test_a_second_process_waits_and_says_for_whom(lock: Path, other: subprocess.Popen[str]) -> None:
    notes: list[str] = []

    def release(text: str) -> None:
        notes.append(text)
        other.communicate("\n")

    with locked(lock, on_wait=release):
        assert other.returncode == 0
    assert notes == [f"another labkit (process {other.pid}) is at work on this lab; waiting for it"]


def test_the_lock_ends_with_its_process(lock: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    notes: list[str] = []
    with locked(lock, on_wait=notes.append):
        pass
    assert notes == []


def test_the_deadline_names_the_process_and_how_to_see_it(lock: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(DeadlineExceeded) as late, locked(lock, seconds=0.05, on_wait=lambda _: None):
        pass
    assert late.value.came_back == f"timed out: process {other.pid} has held it for 0.05 s"
    assert late.value.remedy.endswith(f"\n  fuser -v {lock}")
    with pytest.raises(DeadlineExceeded, match=r"another process has held it"), locked(lock, seconds=0.05):
        pass


@pytest.mark.parametrize("text", ["", "x", None])
def test_a_process_that_has_not_told_its_number_is_another_one(
    lock: Path, other: subprocess.Popen[str], text: str | None
) -> None:
    pid_file = lock.with_name("lock.pid")
    pid_file.unlink()
    if text is not None:
        pid_file.write_text(text, encoding="utf-8")
    notes: list[str] = []
    with pytest.raises(DeadlineExceeded), locked(lock, seconds=0.05, on_wait=notes.append):
        pass
    assert notes == ["another labkit (another process) is at work on this lab; waiting for it"]


def test_it_is_free_after_an_error(lock: Path) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="within"), locked(lock, seconds=0.05):
            raise ValueError("within")


def test_a_lock_that_was_removed_meanwhile_is_made_anew(lock: Path) -> None:
    with locked(lock):
        lock.unlink()
    with locked(lock, seconds=0.05):
        assert lock.exists()


def test_only_who_can_wait_long_leaves_a_number(lock: Path) -> None:
    with locked(lock):
        assert not lock.with_name("lock.pid").exists()
    with locked(lock, on_wait=print):
        assert lock.with_name("lock.pid").read_text(encoding="utf-8") == str(os.getpid())


def test_where_no_folder_can_be_the_error_helps(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(LabFailed, match="permissions") as failed, locked(tmp_path / "file" / "lock"):
        pass
    assert failed.value.tried == f"Opening {tmp_path}/file/lock"
