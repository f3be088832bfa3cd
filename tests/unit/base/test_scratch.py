"""Temporary folders: nothing of a killed process stays, and nobody's at work is taken."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.base.scratch import remove_abandoned_scratch, scratch_folder

_AT_WORK = """
import sys
from pathlib import Path
from labkit.base.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "file").write_text("half", encoding="utf-8")
    print(folder, flush=True)
    sys.stdin.read()
"""


def _start(place: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", _AT_WORK, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_it_is_private_and_goes_at_the_end(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").touch()
    assert list(tmp_path.iterdir()) == []


def test_it_goes_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch_folder(tmp_path):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next(tmp_path: Path) -> None:
    process, left = _start(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert left.is_dir()
    with scratch_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    process, used = _start(tmp_path)
    with scratch_folder(tmp_path) as ours:
        assert remove_abandoned_scratch(tmp_path) == []
        assert {used, ours} == set(tmp_path.iterdir())
    process.communicate("")
    assert list(tmp_path.iterdir()) == []


def test_a_link_of_its_name_is_not_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (tmp_path / ".labkit-scratch-link").symlink_to(kept)
    assert remove_abandoned_scratch(tmp_path) == []
    assert (kept / "file").exists()


def test_other_peoples_files_stay(tmp_path: Path) -> None:
    (tmp_path / "labkit-scratch").mkdir()
    (tmp_path / ".labkit-scratch-file").touch()
    assert remove_abandoned_scratch(tmp_path) == []
    assert len(list(tmp_path.iterdir())) == 2
