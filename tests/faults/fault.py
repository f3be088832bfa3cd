"""What a fault is: data, and a few lines that make it. The table of all of them is docs/faults.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from tests.faults.bench import Bench

_Bench = TypeVar("_Bench", bound=Bench)

RECOVERY_SECONDS = 15.0
"""How long a recovery may take wherever the node image is there."""


class Needs(StrEnum):
    """What a fault is made on."""

    NOTHING = "nothing"
    """No engine: such faults are in `make test`."""
    LAB = "lab"
    """A lab that is up, on an engine of its own, in a machine of its own: `make faults`."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong in a class, made on purpose.

    Args:
        name: what goes wrong, as one would say it.
        room: what it happens to.
        made: how it is made here.
        needs: what it is made on.
        make: makes it, and does what a participant would do meanwhile.
        sentence: in what the participant reads; empty where nobody needs to read anything.
        kept: what there was and still is.
        recovery: the commands that bring the lab back, each without `labkit`; none where it recovers by itself.
        seconds: how long the recovery may take.
        slow: whether it takes so long that `make test` leaves it to `make faults`.
        long: whether it takes a good part of the 15 s to be back, such as where a cluster is made anew. No two of these
            run at once, and what runs beside them gives way.
        alone: whether it would disturb whatever else is measured, so that it comes last.
    """

    name: str
    room: str
    made: str
    needs: Needs
    make: Callable[[Any], None]
    sentence: str
    kept: str
    recovery: tuple[str, ...]
    seconds: float
    slow: bool
    long: bool
    alone: bool

    @property
    def key(self) -> str:
        """Room and name, which no other fault has."""
        return f"{self.room}: {self.name}"

    @property
    def file_name(self) -> str:
        """The same as a file may be called."""
        return re.sub(r"[^A-Za-z0-9]+", "-", self.key)


FAULTS: dict[str, Fault] = {}
"""All faults by rooms and names, in the order in which they are written down."""


def fault(
    room: str,
    name: str,
    *,
    made: str,
    sentence: str = "",
    kept: str = "progress, worksheet",
    needs: Needs = Needs.NOTHING,
    recovery: tuple[str, ...] | None = None,
    seconds: float = RECOVERY_SECONDS,
    slow: bool = False,
    long: bool = False,
    alone: bool = False,
) -> Callable[[Callable[[_Bench], None]], Callable[[_Bench], None]]:
    """Write a fault down; the function under it makes it.

    Args:
        room: as for `Fault`, like the others.
        name: its name.
        made: how it is made.
        sentence: what must be read.
        kept: what must stay.
        needs: what it is made on.
        recovery: `labkit up` by default where there is a lab, and nothing where there is none.
        seconds: the deadline of the recovery.
        slow: for `make faults` alone.
        long: whether it takes long to be back.
        alone: whether it comes last.
    """
    if recovery is None:
        recovery = ("up",) if needs is Needs.LAB else ()

    def enter(make: Callable[[_Bench], None]) -> Callable[[_Bench], None]:
        entered = Fault(
            name,
            room,
            made,
            needs,
            make,
            sentence=sentence,
            kept=kept,
            recovery=recovery,
            seconds=seconds,
            slow=slow,
            long=long,
            alone=alone,
        )
        assert entered.key not in FAULTS, f"there are two faults named {entered.key!r}"
        FAULTS[entered.key] = entered
        return make

    return enter
