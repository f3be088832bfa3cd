"""Reading the probe program's lines, and what becomes of them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.threat.evidence import (
    Cell,
    Matrix,
    ProbeOutput,
    Trial,
    Tried,
    UnexpectedVerdict,
    judged,
    read_output,
)
from labkit.threat.judge import Control, ProbeFacts, Verdict

_FACTS: ProbeFacts = {"uid": 1654, "cap_effective": "0", "cap_bounding": "0"}


def _cell(word: str = "DAC", where: str = "engine", probe: str = "read-shadow") -> Cell:
    control = Control(word) if word in set(Control) else None
    verdict = Verdict.COULD_NOT if control else Verdict(word)
    return Cell("app-default", probe, where, verdict, control, "because", {"call": "open()", "errno": "EACCES"})


def test_lines_are_read_whatever_stands_between_them() -> None:
    lines = [
        "a warning of the kernel",
        json.dumps(_FACTS),
        '{"probe": "mount", "errno": "EPERM"}',
        "[1]",
        "[" * 100_000,
        '{"probe": "mount", "errno": "half \\ud83d of a pair"}',
        '{"probe": 7}',
        '{"pro',
        '{"end": true}',
    ]
    output = read_output("\n".join(lines))
    assert output == ProbeOutput(_FACTS, {"mount": {"probe": "mount", "errno": "EPERM"}}, True)


@given(st.text())
def test_nothing_breaks_the_reader(text: str) -> None:
    assert isinstance(read_output(text), ProbeOutput)


def test_a_probe_without_an_answer_is_unknown_with_how_it_ended() -> None:
    (cell,) = judged("app-default", "engine", ProbeOutput(_FACTS, {}, False), ["mount"], "it was killed", {})
    assert (cell.verdict, cell.control) == (Verdict.UNKNOWN, None)
    assert "it was killed" in cell.reason


@pytest.mark.parametrize(("outside", "verdict"), [(True, "could"), (None, "could"), (False, "unknown")])
def test_a_mark_that_nobody_sees_is_not_believed(outside: bool | None, verdict: str) -> None:
    output = ProbeOutput(_FACTS, {"mark-node": {"done": True}}, True)
    (cell,) = judged("root-hostpath", "cluster", output, ["mark-node"], "", {"mark-node": outside})
    assert str(cell.verdict) == verdict
    assert cell.evidence["outside"] is outside


def test_a_container_cannot_say_itself_that_its_mark_was_seen() -> None:
    output = read_output('{"probe": "mark-node", "done": true, "outside": true}\n{"probe": "mount", "outside": []}')
    cells = judged("root-hostpath", "cluster", output, ["mark-node", "mount"], "", {"mark-node": None})
    assert [cell.evidence.get("outside", "not asked") for cell in cells] == [None, "not asked"]


def test_engine_and_cluster_are_compared_and_not_averaged() -> None:
    trials = [
        Trial("app-default", "engine", "", {}, [_cell("seccomp"), _cell("DAC", probe="mount")]),
        Trial("app-default", "cluster", "", {}, [_cell("could", "cluster"), _cell("DAC", "cluster", "mount")]),
    ]
    ((here, there),) = Matrix(trials).differences()
    assert (here.full_verdict, there.full_verdict) == ("could not: seccomp", "could")


def test_as_csv_it_has_a_line_for_each_cell() -> None:
    lines = list(csv.DictReader(io.StringIO(Matrix([Trial("app-default", "engine", "", {}, [_cell()])]).to_csv())))
    assert len(lines) == 1
    assert (lines[0]["control"], lines[0]["errno"], lines[0]["outside"]) == ("DAC", "EACCES", "")


def test_as_json_it_has_postures_probes_and_cells() -> None:
    told = Matrix([Trial("app-default", "engine", "docker run x", _FACTS, [_cell()])], {"date": "today"}).to_dict()
    assert [record["name"] for record in told["postures"]] == ["app-default"]
    assert [record["name"] for record in told["probes"]] == ["read-shadow"]
    assert {"posture", "probe", "where", "verdict", "control", "evidence"} <= set(told["cells"][0])
    json.dumps(told)


@pytest.mark.parametrize("word", ["could", "unknown", "DAC", "absent"])
def test_a_cell_survives_json(word: str) -> None:
    cell = _cell(word)
    assert Cell.from_dict(json.loads(json.dumps(cell.to_dict()))) == cell


def test_a_cell_of_an_older_worksheet_is_read() -> None:
    assert Cell.from_dict({**_cell("absent").to_dict(), "control": "absent tool"}) == _cell("absent")


@pytest.mark.parametrize(
    "wrong",
    [{"verdict": "maybe"}, {"control": "luck"}, {"where": "moon"}, {"verdict": "could"}, {"control": None}],
    ids=str,
)
def test_a_cell_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Cell.from_dict({**_cell().to_dict(), **wrong})


def test_what_was_tried_is_looked_at_and_expected() -> None:
    tried = Tried("docker run x", [_cell(), _cell("could", probe="mount")])
    assert tried.expect("DAC", "could") is tried
    assert tried["mount"].verdict is Verdict.COULD
    assert "docker run x" in str(tried)
    with pytest.raises(UnexpectedVerdict, match="could not: DAC"):
        tried.expect("could", "could")
