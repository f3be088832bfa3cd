"""How long steps take on this machine: what was measured last, kept for the next estimate."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit.base.errors import LabFailed
from labkit.base.files import read_own_json, write_atomically

_MOST_SECONDS = 6 * 3600.0
_TRUSTED_SECONDS = 10.0
_MOST_PACE = 10.0


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
        """Keep what was measured now; of other steps what was known stays.

        What took longer is expected from now on; what took less only half way, since one quick run promises nothing.
        """
        known = self.read()
        for name, seconds in measured.items():
            known[name] = round(max(seconds, (seconds + known.get(name, seconds)) / 2), 1)
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
        # One that is late will be so for a while: for half as long again as it is late already.
        late = elapsed - expected * 0.9
        return expected - elapsed if late < 0 else max(1.0, expected * 0.1 + late * 0.5)
    fraction = min(fraction, 1.0)
    whole = (1 - fraction) * expected + fraction * (elapsed / fraction)
    return max(whole - elapsed, (1 - fraction) * elapsed * 0.5, 0.0)


@dataclass(frozen=True)
class StepPace:
    """How fast a step went in this run.

    Args:
        expected: the seconds that so much of it should have taken.
        took: those that it took.
    """

    expected: float
    took: float


def pace_of(steps: Iterable[StepPace]) -> float:
    """How many times as long as expected things take in this run, where the machine is busier or slower than it was.

    Args:
        steps: what was done of them so far. A few seconds say little, so they count as if a while had gone as expected;
            and of a step that was soon over nobody knows how much it had to do, so the rest is not said to be faster.
    """
    seen = [StepPace(_TRUSTED_SECONDS, _TRUSTED_SECONDS), *steps]
    return min(max(sum(step.took for step in seen) / sum(step.expected for step in seen), 1.0), _MOST_PACE)
