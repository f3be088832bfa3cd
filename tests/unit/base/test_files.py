"""Files are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.base.errors import LabFailed
from labkit.base.files import write_atomically


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
