"""What uids are for: the ranges that Linux, its distributions and systemd agree on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class UidRange:
    """Neighbouring uids with one purpose.

    Args:
        first: the lowest uid of it.
        last: the highest.
        name: a short one; all ranges without a purpose are called "unused".
        purpose: what the uids are for.
        is_free: whether a person or a service may be given such a uid by hand.
    """

    first: int
    last: int
    name: str
    purpose: str
    is_free: bool = False

    def __contains__(self, uid: object) -> bool:
        return isinstance(uid, int) and self.first <= uid <= self.last

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"


RANGES: tuple[UidRange, ...] = (
    UidRange(0, 0, "root", "may do everything"),
    UidRange(1, 999, "system", "daemons, by the distribution's packages"),
    UidRange(1000, 60000, "regular", "people, and what is made by hand: useradd's own range", is_free=True),
    UidRange(60001, 60513, "homed", "home directories that systemd-homed manages"),
    UidRange(60514, 60577, "mapped users", "users of the host, mapped into a container"),
    UidRange(60578, 61183, "unused", "not assigned"),
    UidRange(61184, 65519, "dynamic", "services that get a uid while they run (DynamicUser=)"),
    UidRange(65520, 65533, "unused", "not assigned"),
    UidRange(65534, 65534, "nobody", "what cannot be mapped: the overflow uid"),
    UidRange(65535, 65535, "16-bit -1", "invalid"),
    UidRange(65536, 524287, "unused", "not assigned"),
    UidRange(524288, 1879048191, "containers", "uids of user namespaces, 65536 for each container"),
    UidRange(1879048192, 2147483647, "unused", "not assigned"),
    UidRange(2147483648, 4294967294, "dragons", "too large for programs that read a uid as a signed number"),
    UidRange(4294967295, 4294967295, "32-bit -1", "invalid"),
)
"""All 32-bit uids, in order and without a gap (systemd/systemd:docs/UIDS-GIDS.md, "Summary"; 1 to 999 has the group
tty, 5, in it). A machine may draw the line between system and regular elsewhere (/etc/login.defs)."""


def range_of(uid: int) -> UidRange:
    """The range that a uid lies in.

    Args:
        uid: a uid of 32 bits.

    Raises:
        ValueError: it is negative or too large.
    """
    for uid_range in RANGES:
        if uid in uid_range:
            return uid_range
    raise ValueError(f"{uid} is not a uid: they go from 0 to {RANGES[-1].last}")
