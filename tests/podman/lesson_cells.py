"""The lessons on podman (`pytest -p tests.podman.lesson_cells`): which cells show something else there, and why."""

from __future__ import annotations

from pathlib import Path

import pytest
from nbval.plugin import IPyNbCell

DIFFERENCES = Path(__file__).parent / "differences.txt"


def differences(file: Path = DIFFERENCES) -> dict[str, str]:
    """What podman answers otherwise: the live tests and the cells, each with the reason that stands before it.

    Args:
        file: lines of comment with the reason, and lines with a test's id or a lesson's name and a cell's id.
    """
    reasons: dict[str, str] = {}
    reason: list[str] = []
    is_reason_over = False
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            reason = [*([] if is_reason_over else reason), line.removeprefix("#").strip()]
        elif line.strip():
            reasons[line.strip()] = " ".join(reason)
        is_reason_over = not line.startswith("#")
    return reasons


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have such a cell fail as expected; one that does not is red, so that the list stays true."""
    expect_differences(items, DIFFERENCES)


def expect_differences(items: list[pytest.Item], *files: Path) -> None:
    """Mark the cells of some lists.

    Args:
        items: what is run.
        files: the lists; a line of a later one that begins with `!` takes a cell out again.
    """
    reasons: dict[str, str] = {}
    for name, reason in (entry for file in files for entry in differences(file).items()):
        if name.startswith("!"):
            reasons.pop(name.removeprefix("!").strip(), "")
        else:
            reasons[name] = reason
    for item in items:
        if isinstance(item, IPyNbCell):
            cell = f"{Path(item.path).stem}::{item.cell.get('id')}"
            if (difference := reasons.get(cell)) is not None:
                item.add_marker(pytest.mark.xfail(reason=difference, strict=True))
