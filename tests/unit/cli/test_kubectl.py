"""`labkit kubectl` passes its arguments on unchanged."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner

from labkit.cli import kubectl_command, main


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-h"],
        ["get", "pods", "-A"],
        ["get", "--help"],
        ["exec", "web", "--", "sh", "-c", "id"],
        ["exec", "web", "--", "ls", "--", "--help"],
        ["--", "get", "pods"],
        ["get", "pods", "--json", "-v=6"],
    ],
)
def test_arguments_are_passed_through(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    handed_over: list[list[str]] = []
    monkeypatch.setattr(kubectl_command, "ensure_kubectl", lambda *_: "/usr/bin/kubectl")
    monkeypatch.setattr(os, "execve", lambda _, argv, __: handed_over.append(argv))
    done = CliRunner().invoke(main, ["kubectl", *arguments])
    assert (done.exit_code, done.output) == (0, "")
    assert handed_over == [["kubectl", *arguments]]


def test_help_alone_is_the_commands_own() -> None:
    done = CliRunner().invoke(main, ["kubectl", "--help"])
    assert "lab's kubeconfig" in done.output
