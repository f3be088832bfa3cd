"""What people type in a terminal of the lab while they solve an exercise, as the code of a cell. Pure."""

from __future__ import annotations

NAMESPACE = "NAMESPACE"
"""Stands for the lesson's namespace in a command."""


def typed(*arguments: str, manifest: str = "") -> str:
    """A kubectl command in the lesson's namespace.

    Args:
        arguments: what stands behind `labkit kubectl`.
        manifest: what the command reads from its standard input; the lab's own names of images are not filled in.
    """
    argv = ", ".join("lab.namespace" if argument == NAMESPACE else repr(argument) for argument in arguments)
    return f"""
import subprocess, sys
subprocess.run(
    [sys.executable, "-m", "labkit", "kubectl", "--namespace", lab.namespace, {argv}],
    input={manifest!r}, text=True, capture_output=True, check=True,
)
"""
