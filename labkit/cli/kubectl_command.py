"""`labkit kubectl`."""

from __future__ import annotations

import os

import click

from labkit.adapters.started_programs import become
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.lab.machine.kubectl_program import ensure_kubectl


class _PassedThrough(LoggedCommand):
    """A command whose arguments belong to another program: none is read here, not even `--` or `-h`.

    Only `--help` as the first of them is the command's own.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] == ["--help"]:
            return super().parse_args(ctx, args)
        ctx.params["arguments"] = tuple(args)
        return []


@click.command(cls=_PassedThrough, context_settings={"help_option_names": ["--help"]})
@click.argument("arguments", nargs=-1)
def kubectl_command(arguments: tuple[str, ...]) -> None:
    """Run kubectl on the lab's cluster.

    It uses the lab's kubeconfig and neither reads nor changes your own. All ARGUMENTS are passed to kubectl unchanged:

    \b
    labkit kubectl get pods --all-namespaces
    labkit kubectl exec POD -- id
    labkit kubectl -h
    """
    lab = open_lab()
    lab.await_cluster()
    program = ensure_kubectl(lab.configuration, lab.steps)
    variables = lab.configuration.kubectl_variables(lab.configuration.kubeconfig)
    become(program, ["kubectl", *arguments], {**os.environ, **variables})
