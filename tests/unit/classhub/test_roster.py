"""Names as they come, two of one name, and a file that was damaged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from classhub.roster import ClassFull, Roster


def _ids() -> Iterator[str]:
    yield from (f"p-{number:06x}" for number in (1, 1, 2, 3, 4, 5))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "roster.json"


def _roster(file: Path, **options: object) -> Roster:
    return Roster(file, _ids().__next__, **options)  # type: ignore[arg-type]


def test_of_two_with_one_name_the_second_is_somebody_else(file: Path) -> None:
    roster = _roster(file)
    ann, other, third = roster.add("Ann Lee"), roster.add(" ann lee "), roster.add("Ann Lee (2)")
    assert [ann.name, other.name, third.name] == ["Ann Lee", "ann lee (2)", "Ann Lee (2) (2)"]
    assert len({ann.id, other.id, third.id}) == 3


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("  Ann\n", "Ann"),
        ("李小龙", "李小龙"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("a\u202eb", "a?b"),
        ("a\x00\x1b[31mb", "a??[31mb"),
        ("\ud800", "?"),
        ("x" * 10_000, "x" * 79 + "…"),
        ("../../etc", "../../etc"),
        ("instructor", "instructor"),
    ],
)
def test_a_name_is_shown_on_one_line_and_names_nothing_else(file: Path, typed: str, shown: str) -> None:
    member = _roster(file).add(typed)
    assert (member.id, member.name) == ("p-000001", shown)
    assert _roster(file).get("p-000001") == member


def test_who_was_there_is_there_after_a_restart(file: Path) -> None:
    before = _roster(file)
    members = [before.add("Ann"), before.add("Bo")]
    after = _roster(file)
    assert [after.get(member.id) for member in members] == members
    assert after.add("Cy").id not in {member.id for member in members}


@pytest.mark.parametrize("content", ["", "[{", '[{"id": 1}]', "null", '{"a": 1}', "\x00"])
def test_a_damaged_file_is_put_aside_and_ids_come_back_with_their_owners(file: Path, content: str) -> None:
    file.write_text(content)
    roster = _roster(file)
    assert len(roster) == 0
    assert file.with_suffix(".damaged").read_text() == content
    assert roster.restore("p-3fa2c1").id == "p-3fa2c1"
    assert roster.restore("p-3fa2c1") is roster.restore("p-3fa2c1")


def test_a_full_class_takes_nobody_in(file: Path) -> None:
    roster = _roster(file, most=1)
    ann = roster.add("Ann")
    with pytest.raises(ClassFull):
        roster.add("Bo")
    assert roster.restore(ann.id) == ann


def test_where_places_are_prepared_there_are_no_others(file: Path) -> None:
    roster = _roster(file, prepared=("p-aaaaaa", "p-bbbbbb"))
    assert [roster.add("Ann").id, roster.add("Ann").id] == ["p-aaaaaa", "p-bbbbbb"]
    with pytest.raises(ClassFull):
        roster.add("Ann")


def test_an_account_of_another_authenticator_is_one_participant(file: Path) -> None:
    roster = _roster(file)
    ann = roster.of_account("ann@example.org")
    assert roster.of_account("ann@example.org") == ann
    assert roster.of_account("bo@example.org") != ann
