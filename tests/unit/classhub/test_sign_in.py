"""Who is let in, and who is not, however often they try."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from classhub.roster import Roster
from classhub.sign_in import NotLetIn, SignIn
from labkit.instructor.flood_limits import Pace

CODE, TOKEN, HOME = "tarozi-kemupa", "the-instructors-own-token", "192.0.2.1"


class HandSetClock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> HandSetClock:
    return HandSetClock()


@pytest.fixture
def door(tmp_path: Path, clock: HandSetClock) -> SignIn:
    numbers = count(1)
    roster = Roster(tmp_path / "roster.json", lambda: f"p-{next(numbers):06x}", most=50)
    return SignIn(roster, CODE, TOKEN, b"k" * 32, Pace(0.2, 20, clock), clock)


@pytest.mark.parametrize("typed", [CODE, " Tarozi-Kemupa ", "TAROZIKEMUPA", "tarozi kemupa"])
def test_the_code_lets_in_however_it_is_typed(door: SignIn, typed: str) -> None:
    assert door.join(typed, "Ann", "", HOME).name == "Ann"


@pytest.mark.parametrize("typed", ["", " ", "tarozi", "tarozi-kemupo", TOKEN, "\ud800", "ﬀ" * 10_000, CODE * 20])
def test_anything_else_does_not(door: SignIn, typed: str) -> None:
    with pytest.raises(NotLetIn, match="class's code is wrong") as refused:
        door.join(typed, "Ann", "", HOME)
    assert refused.value.status == 403
    assert len(door.roster) == 0


@pytest.mark.parametrize("name", ["", "   ", "\n\t"])
def test_a_name_is_needed(door: SignIn, name: str) -> None:
    with pytest.raises(NotLetIn, match="a name is missing") as refused:
        door.join(CODE, name, "", HOME)
    assert refused.value.status == 400


def test_ten_thousand_tries_let_nobody_in_and_lock_nobody_out(door: SignIn, clock: HandSetClock) -> None:
    statuses = []
    for number in range(10_000):
        clock.now += 0.01
        with pytest.raises(NotLetIn) as refused:
            door.join(f"{number:06d}-guess", "Eve", "", HOME)
        statuses.append(refused.value.status)
    assert statuses.count(403) <= 20 + 0.2 * 100 + 1
    assert statuses.count(429) > 9_900
    # From the same address, at once: a class sits behind one router.
    ann = door.join(CODE, "Ann", "", HOME)
    assert door.come_back(door.return_code(ann.id), HOME) == ann
    door.require_instructor(TOKEN, HOME)


def test_a_return_code_is_guessed_no_more_often_than_the_class_code(door: SignIn) -> None:
    statuses = set()
    for number in range(100):
        with pytest.raises(NotLetIn) as refused:
            door.come_back(f"aaaaa-bbbbb-{number:05d}", HOME)
        statuses.add(refused.value.status)
    assert statuses == {403, 429}


def test_the_name_of_another_does_not_let_in_as_them(door: SignIn) -> None:
    ann, eve = door.join(CODE, "Ann", "form-1", HOME), door.join(CODE, "Ann", "form-2", HOME)
    assert ann.id != eve.id
    assert (ann.name, eve.name) == ("Ann", "Ann (2)")


def test_a_form_that_is_sent_twice_is_one_participant(door: SignIn, clock: HandSetClock) -> None:
    ann = door.join(CODE, "Ann", "form-1", HOME)
    assert door.join(CODE, " Ann", "form-1", HOME) == ann
    assert door.join(CODE, "An", "form-1", HOME) != ann
    clock.now += 601
    assert door.join(CODE, "Ann", "form-1", HOME) != ann


def test_a_full_class_says_so(door: SignIn) -> None:
    for number in range(50):
        door.join(CODE, f"participant {number}", "", HOME)
    with pytest.raises(NotLetIn, match="the class is full, with 50 participants"):
        door.join(CODE, "Ann", "", HOME)


@pytest.mark.parametrize("token", ["", CODE, TOKEN[:-1], TOKEN.upper(), "\ud800"])
def test_only_the_token_is_the_instructors(door: SignIn, token: str) -> None:
    with pytest.raises(NotLetIn, match="instructor's token is wrong"):
        door.require_instructor(token, HOME)


def test_a_class_without_a_code_lets_nobody_in(door: SignIn) -> None:
    door.class_code = door.instructor_token = ""
    with pytest.raises(NotLetIn):
        door.join("", "Ann", "", HOME)
    with pytest.raises(NotLetIn):
        door.require_instructor("", HOME)
