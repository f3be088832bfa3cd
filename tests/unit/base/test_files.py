"""Files are written whole or not at all, and one process at a time changes a lab."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labkit.base.errors import LabFailed
from labkit.base.files import only_one, write_atomically


def test_a_file_is_written_and_private(tmp_path: Path) -> None:
    file = tmp_path / "new" / "file"
    write_atomically(file, "text")
    assert file.read_text(encoding="utf-8") == "text"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["file"]


def test_where_no_folder_can_be_the_error_helps(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(LabFailed, match="still there"):
        write_atomically(tmp_path / "file" / "in-it", "text")
    with pytest.raises(LabFailed), only_one(tmp_path / "file" / "lock", lambda _: None):
        pass


_HOLD = """
import sys
from pathlib import Path
from labkit.base.files import only_one
with only_one(Path(sys.argv[1]), print):
    print("holds", flush=True)
    sys.stdin.readline()
"""


def test_a_second_process_waits_and_says_for_whom(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "holds\n"
        told: list[str] = []

        def release(text: str) -> None:
            told.append(text)
            other.communicate("\n")

        with only_one(lock, release):
            assert other.returncode == 0
        assert told == [f"another labkit (process {other.pid}) is at work on this lab; waiting for it"]


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "holds\n"
        other.kill()
        other.wait()
        told: list[str] = []
        with only_one(lock, told.append):
            pass
        assert told == []
