"""The log: what is recorded, where it is shown, and that it never stops anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.base import log
from labkit.base.errors import log_error


def record_command() -> None:
    """A command of which something is told."""
    with log.logged_command(log.command_line(["kind", "get", "clusters"])) as attempt:
        attempt.status = 0


def test_a_command_and_a_request_are_kept_in_the_file_and_shown_to_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.start_logging(tmp_path / "state")
    record_command()
    with log.logged_request("engine", "GET", "/info") as attempt:
        attempt.status = 200
    lines = (tmp_path / "state" / log.LOG_NAME).read_text(encoding="utf-8").splitlines()
    assert [line.split(" ", 3)[3].rpartition(",")[0] for line in lines[1:]] == [
        "$ kind get clusters  # exit status 0",
        "engine: GET /info  # 200",
    ]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("verbose", "variable"), [(True, ""), (False, "debug"), (False, "DEBUG")])
def test_whoever_asks_sees_it_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verbose: bool, variable: str
) -> None:
    monkeypatch.setenv(log.LOG_VARIABLE, variable)
    log.start_logging(tmp_path, verbose=verbose)
    record_command()
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert stderr.startswith("$ kind get clusters  # exit status 0, 0.0")


def test_a_level_that_is_not_known_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(log.LOG_VARIABLE, "verbose")
    log.start_logging(tmp_path)
    record_command()
    assert capsys.readouterr().err == "LABKIT_LOG=verbose is not known: use LABKIT_LOG=debug\n"


def test_the_first_line_says_which_program_this_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["labkit", "lab", "--ServerApp.token=abc"])
    log.start_logging(tmp_path)
    record_command()
    assert "this is labkit lab '--ServerApp.token=***'" in (tmp_path / log.LOG_NAME).read_text(encoding="utf-8")


def test_nothing_is_made_before_there_is_something_to_record(tmp_path: Path) -> None:
    log.start_logging(tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_what_came_of_a_failure_is_recorded(tmp_path: Path) -> None:
    log.start_logging(tmp_path)
    with pytest.raises(ConnectionError), log.logged_request("kubernetes", "GET", "/api"):
        raise ConnectionError
    log_error(ValueError("no password=abc"), traceback=True)
    text = (tmp_path / log.LOG_NAME).read_text(encoding="utf-8")
    assert "kubernetes: GET /api  # ConnectionError, 0." in text
    assert "ValueError: no password=***" in text


def test_an_error_is_not_shown_a_second_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.start_logging(tmp_path, verbose=True)
    log_error(ValueError("seen already"))
    assert capsys.readouterr().err == ""


def test_before_it_is_started_nothing_is_printed() -> None:
    program = (
        "from labkit.base import log; from labkit.base.errors import log_error; log_error(ValueError('seen already'))"
    )
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (completed.stdout, completed.stderr) == ("", "")


def test_after_it_is_stopped_nothing_is_printed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from labkit.base import log; from labkit.base.errors import log_error; "
        "log.start_logging(Path(sys.argv[1])); log.stop_log_file(); log_error(ValueError('seen already'))"
    )
    argv = [sys.executable, "-c", program, str(tmp_path / "state")]
    completed = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert (completed.stdout, completed.stderr) == ("", "")
    assert not (tmp_path / "state").exists()


def test_a_folder_is_typed_with_the_command() -> None:
    assert log.command_line(["go", "build"], Path("/a b")) == "(cd '/a b' && go build)"


def test_only_its_owner_reads_it_before_and_after_it_is_rotated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_FILE_BYTES", 2000)
    umask = os.umask(0o022)
    try:
        log.start_logging(tmp_path / "state")
        for _ in range(100):
            record_command()
    finally:
        os.umask(umask)
    files = log.log_files(tmp_path / "state")
    assert [file.name for file in files] == ["labkit.log.2", "labkit.log.1", "labkit.log"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert all(file.stat().st_size <= 2000 for file in files)


def test_a_file_that_another_process_rotated_is_written_no_more(tmp_path: Path) -> None:
    log.start_logging(tmp_path)
    record_command()
    file = tmp_path / log.LOG_NAME
    rotated = file.rename(tmp_path / f"{log.LOG_NAME}.1")
    before = rotated.read_text(encoding="utf-8")
    record_command()
    assert rotated.read_text(encoding="utf-8") == before
    assert "kind get clusters" in file.read_text(encoding="utf-8")


def test_a_folder_that_was_removed_is_not_made_again(tmp_path: Path) -> None:
    log.start_logging(tmp_path / "state")
    record_command()
    (tmp_path / "state" / log.LOG_NAME).unlink()
    (tmp_path / "state").rmdir()
    record_command()
    assert not (tmp_path / "state").exists()


def test_a_log_that_is_stopped_makes_nothing_and_still_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.start_logging(tmp_path / "state", verbose=True)
    log.stop_log_file()
    record_command()
    assert not (tmp_path / "state").exists()
    assert "kind get clusters" in capsys.readouterr().err


def test_a_second_start_takes_the_place_of_the_first(tmp_path: Path) -> None:
    log.start_logging(tmp_path / "a")
    log.start_logging(tmp_path / "b")
    record_command()
    assert not (tmp_path / "a").exists()
    assert len((tmp_path / "b" / log.LOG_NAME).read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize("place", ["a file/state", "a folder"])
def test_a_log_that_cannot_be_made_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (tmp_path / "a file").write_text("", encoding="utf-8")
    (tmp_path / "a folder" / log.LOG_NAME).mkdir(parents=True)
    log.start_logging(tmp_path / place)
    record_command()
    record_command()
    assert capsys.readouterr() == ("", "")


FULL = """
import resource, signal, sys
from pathlib import Path
from labkit.base import log

folder = Path(sys.argv[1])
log.start_logging(folder, verbose=True)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
for number in range(20):
    with log.logged_command(f"run {number}") as attempt:
        attempt.status = 0
print("done")
"""


def test_a_disk_that_fills_stops_nothing(tmp_path: Path) -> None:
    completed = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (completed.returncode, completed.stdout) == (0, "done\n")
    assert [line.partition("  #")[0] for line in completed.stderr.splitlines()] == [f"$ run {n}" for n in range(20)]
    assert (tmp_path / log.LOG_NAME).stat().st_size <= 300
