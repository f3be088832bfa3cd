"""What keeps a few from disturbing the others: so many at once, and so often. Pure, but for a clock."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Literal, TypeVar

_MOST_KEYS = 4096
_NEIGHBOURS_IPV6 = 64

Member = TypeVar("Member", bound=Hashable)


def neighbourhood(address: str) -> str:
    """Whom a limit counts as one: an address of IPv4, or the 64 bits of IPv6 behind which one machine has them all."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.version == 4:
        return str(ip)
    return str(ipaddress.ip_network((ip, _NEIGHBOURS_IPV6), strict=False).network_address)


class Pace:
    """How often something may be done by each: so many at once, and then so many a second.

    Args:
        per_second: in the long run.
        at_once: after a pause.
        clock: seconds that never go back.
    """

    def __init__(self, per_second: float, at_once: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._at_once, self._clock = per_second, float(at_once), clock
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def allows(self, key: Hashable) -> bool:
        """Whether it may be done once more by this one; if so, it counts as done."""
        now = self._clock()
        left, before = self._left.pop(key, (self._at_once, now))
        left = min(self._at_once, left + (now - before) * self._per_second)
        self._left[key] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _MOST_KEYS:
            self._left.popitem(last=False)
        return left >= 1


class Crowd(Generic[Member]):
    """At most so many at a time. When one more comes, one of those gives way of whom there are most.

    So a flood displaces itself.

    Args:
        most: in all.
        most_of_one: of one neighbourhood.
        gives_way: which of those of whom there are most.
    """

    def __init__(self, most: int, most_of_one: int, gives_way: Literal["oldest", "newest"]) -> None:
        self._most, self._most_of_one, self._gives_way = most, most_of_one, gives_way
        self._of: dict[str, dict[Member, None]] = {}
        self._where: dict[Member, str] = {}

    def __contains__(self, member: object) -> bool:
        return member in self._where

    def __len__(self) -> int:
        return len(self._where)

    def add(self, member: Member, neighbours: str) -> Member | None:
        """Take one in.

        Args:
            member: who comes.
            neighbours: where from.

        Returns:
            Who gave way, which may be the one who came; None if there was room.
        """
        self._of.setdefault(neighbours, {})[member] = None
        self._where[member] = neighbours
        if len(self._of[neighbours]) > self._most_of_one:
            crowded = neighbours
        elif len(self._where) > self._most:
            # Among equals the newcomer's: who is there stays.
            crowded = max(self._of, key=lambda place: (len(self._of[place]), place == neighbours))
        else:
            return None
        members = self._of[crowded]
        leaving = next(iter(members)) if self._gives_way == "oldest" else next(reversed(members))
        self.remove(leaving)
        return leaving

    def remove(self, member: Member) -> None:
        """Let one go; nothing if they are not there."""
        neighbours = self._where.pop(member, None)
        if neighbours is None:
            return
        members = self._of[neighbours]
        del members[member]
        if not members:
            del self._of[neighbours]
