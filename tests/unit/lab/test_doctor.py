"""What the doctor found, as a notebook shows it."""

from __future__ import annotations

from labkit.lab.doctor import doctor_table
from labkit.lab.machine.machine_check import ok, warning

FINDINGS = [ok("engine", "Docker 26.1.5"), warning("memory", "2 GiB are free", "close what you do not need")]


def test_every_finding_has_a_row_unless_only_what_is_not_ok_is_wanted() -> None:
    table = doctor_table(FINDINGS)
    assert [[row[0] for row in rows] for rows in (table.rows, table.folded)] == [["memory"], ["engine"]]
    assert "engine" in table.text()
    assert [row[0] for row in doctor_table(FINDINGS, with_ok=False).rows] == ["memory"]


def test_the_note_counts_all_findings_in_any_case() -> None:
    assert doctor_table(FINDINGS, with_ok=False).note == doctor_table(FINDINGS).note
    assert str(doctor_table(FINDINGS[:1], with_ok=False)) == "1 check: 0 problems, 0 warnings"
