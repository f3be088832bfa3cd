"""Shell cells: what a command prints is seen, its exit status too, and nothing waits or floods without an end."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from IPython.core.interactiveshell import InteractiveShell

from labkit.base.waiting import watch
from labkit.notebook.interrupts import Interrupted
from labkit.notebook.kernel import load_ipython_extension
from labkit.notebook.shell_cells import CommandFailed, install_shell_cells, python_in, run_shell_cell


def test_both_streams_are_seen_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    run_shell_cell("echo a; echo b >&2; echo ä", may_fail=False)
    assert capsys.readouterr().out == "a\nb\nä\n"


@pytest.mark.parametrize(
    ("cell", "status", "message"),
    [
        ("dcoker ps", 127, "dcoker: command not found"),
        ('echo "half', 2, "unexpected EOF"),
        ("exit 3", 3, ""),
        ("kill -9 $$", 137, ""),
        ("false | true; false", 1, ""),
    ],
)
def test_a_command_that_fails_fails_the_cell(
    capsys: pytest.CaptureFixture[str], cell: str, status: int, message: str
) -> None:
    with pytest.raises(CommandFailed) as failed:
        run_shell_cell(cell, may_fail=False)
    assert failed.value.status == status
    (line,) = failed.value._render_traceback_()
    assert f"exit status {status}" in line
    run_shell_cell(cell, may_fail=True)
    printed = capsys.readouterr().out
    assert message in printed
    assert printed.splitlines()[-1] == f"exit status {status}"


def test_a_command_that_reads_gets_nothing_and_does_not_wait(capsys: pytest.CaptureFixture[str]) -> None:
    run_shell_cell('cat; read answer; echo "[$answer]"; echo the next line', may_fail=False)
    assert capsys.readouterr().out == "[]\nthe next line\n"


def test_a_command_that_floods_is_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandFailed) as failed:
        run_shell_cell("yes | cat; echo never", may_fail=False, most=1000)
    assert failed.value.status == 143
    printed = capsys.readouterr().out
    assert printed.startswith("y\ny\n") and "ended here, after 1000 characters" in printed
    assert len(printed) < 1200 and "never" not in printed


@pytest.mark.usefixtures("heard_interrupts")
@pytest.mark.parametrize("is_early", [False, True], ids=["while it runs", "while it is being started"])
def test_a_cell_that_is_interrupted_ends_with_all_that_it_has_started(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_early: bool
) -> None:
    if is_early:

        def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(*arguments, **options)
            watch((tmp_path / "asked").exists, bool, 10.0)
            return process

        monkeypatch.setattr("labkit.adapters.started_programs.Popen", start)
    with pytest.raises(Interrupted) as stopped:
        run_shell_cell(
            f"cd {tmp_path}; sleep 600 & echo $! > pid; kill -INT $PPID; touch asked; wait; echo never", may_fail=True
        )
    assert "The cell was stopped in the middle" in "".join(stopped.value._render_traceback_())
    assert "never" not in capsys.readouterr().out
    process = Path("/proc", (tmp_path / "pid").read_text(encoding="utf-8").strip(), "stat")

    def state() -> str:
        with contextlib.suppress(OSError):
            return process.read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        return "gone"

    assert watch(state, lambda state: state in ("gone", "Z"), 10.0) in ("gone", "Z")


def test_the_magic_takes_the_standards_place_and_keeps_its_other_options(capsys: pytest.CaptureFixture[str]) -> None:
    shell: Any = cast(Any, InteractiveShell)()
    for _ in range(2):
        install_shell_cells(shell)
    shell.run_cell_magic("bash", "--no-raise-error", "exit 4")
    assert capsys.readouterr().out == "exit status 4\n"
    shell.run_cell_magic("bash", "--out kept", "echo kept")
    assert shell.user_ns["kept"] == "kept\n"
    with pytest.raises(CommandFailed):
        shell.run_cell_magic("bash", "", "exit 4")


def test_a_kernel_of_the_course_has_them_before_a_lesson_is_opened() -> None:
    """A cell that is run before the notebook's first one ends in a line, not in a traceback of CalledProcessError."""
    shell: Any = cast(Any, InteractiveShell)()
    load_ipython_extension(shell)
    with pytest.raises(CommandFailed):
        shell.run_cell_magic("bash", "", "exit 4")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("lab.check('fails-open')\n", "lab.check('fails-open')"),
        ("\n# a guess\nprediction = 'runs'\n", "prediction = 'runs'"),
        ("import labkit\n", "import labkit"),
        ("print(1)", "print(1)"),
        ("docker images\n  lab.threats.table(both)\n", "lab.threats.table(both)"),
        ("docker imagse", ""),
        ("whoamii", ""),
        ("echo labkit.open(", ""),
        ("uid=5678\nfalse", ""),
        ("", ""),
    ],
)
def test_python_in_a_shell_cell_is_recognized(text: str, line: str) -> None:
    assert python_in(text) == line


def test_a_shell_cell_that_fails_at_python_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandFailed):
        run_shell_cell("lab.check('fails-open')", may_fail=False)
    assert "is Python, which runs in a cell without the line %%bash" in capsys.readouterr().out
