"""What people type in a terminal of the lab while they solve an exercise, as the code of a cell. Pure."""

from __future__ import annotations

NAMESPACE = "NAMESPACE"
"""Stands for the lesson's namespace in a command."""


def typed(*arguments: str, manifest: str = "") -> str:
    """A kubectl command in the lesson's namespace.

    Args:
        arguments: what stands behind `labkit kubectl`.
        manifest: what the command reads from its standard input.
    """
    argv = ", ".join("lab.namespace" if argument == NAMESPACE else repr(argument) for argument in arguments)
    return f"""
import subprocess, sys
subprocess.run(
    [sys.executable, "-m", "labkit", "kubectl", "--namespace", lab.namespace, {argv}],
    input={manifest!r}, text=True, capture_output=True, check=True,
)
"""


def debugged(pod: str, settings: str, image: str = "debian") -> str:
    """An ephemeral container in a pod that is there.

    Args:
        pod: its name.
        settings: the container's securityContext, as JSON.
        image: a sample image.
    """
    return typed(
        *("debug", pod, f"--image={image}", "--container=debugger", "--custom=/dev/stdin", "--", "sleep", "600"),
        manifest=f'{{"securityContext": {settings}}}',
    )


AS_ROOT = '{"runAsUser": 0, "runAsNonRoot": false}'
"""The settings of a container that opts out of what its pod insists on."""
