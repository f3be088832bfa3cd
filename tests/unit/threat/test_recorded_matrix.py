"""On a shared cluster the matrix is a lab's, with the day on which it was measured; nothing is tried."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labkit.base.configuration import Configuration, Sandbox
from labkit.base.errors import Misuse, NotInAClass
from labkit.lab.lab import Lab
from labkit.show.steps import Silent
from labkit.threat import recorded_matrix
from labkit.threat.evidence import Matrix
from labkit.threat.matrix_tables import made_line
from labkit.threat.measure import measure
from labkit.threat.postures import POSTURES
from labkit.threat.probes import PROBES
from labkit.threat.recorded_matrix import MATRIX_FILE, NOT_HERE, read_matrix


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A participant's, whose cluster and engine nobody may ask."""
    configuration = Configuration("p", tmp_path / "s", tmp_path / "c", tmp_path / "d", sandbox=Sandbox("ns"))
    return Lab(configuration, Silent())


def test_all_of_it_was_recorded(lab: Lab) -> None:
    matrix = measure(lab)
    assert {trial.posture for trial in matrix.trials} == set(POSTURES)
    assert {cell.probe for cell in matrix.cells} == set(PROBES)


def test_a_part_of_it_is_given_in_the_order_asked(lab: Lab) -> None:
    matrix = measure(lab, ["root-hostpath", "app-privileged"], ["setuid-helper", "mark-node"], "cluster")
    assert [(cell.posture, cell.probe, cell.where) for cell in matrix.cells] == [
        ("root-hostpath", "setuid-helper", "cluster"),
        ("root-hostpath", "mark-node", "cluster"),
        ("app-privileged", "setuid-helper", "cluster"),
        ("app-privileged", "mark-node", "cluster"),
    ]


def test_a_posture_that_was_not_recorded_says_so(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_matrix, "_recorded", lambda: Matrix([]))
    with pytest.raises(NotInAClass, match="was not recorded in a lab"):
        measure(lab, ["app-default"])


def test_it_says_that_it_was_not_measured_here_and_when(lab: Lab) -> None:
    made = measure(lab, ["app-default"], ["mount"]).made
    day = json.loads(MATRIX_FILE.read_text(encoding="utf-8"))["made"]["date"][:10]
    assert made[NOT_HERE] == day
    assert made_line(made).startswith(f"not on a shared cluster: recorded in a lab {day}")


def test_what_there_is_not_is_refused_as_ever(lab: Lab) -> None:
    with pytest.raises(Misuse):
        measure(lab, ["no-such-posture"])


def test_a_matrix_comes_back_from_its_json() -> None:
    record = json.loads(MATRIX_FILE.read_text(encoding="utf-8"))
    assert read_matrix(record).to_dict()["cells"] == record["cells"]
