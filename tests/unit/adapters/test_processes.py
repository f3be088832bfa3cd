"""A program that is run to its end is recorded, and says what was wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from labkit.adapters import processes
from labkit.base.errors import LabFailed, MachineLacks
from tests.unit.adapters.conftest import outcomes

PYTHON = sys.executable


def python(script: str) -> list[str]:
    """A command that runs a script."""
    return [PYTHON, "-c", script]


def test_what_ran_is_recorded_as_one_types_it(records: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    completed = processes.run(python("import sys; print('seen'); sys.exit(3)"), folder=tmp_path)
    assert (completed.stdout, completed.returncode) == ("seen\n", 3)
    assert outcomes(records) == [
        f"$ (cd {tmp_path} && {PYTHON} -c 'import sys; print('\"'\"'seen'\"'\"'); sys.exit(3)')  # exit status 3"
    ]


def test_a_program_that_there_is_not(records: pytest.LogCaptureFixture) -> None:
    with pytest.raises(MachineLacks, match="there is no program 'no-such-program'"):
        processes.run_program(["no-such-program"], doing="Trying", remedy="install it")
    assert outcomes(records) == ["$ no-such-program  # FileNotFoundError"]
    assert processes.first_output(["no-such-program"]) is None


def test_a_program_that_fails(records: pytest.LogCaptureFixture) -> None:
    with pytest.raises(LabFailed, match="Trying: it broke"):
        processes.run_program(python("raise SystemExit('it broke')"), doing="Trying", remedy="try again")


def test_a_program_that_hangs_is_ended(records: pytest.LogCaptureFixture) -> None:
    with pytest.raises(LabFailed, match="had not ended after 0 s"):
        processes.run_program(python("import signal; signal.pause()"), doing="Trying", remedy="", deadline=0.2)
    assert outcomes(records)[0].endswith("# TimeoutExpired")


def test_lines_are_shown_as_they_come(records: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    shown: list[str] = []
    status, lines = processes.run_showing(
        python("import sys; print('a', flush=True); print('b', file=sys.stderr); sys.exit(2)"), tmp_path, shown.append
    )
    assert status == 2
    assert lines == shown == ["a", "b"]
    assert outcomes(records)[0].endswith("# exit status 2")


@pytest.mark.parametrize(
    ("producer", "consumer", "problem"),
    [
        ("print('a')", "import sys; assert sys.stdin.read() == 'a\\n'", None),
        ("raise SystemExit('no source')", "import sys; sys.stdin.read()", "no source"),
        ("print('a')", "raise SystemExit('no target')", "no target"),
    ],
)
def test_a_pipe_says_which_end_failed(
    records: pytest.LogCaptureFixture, producer: str, consumer: str, problem: str | None
) -> None:
    came_back = processes.run_piped(python(producer), python(consumer))
    assert came_back is None if problem is None else problem in (came_back or "")
    assert " | " in outcomes(records)[0]
    assert outcomes(records)[0].endswith("# exit status 0") == (problem is None)


def test_the_environment_is_not_recorded(records: pytest.LogCaptureFixture) -> None:
    completed = processes.run(
        python("import os; print(os.environ['A_VARIABLE'])"), environment={"A_VARIABLE": "kept to itself"}
    )
    assert completed.stdout == "kept to itself\n"
    assert "kept to itself" not in records.text
