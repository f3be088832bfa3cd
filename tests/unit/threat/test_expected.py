"""The expected matrix is whole, and every cell of it that surprises has its reason."""

from __future__ import annotations

from labkit.threat.evidence import Cell, Matrix, Trial
from labkit.threat.expected import control_words, expected, reason_for, surprises, surprising, unexpected
from labkit.threat.judge import Control, Verdict
from labkit.threat.postures import POSTURES
from labkit.threat.probes import PROBES


def _cell(key: tuple[str, str, str], word: str) -> Cell:
    control = Control(word) if word in set(Control) else None
    return Cell(*key, Verdict.COULD_NOT if control else Verdict(word), control, "", {})


def _matrix() -> Matrix:
    """The expected matrix as if it had been measured, each cell with the first of what it may say."""
    cells = [_cell(key, allowed[0]) for key, allowed in expected().items()]
    return Matrix([Trial("all", "engine", "", {}, cells)])


def test_it_has_every_probe_in_every_posture_wherever_that_can_be_had() -> None:
    wanted = {
        (name, probe, where) for name, posture in POSTURES.items() for where in posture.places for probe in PROBES
    }
    assert set(expected()) == wanted


def test_it_says_nothing_but_verdicts_and_controls() -> None:
    assert {word for allowed in expected().values() for word in allowed} <= control_words()


def test_what_it_says_is_expected_and_anything_else_is_not() -> None:
    assert list(unexpected(_matrix())) == []
    key = ("app-default", "read-shadow", "engine")
    changed = Matrix([Trial("x", "engine", "", {}, [_cell(key, "could")])])
    assert [(cell.key, allowed) for cell, allowed in unexpected(changed)] == [(key, ("DAC",))]


def test_each_cell_that_surprises_has_a_reason() -> None:
    assert [cell.key for cell in surprising(_matrix().cells) if not reason_for(cell)] == []


def test_each_difference_between_the_places_has_a_reason_or_the_cause_of_a_refusal() -> None:
    unexplained = [
        there.key for here, there in _matrix().differences() if not reason_for(here) and not reason_for(there)
    ]
    assert unexplained == []


def test_each_reason_explains_a_cell() -> None:
    matrix = _matrix()
    explained = {reason_for(cell) for cell in surprising(matrix.cells)}
    explained |= {reason_for(cell) for pair in matrix.differences() for cell in pair}
    assert [surprise.why for surprise in surprises() if surprise.why not in explained] == []


def test_few_cells_may_say_more_than_one_thing() -> None:
    """What depends on the machine is named; a matrix in which all goes would hold nothing."""
    several = {probe for (_, probe, _), allowed in expected().items() if len(allowed) > 1}
    assert several == {"open-disk", "load-module", "read-kernel-log", "unshare-user"}
