"""How commands end: what an interrupt leaves behind is said for each command, and is true of it."""

from __future__ import annotations

from typing import NoReturn

import pytest
from click.testing import CliRunner

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


def test_what_is_said_after_an_interrupt_is_of_commands_that_there_are() -> None:
    assert set(_AFTER_AN_INTERRUPT) <= set(COMMANDS)
