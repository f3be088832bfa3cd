"""`labkit -v` and LABKIT_LOG: what the lab does outside of itself, on stderr and in its log."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from labkit.base.errors import LabFailed, Misuse
from labkit.base.log import LOG_NAME, start_logging
from labkit.cli import main
from labkit.cli.frame import reported_errors

NO_ENGINE = {"DOCKER_HOST": "tcp://127.0.0.1:9"}


def labkit(state: Path, *arguments: str, **environment: str) -> Result:
    """Run a command where no engine is, with a state of its own."""
    completed = CliRunner(env={**NO_ENGINE, "LABKIT_STATE": str(state), **environment}).invoke(main, arguments)
    assert completed.exception is None or isinstance(completed.exception, SystemExit), completed.exc_info
    return completed


@pytest.mark.parametrize(("arguments", "variable"), [(["-v"], ""), (["--verbose"], ""), ([], "debug")])
def test_a_request_is_shown_on_stderr_and_json_stays_alone(tmp_path: Path, arguments: list[str], variable: str) -> None:
    completed = labkit(tmp_path, *arguments, "status", "--json", LABKIT_LOG=variable)
    assert json.loads(completed.stdout)["engine"]["reachable"] is False
    assert re.fullmatch(r"engine: GET /version  # ConnectionError, \d+\.\d{3} s\n", completed.stderr)


def test_a_command_is_shown_as_one_types_it(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "kind"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho kind v0.1.0; exit 7\n", encoding="utf-8")
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    completed = labkit(tmp_path, "-v", "doctor", LABKIT_CACHE=str(tmp_path / "cache"), PATH=path)
    assert re.search(rf"^\$ {program} version  # exit status 7, \d+\.\d{{3}} s$", completed.stderr, re.MULTILINE)


def test_without_being_asked_it_is_kept_and_not_shown(tmp_path: Path) -> None:
    completed = labkit(tmp_path / "state", "status", "--json")
    assert completed.stderr == ""
    log = tmp_path / "state" / LOG_NAME
    assert "engine: GET /version  # ConnectionError" in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o777 == 0o600


def test_explain_shows_what_it_asks_the_engine_and_makes_no_folder(tmp_path: Path) -> None:
    manifest = tmp_path / "pod.yaml"
    manifest.write_text("kind: Pod\nspec: {containers: [{name: a, image: localhost/b}]}")
    completed = labkit(tmp_path / "state", "-v", "explain", "--online", "-f", str(manifest))
    assert "engine: GET /version  # ConnectionError" in completed.stderr
    labkit(tmp_path / "other", "explain", "-f", str(manifest))
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("has_lab", [True, False])
def test_explain_keeps_it_where_there_is_a_lab(tmp_path: Path, has_lab: bool) -> None:
    if has_lab:
        (tmp_path / "state").mkdir()
    labkit(tmp_path / "state", "explain", "--online", "localhost/alpine")
    assert (tmp_path / "state" / LOG_NAME).exists() == has_lab


def test_a_state_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    completed = labkit(tmp_path / "file" / "state", "-v", "status", "--json")
    assert (completed.exit_code, json.loads(completed.stdout)["state"]) == (0, "absent")
    assert completed.stderr.count("\n") == 1


def test_cleaning_what_is_not_there_makes_no_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Where the machine keeps its temporary folders a killed run may have left one, which clean takes along.
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    completed = labkit(tmp_path / "state", "clean", "--yes", "--json", LABKIT_CACHE=str(tmp_path / "cache"))
    assert completed.exit_code == 0, completed.stderr
    assert json.loads(completed.stdout)["removed"] == []
    assert not (tmp_path / "state").exists()


def test_a_log_is_of_the_lab_whose_name_is_no_name(tmp_path: Path) -> None:
    labkit(tmp_path / "state", "lessons", "--json", LABKIT_NAME="NO NAME")


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (LabFailed("Trying", "it broke", "try again"), "LabFailed: Trying: it broke"),
        (ZeroDivisionError("divided"), 'raise error\nZeroDivisionError: divided'),
        (Misuse("Reading", "it is wrong", "fix it"), None),
    ],
)  # fmt: skip
def test_an_error_is_kept(tmp_path: Path, error: Exception, kept: str | None) -> None:
    start_logging(tmp_path)
    with pytest.raises((SystemExit, ZeroDivisionError)), reported_errors():
        raise error
    file = tmp_path / LOG_NAME
    assert file.exists() == (kept is not None)
    if kept:
        assert kept in file.read_text(encoding="utf-8")
