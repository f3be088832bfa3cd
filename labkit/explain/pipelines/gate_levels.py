"""What shuts a gate: which answers to "can it be root?" and "will it start?" it does not let pass."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.base.errors import Misuse, did_you_mean
from labkit.explain.pipelines.findings import Concern

UNKNOWN = "unknown"
LEVELS: dict[str, frozenset[Concern]] = {
    **{str(concern): frozenset({concern}) for concern in Concern},
    UNKNOWN: frozenset({Concern.MAYBE_ROOT, Concern.MAYBE_REFUSED}),
}
ALL = frozenset(Concern)
"""What shuts a gate of which nothing else is said."""


def parse_levels(names: Sequence[str], where: str) -> frozenset[Concern]:
    """Read names of levels.

    Args:
        names: such as root, refused, unknown.
        where: they stand, for the message.

    Raises:
        Misuse: one is no level, or there is none: a gate that nothing shuts is a mistake.
    """
    known = ", ".join(LEVELS)
    for name in names:
        if name not in LEVELS:
            raise Misuse(
                f"Reading {where}",
                f"{name!r} is not one of the levels {known}",
                did_you_mean(name, LEVELS, "use those"),
            )
    if not names:
        raise Misuse(f"Reading {where}", "it names no level, so the gate would never fail", f"name some of {known}")
    return frozenset().union(*(LEVELS[name] for name in names))
