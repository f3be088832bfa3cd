"""The command explains itself: every command is listed, and each has a help that says what it is for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

import labkit.cli
from labkit.cli import COMMANDS, main


def loaded(name: str) -> click.Command:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command


def test_every_command_is_listed() -> None:
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0, done.output
    listed = {line.split()[0] for line in done.output.partition("Commands:")[2].splitlines() if line.strip()}
    assert listed == set(COMMANDS)


def test_every_command_has_a_file_and_every_file_a_command() -> None:
    files = Path(labkit.cli.__file__).parent.glob("*_command.py")
    assert {file.stem.removesuffix("_command") for file in files} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_has_the_first_line_of_each_help(name: str) -> None:
    text = loaded(name).help
    assert text is not None
    assert text.splitlines()[0] == COMMANDS[name]
    # Listed on one line of a terminal of 80 columns.
    assert len(COMMANDS[name]) <= 66


def test_listing_the_commands_imports_none() -> None:
    program = """
import sys
from labkit.cli import main
main(["--help"], standalone_mode=False)
assert not [name for name in sys.modules if name.endswith("_command")], sys.modules
assert not {"docker", "lightkube", "yaml"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, capture_output=True)


def _all(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    paths = []
    for name, command in group.commands.items():
        paths.append((*path, name))
        if isinstance(command, click.Group):
            paths += _all(command, (*path, name))
    return paths


def _everything() -> list[tuple[str, ...]]:
    return _all(click.Group(commands={name: loaded(name) for name in COMMANDS}))


@pytest.mark.parametrize("path", _everything(), ids=" ".join)
def test_each_has_a_help(path: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, [*path, "--help"])
    assert done.exit_code == 0, done.output
    assert len(done.output.splitlines()) > 3


@pytest.mark.parametrize(("typed", "meant"), [("matrx", "matrix"), ("progres", "progress"), ("expalin", "explain")])
def test_a_mistyped_command_is_answered_with_the_near_one(typed: str, meant: str) -> None:
    done = CliRunner().invoke(main, [typed])
    assert done.exit_code == 2
    assert f"Did you mean '{meant}'?" in done.output


@pytest.mark.parametrize(
    ("typed", "begun", "offered"),
    [
        ([], "pro", {"progress"}),
        (["progress"], "ex", {"export"}),
        (["matrix"], "--pic", {"--picture"}),
        (["matrix", "--probe"], "read-sh", {"read-shadow"}),
        (["reset"], "07", {"07-run-as-non-root"}),
        (["completion"], "z", {"zsh"}),
        (["nothing"], "z", set()),
    ],
)
def test_words_are_completed(typed: list[str], begun: str, offered: set[str]) -> None:
    complete = BashComplete(main, {}, "labkit", "_LABKIT_COMPLETE")
    assert {item.value for item in complete.get_completions(typed, begun)} == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_names_the_command(shell: str) -> None:
    done = CliRunner().invoke(main, ["completion", shell])
    assert (done.exit_code, "_LABKIT_COMPLETE" in done.output) == (0, True)


def _helps(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=name, terminal_width=80, max_content_width=80)
    yield name, command.get_help(context)
    if isinstance(command, click.Group):
        for part in command.list_commands(context):
            inside = command.get_command(context, part)
            assert inside is not None
            yield from _helps(inside, f"{name} {part}")


def test_every_help_fits_a_terminal_of_80_columns() -> None:
    wide = [f"{name}: {line}" for name, text in _helps(main, "labkit") for line in text.splitlines() if len(line) > 80]
    assert wide == []
