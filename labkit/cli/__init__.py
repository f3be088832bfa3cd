"""The `labkit` command: a file for each command, `<name>_command.py`, that parses and prints, and nothing else."""

from __future__ import annotations

import click

from labkit.cli.frame import LazyGroup

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "doctor": "Check this machine for what the lab needs.",
    "up": "Bring up what is missing: engine, sample images, cluster.",
    "lab": "Bring the lab up, then run JupyterLab with the course.",
    "status": "Show what is up and where each image came from.",
    "down": "Stop the cluster; the next `labkit up` starts it again.",
    "reset": "Reset a lesson, or every lesson: give it an empty namespace again.",
    "lessons": "List the lessons.",
    "pods": "Show the pods and containers of a lesson.",
    "course": "Restore a lesson as it was.",
    "progress": "Show your progress, or a class's.",
    "class": "Run a class on a cluster, and see how far its participants are.",
    "solutions": "Print the answer key of a lesson.",
    "images": "List the sample images, verify them, or lock their digests.",
    "explain": "Say which user containers run as, who refuses them, and why.",
    "publish": "Publish an app as an image, as dotnet publish does.",
    "matrix": "Try what an attacker could do in each posture.",
    "registry": "Serve the lab's images to a class, or take them from there.",
    "bundle": "Save the lab into one file, for machines without a network.",
    "kubectl": "Run kubectl on the lab's cluster.",
    "shell": "Open a shell with the lab's docker and kubectl.",
    "diagnose": "Write one archive for a bug report.",
    "clean": "Remove all that the lab made, and nothing else.",
    "completion": "Print the shell's completion script.",
}
"""The commands in the order in which one needs them, each with the first line of its help.

A command is the function `NAME_command` in the module `labkit.cli.NAME_command`, which is imported when it is called.
"""


@click.group(
    cls=LazyGroup,
    short_helps=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "-v", "--verbose", is_flag=True, help="Print every command that is run, and every request, on standard error."
)
@click.version_option(package_name="labkit")
def main(verbose: bool) -> None:  # The commands look it up: see labkit/cli/logged.py.
    """A lab to learn, teach and check who your containers run as.

    \b
    Begin with
      labkit doctor    what this machine has and lacks
      labkit up        engine, sample images and a real cluster
      labkit lab       the same, then JupyterLab with the course

    Exit status: 0 done, 1 the lab could not do it, 2 wrong use, 3 this machine lacks something.
    Tab completion for bash: eval "$(labkit completion bash)"
    LABKIT_LOG=debug does what -v does. A log of the same is kept in the lab's state.
    """
