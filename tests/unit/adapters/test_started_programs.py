"""A program that is started for somebody else is recorded, too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from labkit.adapters.started_programs import start_server


def test_a_server_is_recorded_when_it_starts(records: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as output:
        assert start_server([sys.executable, "-c", "print('up')"], output).wait() == 0
    assert records.messages == [f"$ {sys.executable} -c 'print('\"'\"'up'\"'\"')'  # started"]
    assert (tmp_path / "output").read_text(encoding="utf-8") == "up\n"
