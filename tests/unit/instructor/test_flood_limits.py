"""So many at once, and so often: a flood displaces itself."""

from __future__ import annotations

import pytest

from labkit.instructor.flood_limits import Crowd, Pace, neighbourhood


@pytest.mark.parametrize(
    ("address", "neighbours"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_whom_a_limit_counts_as_one(address: str, neighbours: str) -> None:
    assert neighbourhood(address) == neighbours


def test_so_many_at_once_and_then_so_many_a_second() -> None:
    clock = [0.0]
    pace = Pace(2.0, 3, clock=lambda: clock[0])
    assert [pace.allows("a") for _ in range(4)] == [True, True, True, False]
    assert pace.allows("b")
    clock[0] += 0.5
    assert [pace.allows("a") for _ in range(2)] == [True, False]
    clock[0] += 1000
    assert [pace.allows("a") for _ in range(4)] == [True, True, True, False]


def test_a_pace_remembers_only_so_many() -> None:
    pace = Pace(1.0, 1, clock=lambda: 0.0)
    for number in range(10_000):
        pace.allows(number)
    assert len(pace._left) <= 4096


def test_the_newest_of_whom_there_are_most_gives_way() -> None:
    crowd: Crowd[str] = Crowd(4, 4, "newest")
    assert [crowd.add(f"flood-{number}", "x") for number in range(3)] == [None, None, None]
    assert crowd.add("ann", "y") is None
    assert crowd.add("bo", "z") == "flood-2"
    assert crowd.add("flood-9", "x") == "flood-9"
    assert "ann" in crowd and "bo" in crowd
    assert len(crowd) == 4


def test_the_oldest_of_too_many_from_one_place_gives_way() -> None:
    crowd: Crowd[int] = Crowd(100, 2, "oldest")
    assert [crowd.add(number, "x") for number in range(4)] == [None, None, 0, 1]
    crowd.remove(0)
    crowd.remove(3)
    assert (len(crowd), 2 in crowd) == (1, True)
