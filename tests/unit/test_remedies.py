"""Every labkit command that a message tells to type is one that there is, with its options."""

from __future__ import annotations

import re
import shlex

import click

from labkit.cli import main
from tests.architecture import texts

_COMMAND = re.compile(r"(?:^|\n)  ((?:[A-Z_]+=\S+ )?labkit (?!kubectl)[a-z][^\n]*)")
_KUBECTL = re.compile(r"\n  kubectl ")

_OWN_CLUSTER = (
    "labkit.explain.clusters",
    *("labkit.adapters.kube.user_kubeconfig", "labkit.adapters.kube.cluster_reader"),
    "labkit.adapters.kube.exec_credentials",
    # What an instructor does to a cluster of theirs; and, in the last, what is raised in a class alone.
    *("labkit.adapters.kube.cluster_writer", "labkit.lab.node_processes"),
)
"""What asks a cluster of the user's own, which the user's kubectl knows."""


def _commands() -> list[str]:
    lines = {line for of_module in texts().values() for text in of_module for line in _COMMAND.findall(text)}
    return sorted({command.strip() for line in lines for command in line.split(";")})


def _unknown(arguments: list[str]) -> str | None:
    """What a command has not, None if it has all."""
    command: click.Command | None = main
    ctx = click.Context(main)
    for argument in arguments:
        if isinstance(command, click.Group) and not argument.startswith("-"):
            command = command.get_command(ctx, argument)
            if command is None:
                return f"there is no command {argument}"
        elif argument.startswith("-") and argument != "-":
            assert command is not None
            name = argument.partition("=")[0]
            if name not in {option for parameter in command.get_params(ctx) for option in parameter.opts}:
                return f"it has no option {name}"
    return None


def test_there_are_commands_in_messages() -> None:
    assert len(_commands()) >= 10
    assert "labkit clean --leftovers" in _commands()


def test_every_command_in_a_message_is_one_that_there_is() -> None:
    wrong = {}
    for line in _commands():
        argv = shlex.split(line.replace("...", ""))
        wrong[line] = _unknown(argv[argv.index("labkit") + 1 :])
    assert {line: reason for line, reason in wrong.items() if reason} == {}


def test_plain_kubectl_which_knows_nothing_of_the_lab_is_in_no_message() -> None:
    of_the_lab = [of_module for module, of_module in texts().items() if not module.startswith(_OWN_CLUSTER)]
    assert [text for of_module in of_the_lab for text in of_module if _KUBECTL.search(text)] == []


def test_a_line_for_a_class_names_its_cluster() -> None:
    """Without --context the command refuses: it takes no cluster unasked. `ClassSettings.line` writes such lines."""
    nameless = re.compile(r"\n  labkit class (?:up|down|status|doctor)(?! --context)")
    assert [text for of_module in texts().values() for text in of_module if nameless.search(text)] == []


def test_what_there_is_not_is_caught() -> None:
    assert _unknown(["clean", "--left"]) == "it has no option --left"
    assert _unknown(["tidy"]) == "there is no command tidy"
