"""`labkit registry` and its commands."""

from __future__ import annotations

from dataclasses import asdict

import click

from labkit.adapters.engine import EngineUnreachable
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedGroup
from labkit.cli.open_lab import open_lab
from labkit.lab.classroom.mirror import Mirror
from labkit.lab.classroom.registry import Registry
from labkit.show import counted


@click.group(cls=LoggedGroup)
def registry_command() -> None:
    """Serve the lab's images to a class, or take them from there.

    \b
    The instructor, once:
      labkit registry up --listen 192.0.2.10
    Each laptop, as printed:
      labkit registry use 192.0.2.10:5443 --fingerprint sha256:...
      labkit up
    """


@registry_command.command()
@click.option(
    "--listen",
    default="127.0.0.1",
    metavar="ADDRESS[:PORT]",
    help="Listen on this address of this machine. Default: loopback.",
)
@json_option
def up(listen: str, as_json: bool) -> None:
    """Start the registry and fill it with the lab's images.

    The class can read it and nothing else. Without --listen it is on loopback. Beyond loopback it speaks TLS, with a
    certificate that is made for the address.
    """
    lab = open_lab()
    serving, filled = Registry(lab.configuration, lab.steps).up(listen, lab.engine(), lab.catalogue)
    line = f"labkit registry use {serving.address}"
    line += f" --fingerprint {serving.fingerprint}" if serving.fingerprint else ""
    text = f"{counted(len(filled), 'image')} at {serving.address}, read-only\nOn each laptop:\n  {line}\n  labkit up"
    print_result(as_json, {**asdict(serving), "images": filled, "line": line}, text)


@registry_command.command()
@json_option
def status(as_json: bool) -> None:
    """Show the registry that runs here, and the one that this lab takes its images from.

    Used is the one that this lab takes its images from.
    """
    lab = open_lab()
    serving, used = Registry(lab.configuration, lab.steps).serving(), Mirror(lab.configuration).address
    text = f"serving   {f'{serving.address}, read-only' if serving else 'nothing'}\nusing     {used or 'none'}"
    print_result(as_json, {"serving": asdict(serving) if serving else None, "using": used or None}, text)


@registry_command.command()
@json_option
def down(as_json: bool) -> None:
    """Stop the registry, and remove the images in it."""
    lab = open_lab()
    stopped = Registry(lab.configuration, lab.steps).down()
    print_result(as_json, {"stopped": stopped}, "stopped" if stopped else "none was running")


@registry_command.command()
@click.argument("address", metavar="HOST:PORT")
@click.option(
    "--fingerprint",
    default="",
    metavar="sha256:HEX",
    help="Fingerprint of its certificate, which the instructor shows.",
)
@json_option
def use(address: str, fingerprint: str, as_json: bool) -> None:
    """Take images from the registry at HOST:PORT.

    Its certificate is fetched; if it has this fingerprint, engine and node are told to trust it.
    """
    lab = open_lab()
    mirror = Mirror(lab.configuration)
    written = mirror.use(address, fingerprint)
    try:
        if mirror.configure_node(lab.cluster()):
            written.append(f"{lab.cluster().node}, its containerd")
    except EngineUnreachable:
        lab.steps.note("no engine answers; `labkit up` tells the node")
    print_result(as_json, {"using": address, "written": written}, "\n".join(f"wrote {path}" for path in written))


@registry_command.command()
@json_option
def forget(as_json: bool) -> None:
    """Take images from upstream again.

    What `labkit registry use` has written is removed.
    """
    lab = open_lab()
    try:
        cluster = lab.cluster()
    except EngineUnreachable:
        cluster = None
    removed = Mirror(lab.configuration).forget(cluster)
    print_result(as_json, {"removed": removed}, "\n".join(f"removed {name}" for name in removed) or "none was in use")
