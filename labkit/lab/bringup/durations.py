"""How long steps take on this machine: what was measured last, kept for the next estimate."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

from labkit.base.errors import LabFailed
from labkit.base.files import read_own_json, write_atomically

_MOST_SECONDS = 6 * 3600.0


class Durations:
    """Measured seconds of steps, by name; a file that cannot be read or written is no error.

    Args:
        file: where they are kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> dict[str, float]:
        """What is known; values that can be no duration are left out."""
        document = read_own_json(self._file)
        if not isinstance(document, dict):
            return {}
        return {
            str(name): float(seconds)
            for name, seconds in document.items()
            if isinstance(seconds, int | float) and math.isfinite(seconds) and 0 <= seconds <= _MOST_SECONDS
        }

    def learn(self, measured: Mapping[str, float]) -> None:
        """Keep what was measured now; of other steps what was known stays."""
        known = {**self.read(), **{name: round(seconds, 1) for name, seconds in measured.items()}}
        with contextlib.suppress(LabFailed):
            write_atomically(self._file, json.dumps(known, indent=1))


def seconds_to_go(expected: float, elapsed: float, fraction: float | None = None) -> float:
    """How long a running step still takes.

    Args:
        expected: how long it should take in all.
        elapsed: how long it has run.
        fraction: how much of it is done, None if it does not count. The first things are no measure for the rest, so
            the more is done, the more its own pace counts.
    """
    if fraction is None or fraction <= 0:
        # One that is late will be so for a while.
        return expected - elapsed if elapsed < expected * 0.9 else max(1.0, expected * 0.1)
    fraction = min(fraction, 1.0)
    whole = (1 - fraction) * expected + fraction * (elapsed / fraction)
    return max(whole - elapsed, (1 - fraction) * elapsed * 0.5, 0.0)
