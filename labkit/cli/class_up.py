"""`labkit class up`."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.adapters.started_programs import run_in_front
from labkit.cli.class_options import class_options, connect_cluster, participants_option, storage_class_option
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.lab.classroom.class_bringup import ClassWishes, bring_up_class, planned_objects, planned_settings
from labkit.lab.classroom.class_entry import LOCAL_PORT, ClassEntry
from labkit.lab.classroom.class_settings import DEFAULT_IDLE_MINUTES
from labkit.lab.lab import Lab
from labkit.lab.machine.kubectl_program import ensure_kubectl


@click.command(cls=LoggedCommand)
@class_options
@click.option("--registry", metavar="HOST/PATH", default="", help="Push the images there; the nodes pull them.")
@click.option(
    "--hub-image",
    metavar="REF",
    default="",
    help="Use this image of the hub, which the nodes can pull; nothing is built then.",
)
@click.option("--participant-image", metavar="REF", default="", help="The same for the participants' servers.")
@click.option("--engine-image", metavar="REF", default="", help="The same for the engine beside each server.")
@storage_class_option
@click.option("--no-volumes", is_flag=True, help="Do without volumes: what is in a pod is lost with it.")
@click.option(
    "--engine",
    type=click.Choice(["auto", "none", "podman"]),
    default="auto",
    help="What participants have in Docker's place. Default: auto, which tries podman in a pod.",
)
@click.option(
    "--expose", type=click.Choice(["NodePort", "LoadBalancer"]), help="Serve the class beyond loopback, by TLS alone."
)
@click.option("--node-port", type=click.IntRange(1, 65535), help="The port for NodePort.")
@click.option("--host", metavar="ADDRESS", default="", help="The address or name by which people reach the class.")
@click.option(
    "--certificate", type=click.Path(path_type=Path), help="Certificate for --host, in PEM. Default: one is made."
)
@click.option("--key", type=click.Path(path_type=Path), help="Key of the certificate, in PEM.")
@participants_option
@click.option(
    "--prepared", is_flag=True, help="Make the participants' namespaces now; the hub then needs no right to make any."
)
@click.option(
    "--idle-minutes",
    type=click.IntRange(0, 10_000),
    default=DEFAULT_IDLE_MINUTES,
    show_default=True,
    help="Idle timeout: stop a server that nobody has used for so long. 0: never.",
)
@click.option(
    "--hub-settings",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="JupyterHub settings in Python, read after the class's own: another sign-in. Default: what the class has.",
)
@click.option("--new-code", is_flag=True, help="Replace the class code and the instructor's token.")
@click.option("--forward", is_flag=True, help="Run the port-forward that opens the class on this machine.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=LOCAL_PORT,
    show_default=True,
    help="Local port of the port-forward.",
)
@click.option("--dry-run", is_flag=True, help="Print the manifests, and change nothing. No cluster is asked.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def up(context: str | None, dry_run: bool, yes: bool, forward: bool, port: int, as_json: bool, **options: Any) -> None:
    """Bring up a class on a cluster that is there; participants need only a browser.

    JupyterHub with a sandbox for each participant: a server, and a namespace for the lessons' pods. What will be made
    is shown, and you are asked. A class that is up is brought up to date; progress stays, and servers that run go on.

    \b
    On kind, by a port-forward:
      labkit class up --context kind-labkit --forward
    Elsewhere:
      labkit class up --context NAME --registry HOST/PATH
        --expose NodePort --host 192.0.2.10
    Look first at what would be made:
      labkit class up --dry-run
    """
    wishes = ClassWishes(**options)
    if dry_run:
        _print_manifests(planned_objects(planned_settings(wishes)))
        return
    lab, cluster = open_lab(), connect_cluster(context)
    outcome = bring_up_class(lab, cluster, wishes, port, lambda plan: _confirm(cluster, plan, yes))
    data = {
        "class": outcome.settings.name,
        "context": cluster.access.context,
        "address": outcome.entry.address,
        "forward": outcome.entry.forward_line,
        "code": outcome.keys.class_code,
        "keys_file": str(outcome.keys_file),
        "fingerprint": outcome.fingerprint,
        "remarks": list(outcome.remarks),
    }
    lines = [f"note: {remark}" for remark in outcome.remarks]
    lines += _entry_lines(outcome.entry)
    if outcome.fingerprint:
        lines.append(f"Its certificate is signed by nobody else; browsers warn. Fingerprint: {outcome.fingerprint}")
    lines += [
        f"Class code: {outcome.keys.class_code}",
        f"Instructor's token: {outcome.keys.instructor_token}",
        f"Both are kept for you alone in {outcome.keys_file}",
    ]
    print_result(as_json, data, "\n".join(lines))
    if forward and outcome.entry.forward:
        sys.exit(_run_forward(lab, outcome.entry))


def _print_manifests(objects: Sequence[Mapping[str, Any]]) -> None:
    click.echo(
        "# For kubectl apply -f -. The Secret `keys` is not among them: make it once, before hub and proxy start:"
    )
    click.echo("#   kubectl --namespace CLASS create secret generic keys --from-literal=class-code=...")
    click.echo("#     --from-literal=instructor-token=... and two random ones, `openssl rand -hex 32` each:")
    click.echo("#     --from-literal=cookie-secret=... --from-literal=proxy-token=...")
    click.echo("#   and, for JupyterHub settings of your own, --from-file=hub-settings.py=FILE")
    click.echo(yaml.safe_dump_all(list(objects), sort_keys=False, width=120), nl=False)


def _confirm(cluster: ClusterWriter, plan: Sequence[str], yes: bool) -> None:
    click.echo(f"In the cluster {cluster.access.server} of context {cluster.access.context} this will be:", err=True)
    for line in plan:
        click.echo(f"  {line}", err=True)
    if not yes:
        click.confirm("Go on?", abort=True, err=True)


def _entry_lines(entry: ClassEntry) -> list[str]:
    lines = [f"The class: {entry.address or 'no address yet'}" + (f" ({entry.note})" if entry.note else "")]
    return [*lines, f"  {entry.forward_line}"] if entry.forward else lines


def _run_forward(lab: Lab, entry: ClassEntry) -> int:
    click.echo("The port-forward runs; Ctrl-C ends it, and the class goes on.", err=True)
    return run_in_front([ensure_kubectl(lab.configuration, lab.steps), *entry.forward], os.environ)
