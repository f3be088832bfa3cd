"""What a stage of the tests counts for the last line of `tools/test.sh`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.stage_counts import pytest_terminal_summary


@pytest.mark.parametrize(
    ("outcomes", "counts"),
    [
        ({"passed": 3}, "tests=3 skipped=0\n"),
        ({"passed": 3, "skipped": 2, "xfailed": 1, "deselected": 9, "warnings": 9, "": 9}, "tests=6 skipped=3\n"),
        ({"failed": 1, "error": 1, "xpassed": 1}, "tests=3 skipped=0\n"),
        ({}, "tests=0 skipped=0\n"),
    ],
)
def test_what_was_run_is_counted(tmp_path: Path, outcomes: dict[str, int], counts: str) -> None:
    reporter: Any = SimpleNamespace(stats={outcome: [None] * number for outcome, number in outcomes.items()})
    config = SimpleNamespace(getoption=lambda _: tmp_path / "counts")
    pytest_terminal_summary(reporter, cast(pytest.Config, config))
    assert (tmp_path / "counts").read_text(encoding="utf-8") == counts
