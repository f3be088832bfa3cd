"""The command explains itself: every command is listed, and each has a help that says what it is for."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from labkit.cli import main


def test_every_command_is_listed() -> None:
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0, done.output
    listed = {line.split()[0] for line in done.output.partition("Commands:")[2].splitlines() if line.strip()}
    assert listed == set(main.commands)


def _all(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, one in group.commands.items():
        found.append((*path, name))
        if isinstance(one, click.Group):
            found += _all(one, (*path, name))
    return found


@pytest.mark.parametrize("path", _all(main), ids=" ".join)
def test_each_has_a_help(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, [*path, "--help"])
    assert done.exit_code == 0, done.output
    assert len(done.output.splitlines()) > 3


@pytest.mark.parametrize(("typed", "meant"), [("matrx", "matrix"), ("progres", "progress"), ("expalin", "explain")])
def test_a_mistyped_command_is_answered_with_the_near_one(typed: str, meant: str) -> None:
    done = CliRunner().invoke(main, [typed])
    assert done.exit_code == 2
    assert f"Did you mean '{meant}'?" in done.output
