"""What the commands for a class on a cluster share: which cluster, which class."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.adapters.kube.user_kubeconfig import context_names, kubeconfig_files
from labkit.base.configuration import Configuration
from labkit.base.errors import Misuse
from labkit.lab.classroom.class_settings import DEFAULT_NAME

_Function = TypeVar("_Function", bound=Callable[..., Any])

participants_option = click.option(
    "--participants",
    type=click.IntRange(1, 1000),
    default=30,
    show_default=True,
    help="Number of participants to expect.",
)
storage_class_option = click.option(
    "--storage-class", metavar="NAME", default="", help="Storage class of the volumes. Default: the cluster's."
)


def class_options(command: _Function) -> _Function:
    """The options --context and --class-name."""
    for option in (
        click.option(
            "--class-name",
            default=DEFAULT_NAME,
            show_default=True,
            metavar="NAME",
            help="Name of the class, if a cluster has several.",
        ),
        click.option(
            "--context",
            metavar="NAME",
            help="Context of your kubeconfig. There is no default: on a terminal you are asked.",
        ),
    ):
        command = option(command)
    return command


def connect_cluster(context: str | None) -> ClusterWriter:
    """The cluster of a context; it is closed when the command ends.

    Raises:
        Misuse: none is named, and nobody can be asked.
        LabError: it cannot be reached.
    """
    labs_own = Configuration.from_environment().kubeconfig
    cluster = ClusterWriter.connect(context or _asked_context(), labs_own=labs_own)
    return click.get_current_context().with_resource(cluster)


def _asked_context() -> str:
    labs_own = Configuration.from_environment().kubeconfig
    names = context_names([*kubeconfig_files(), labs_own])
    listed = ", ".join(names) or "none"
    if not (sys.stdin.isatty() and names):
        raise Misuse(
            "Choosing a cluster",
            f"no context is named, and the current one is never taken unasked; your kubeconfig has {listed}",
            f"name it\n  {click.get_current_context().command_path} --context NAME",
        )
    return str(click.prompt("Which context", type=click.Choice(names), err=True))
