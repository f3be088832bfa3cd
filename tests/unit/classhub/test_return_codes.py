"""The return code is its owner's alone, and can be typed from a sheet of paper."""

from __future__ import annotations

import pytest

from classhub.return_codes import participant_of, return_code

KEY = b"k" * 32


@pytest.mark.parametrize("participant", ["p-000000", "p-00002a", "p-3fa2c1", "p-ffffff"])
def test_a_code_leads_back_to_its_owner(participant: str) -> None:
    code = return_code(KEY, participant)
    assert [len(group) for group in code.split("-")] == [5, 5, 5]
    for typed in (code, code.upper(), code.replace("-", ""), f"  {code.replace('-', ' ')} "):
        assert participant_of(KEY, typed) == participant


def test_every_change_of_a_character_leads_nowhere() -> None:
    code = return_code(KEY, "p-3fa2c1")
    for place, character in enumerate(code):
        if character != "-":
            other = "b" if character == "a" else "a"
            assert participant_of(KEY, code[:place] + other + code[place + 1 :]) is None


def test_a_code_is_good_for_its_class_alone() -> None:
    assert participant_of(b"another" * 5, return_code(KEY, "p-3fa2c1")) is None


def test_neighbours_have_codes_that_do_not_look_alike() -> None:
    first, second = return_code(KEY, "p-000001"), return_code(KEY, "p-000002")
    assert sum(a == b for a, b in zip(first, second, strict=True) if a != "-") < 6


@pytest.mark.parametrize(
    "typed",
    ["", " ", "-", "k7fq2", "k7fq2-9xwhm-3tbz1", "0" * 15, "z" * 15, "a" * 10_000, "ß" * 15, "\u202e" * 15, "p-3fa2c1"],
)
def test_what_is_no_code_leads_nowhere(typed: str) -> None:
    assert participant_of(KEY, typed) is None


def test_there_is_no_code_for_what_is_no_participant() -> None:
    with pytest.raises(ValueError, match="instructor"):
        return_code(KEY, "instructor")
