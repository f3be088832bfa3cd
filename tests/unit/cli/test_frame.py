"""How commands end: what an interrupt leaves behind is said for each command, and is true of it."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

import pytest
from click.testing import CliRunner

from labkit.base import signals
from labkit.cli import COMMANDS, main
from labkit.cli.frame import _AFTER_AN_INTERRUPT
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


def test_what_is_said_after_an_interrupt_is_of_commands_that_there_are() -> None:
    assert set(_AFTER_AN_INTERRUPT) <= set(COMMANDS)
