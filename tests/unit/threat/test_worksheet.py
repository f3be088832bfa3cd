"""The worksheet: kept whole, read with care, tried again."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labkit.base.errors import LabFailed, Misuse
from labkit.threat.evidence import Cell, Matrix, Trial
from labkit.threat.judge import Control, Verdict
from labkit.threat.postures import POSTURES
from labkit.threat.worksheet import Worksheet, read_worksheet
from labkit.threat.worksheet_pages import export_worksheet, rechecks_table, to_html, to_markdown, worksheet_table
from tests.examples import share_of


def _cell(control: Control | None = Control.DAC, where: str = "engine", posture: str = "app-default") -> Cell:
    verdict = Verdict.COULD_NOT if control else Verdict.COULD
    return Cell(posture, "read-shadow", where, verdict, control, "EACCES", {"call": "open()", "errno": "EACCES"})


def _measure(*cells: Cell) -> Any:
    def again(postures: Sequence[str], probes: Sequence[str], where: str) -> Matrix:
        return Matrix([Trial(posture, where, "", {}, cells) for posture in postures])

    return again


def test_rows_are_there_again(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "sheet.json"
    sheet = Worksheet.open(path).add(_cell(), note="mine").add(_cell(where="cluster"), threat="theirs")
    assert list(Worksheet.open(path)) == list(sheet)
    assert [row.threat for row in sheet][1] == "theirs"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_row_is_replaced_and_removed(tmp_path: Path) -> None:
    sheet = Worksheet.open(tmp_path / "s.json").add(_cell()).add(_cell(None), note="now it could")
    assert [(row.cell.full_verdict, row.note) for row in sheet] == [("could", "now it could")]
    assert len(sheet.remove("app-default", "read-shadow", "engine")) == 0
    assert len(read_worksheet(tmp_path / "s.json")) == 0


@given(note=st.text(), threat=st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=share_of(50))
def test_any_words_survive_and_stay_words(tmp_path: Path, note: str, threat: str) -> None:
    sheet = Worksheet(tmp_path / "s.json").add(_cell(), note=note, threat=threat)
    assert list(Worksheet.open(sheet.path)) == list(sheet)
    rows = [line for line in to_markdown(sheet).splitlines() if line.startswith("| ")]
    assert len(rows) == 3
    assert rows[2].replace("\\|", "").count("|") == 7


def test_half_of_a_surrogate_pair_does_not_cost_the_worksheet(tmp_path: Path) -> None:
    sheet = Worksheet(tmp_path / "s.json").add(_cell(), note="half \ud83d of one")
    assert [row.note for row in Worksheet.open(sheet.path)] == ["half ? of one"]


def test_what_a_container_printed_is_no_markup(tmp_path: Path) -> None:
    sheet = Worksheet(tmp_path / "s.json").add(_cell(), note="<script>alert(1)</script> | `x`")
    assert "<script>" not in to_markdown(sheet)
    page = to_html(sheet)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "data:image/png;base64," in page
    assert not any(word in page for word in ("http://", "https://", 'src="/', "<link"))


def test_it_is_exported_as_two_files(tmp_path: Path) -> None:
    sheet = Worksheet(tmp_path / "s.json").add(_cell())
    files = export_worksheet(sheet, tmp_path / "out")
    assert [path.name for path in files] == ["worksheet.md", "worksheet.html"]
    assert all(path.stat().st_size > 200 for path in files)


def test_an_empty_one_is_shown_and_exported(tmp_path: Path) -> None:
    sheet = Worksheet.open(tmp_path / "s.json")
    assert "no rows yet" in str(worksheet_table(sheet))
    assert "<table>" not in to_html(sheet)


def test_a_row_names_its_posture_and_says_nothing_twice(tmp_path: Path) -> None:
    (row,) = worksheet_table(Worksheet(tmp_path / "s.json").add(_cell(), note="mine")).rows
    assert row[0] == "Read /etc/shadow\napp-default\non the engine"
    assert row[1] == "could not: DAC (EACCES)\nopen()"
    assert row[3] == "mine"


def test_a_notebook_shows_a_windowful_and_folds_the_others(tmp_path: Path) -> None:
    sheet = Worksheet(tmp_path / "s.json")
    for posture in list(POSTURES)[:8]:
        sheet.add(_cell(posture=posture))
    table = worksheet_table(sheet)
    assert (len(table.rows), len(table.folded), table.fold) == (6, 2, "the other 2 rows")
    assert table.note.startswith("8 rows in ")
    assert all(posture in str(table) for posture in list(POSTURES)[:8])


def test_its_place_is_shown_as_one_types_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = Worksheet.open(tmp_path / "home" / "data" / "worksheet.json")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert str(sheet) == "worksheet of 0 rows, kept in ~/data/worksheet.json"
    assert "~/data/worksheet.json" in worksheet_table(sheet).note
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    assert str(sheet.path) in str(sheet)


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = Worksheet(tmp_path / "s.json").add(_cell())
    before = sheet.path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LabFailed, match="No space left"):
        sheet.add(_cell(where="cluster"))
    assert sheet.path.read_bytes() == before
    assert len(sheet) == 1


def _edited(tmp_path: Path, **changes: Any) -> Path:
    sheet = Worksheet(tmp_path / "s.json").add(_cell())
    document = json.loads(sheet.path.read_text(encoding="utf-8"))
    document["rows"][0].update(changes)
    sheet.path.write_text(json.dumps(document), encoding="utf-8")
    return sheet.path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"posture": "app-defualt"}, "row 1.*did you mean app-default"),
        ({"probe": "read-shadows"}, "did you mean read-shadow"),
        ({"verdict": "maybe"}, "maybe"),
        ({"control": None}, "makes no sense"),
        ({"control": "luck"}, "luck"),
        ({"where": "moon"}, "moon"),
        ({"note": 7}, r"Expected.*str.*got.*int.*note"),
        ({"evidence": []}, r"Expected.*object.*got.*array.*evidence"),
        ({"posture": "root-userns"}, "the engine has no posture root-userns"),
        ({"posture": ["x"]}, r"Expected.*str.*got.*array.*posture"),
    ],
    ids=str,
)
def test_a_row_edited_by_hand_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Misuse) as error:
        read_worksheet(_edited(tmp_path, **changes))
    assert "row 1" in str(error.value)
    assert error.match("(?s)" + message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a worksheet"),
        ('{"format": "other"}', "not a worksheet"),
        ('{"format": "labkit-worksheet", "version": 2, "rows": []}', "version 2"),
        ('{"format": "labkit-worksheet", "version": 1}', "no list of rows"),
        ('{"format": "labkit-worksheet", "version": 1, "rows": [7]}', "row 1"),
        ('{"format": "labkit-worksheet", "version": 1, "rows": [{}]}', "missing required field .threat"),
        ('{"format": "labkit-worksheet", "version": "1", "rows": []}', "not a worksheet"),
        ("[" * 100_000, "not JSON"),
        ("\x00\x01", "not JSON"),
        (" " * 10_000_001, "larger than 10 MB"),
    ],
    ids=["empty", "torn", "list", "other", "newer", "rowless", "number", "bare", "quoted", "deep", "binary", "large"],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Misuse, match=message):
        read_worksheet(path)


def test_a_file_that_is_not_there_a_folder_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="no such file"):
        read_worksheet(tmp_path / "none.json")
    with pytest.raises(LabFailed, match="directory"):
        read_worksheet(tmp_path)
    (tmp_path / "latin").write_bytes(b"\xff\xfe{")
    with pytest.raises(Misuse, match="not JSON"):
        read_worksheet(tmp_path / "latin")


def test_the_same_row_twice(tmp_path: Path) -> None:
    path = _edited(tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**document, "rows": document["rows"] * 2}), encoding="utf-8")
    with pytest.raises(Misuse, match="row 2"):
        read_worksheet(path)


def test_rows_are_tried_again(tmp_path: Path) -> None:
    sheet = Worksheet(tmp_path / "s.json").add(_cell(), _cell(where="cluster"))
    held, changed = sheet.recheck(_measure(_cell(), _cell(None, "cluster")))
    assert (held.holds, changed.holds) == (True, False)
    table = str(rechecks_table([held, changed]))
    assert "1 of 2 rows hold" in table
    assert "holds no more" in table


def test_a_cluster_that_is_down_does_not_hide_the_engine(tmp_path: Path) -> None:
    sheet = Worksheet(tmp_path / "s.json").add(_cell(), _cell(where="cluster"))

    def again(postures: Sequence[str], probes: Sequence[str], where: str) -> Matrix:
        if where == "cluster":
            raise LabFailed("Looking for the cluster", "it is stopped", "labkit up")
        return Matrix([Trial("app-default", where, "", {}, [_cell()])])

    on_engine, on_cluster = sheet.recheck(again)
    assert (on_engine.holds, on_cluster.holds, on_cluster.why_not) == (True, None, "it is stopped")
