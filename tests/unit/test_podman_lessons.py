"""The list of what podman shows otherwise: each has a reason, and is a cell or a test that there is."""

from __future__ import annotations

from labkit.base.resources import CHECKOUT
from tests.course import cells_of
from tests.podman.lesson_cells import differences


def test_each_difference_has_a_reason_and_is_there() -> None:
    reasons = differences()
    assert len(reasons) > 10
    for name, reason in reasons.items():
        assert reason, name
        place, _, identifier = name.partition("::")
        if place.startswith("tests/"):
            assert f"def {identifier.partition('[')[0]}(" in (CHECKOUT / place).read_text(encoding="utf-8")
        else:
            assert identifier in {cell.get("id") for cell in cells_of(place)}, name
