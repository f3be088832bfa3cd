"""How commands end: what an interrupt leaves behind is said for each command, and is true of it."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner

from labkit.base import signals
from labkit.cli import COMMANDS, main
from labkit.cli.frame import _AFTER_AN_INTERRUPT, reported_errors
from labkit.lab.lab import Lab


def _interrupt(*_: object, **__: object) -> NoReturn:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["up"], "interrupted; the next `labkit up` continues from here\n"),
        (["down"], "interrupted; see with `labkit status` whether the cluster still runs\n"),
        (["status"], "interrupted\n"),
        (["doctor"], "interrupted\n"),
    ],
)
def test_an_interrupt_says_what_is_true_of_the_command(
    arguments: list[str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for method in ("up", "down", "status", "engine"):
        monkeypatch.setattr(Lab, method, _interrupt)
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.stderr, done.stdout) == (130, text, "")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_another_signal_that_ends_a_command_is_an_interrupt(
    number: signal.Signals, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a terminal is closed: what the command has begun must not go on without it."""
    if signal.getsignal(number) is signal.SIG_IGN:  # By whatever runs the tests.
        monkeypatch.setattr(signals, "ending_signals", lambda: (number,))
    monkeypatch.setattr(Lab, "status", lambda _: os.kill(os.getpid(), number))
    done = CliRunner().invoke(main, ["status"])
    assert (done.exit_code, done.stderr, done.stdout) == (status, "interrupted\n", "")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.EACCES, "see who may use it\n  ls -ld /a/b"),
        (errno.EPERM, "see who may use it\n  ls -ld /a/b"),
        (errno.ENAMETOOLONG, "shorten it"),
        (errno.ELOOP, "change its links"),
        (errno.ENOTDIR, "a part of this path is a file, not a folder"),
        (errno.EISDIR, "it is a folder: name a file"),
        (errno.EMFILE, "too many files are open: raise the limit"),
        (errno.EIO, "see what the system says of it\n  dmesg"),
        (errno.ENOSPC, "free some space there\n  df -h /a/b"),
        (errno.EDQUOT, "free some space there"),
        (errno.EROFS, "it lies on a file system that is read-only"),
        (errno.ENOENT, "see what there is\n  ls -la /a"),
    ],
)
def test_what_helps_is_said_by_what_the_system_refuses(
    code: int, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, reported_errors():
        raise OSError(code, os.strerror(code), "/a/b")
    assert ended.value.code == 1
    stderr = capsys.readouterr().err
    assert f"error: Using /a/b: {os.strerror(code)}" in stderr
    assert remedy in stderr.partition("What to do: ")[2]


def test_a_folder_of_a_name_that_is_too_long_is_to_be_shortened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / ("x" * 300)))
    done = CliRunner().invoke(main, ["progress"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "What to do: shorten it" in done.stderr


def test_what_is_said_after_an_interrupt_is_of_commands_that_there_are() -> None:
    assert set(_AFTER_AN_INTERRUPT) <= set(COMMANDS)
