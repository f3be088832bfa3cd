"""What the doctor found, as a notebook and a terminal show it."""

from __future__ import annotations

from labkit.lab.doctor import doctor_report, doctor_table
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


def test_the_report_fits_a_terminal_and_its_commands_stay_whole() -> None:
    command = f"  printf '{'x' * 90}' | tee /etc/sysctl.d/99-labkit.conf"
    summary = " ".join(["many"] * 30)
    findings = [
        warning("inotify limits", summary, f"{summary}\n{command}"),
        ok("disk", "1 GB"),
    ]
    lines = doctor_report(findings, 80).splitlines()
    assert [line for line in lines if len(line) > 80] == [f"{'':14}{command}"]
    assert lines[0].startswith("warning       inotify limits: many")
    assert doctor_report(findings).splitlines()[0] == f"warning       inotify limits: {summary}"
