"""Files are written whole or not at all."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

import pytest

from labkit.base.errors import LabFailed
from labkit.base.files import (
    read_given,
    read_given_text,
    read_own,
    read_own_json,
    remove_unfinished,
    write_atomically,
)


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


_HUGE = 1 << 30


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff\xfe", b"{", b"[" * 100_000, None])
def test_what_is_damaged_is_as_if_it_were_not_there(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "own.json"
    if content is not None:
        file.write_bytes(content)
    assert read_own_json(file) is None


def test_what_is_no_small_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", _HUGE)
    (tmp_path / "loop").symlink_to("loop")
    assert [read_own(tmp_path / name) for name in ("pipe", "huge", "loop", ".")] == [None] * 4
    (tmp_path / "small").write_text("text", encoding="utf-8")
    assert read_own(tmp_path / "small") == "text"


def test_what_killed_processes_left_goes_and_nothing_else(tmp_path: Path) -> None:
    for name in (".a[1].json-x7", ".a[1].json.lock", "a[1].json", ".b.json-x7"):
        (tmp_path / name).touch()
    remove_unfinished(tmp_path / "a[1].json")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a[1].json.lock", ".b.json-x7", "a[1].json"]


@pytest.mark.parametrize(("size", "is_read"), [(8, True), (9, False), (1 << 40, False)])
def test_a_file_that_somebody_names_is_read_no_further_than_its_limit(tmp_path: Path, size: int, is_read: bool) -> None:
    file = tmp_path / "given"
    file.touch()
    os.truncate(file, size)
    with contextlib.nullcontext() if is_read else pytest.raises(OSError, match="it is larger than 0 MiB"):
        assert len(read_given(file, 8)) == size


def test_what_is_typed_is_read_no_further_than_its_limit() -> None:
    assert read_given(io.BytesIO(b"12345678"), 8) == b"12345678"
    with pytest.raises(OSError, match="it is larger than"):
        read_given(io.BytesIO(b"123456789"), 8)


def test_a_text_has_the_ends_of_lines_that_python_gives_them(tmp_path: Path) -> None:
    file = tmp_path / "given"
    file.write_bytes("a\r\nb\rc\nö".encode())
    assert read_given_text(file) == file.read_text(encoding="utf-8") == "a\nb\nc\nö"
