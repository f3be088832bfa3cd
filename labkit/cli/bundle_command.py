"""`labkit bundle` and its commands."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedGroup
from labkit.cli.open_lab import open_lab
from labkit.lab.bundles.bundle_file import open_bundle
from labkit.lab.bundles.bundle_manifest import misfits
from labkit.lab.bundles.bundle_tables import bundle_table, megabytes
from labkit.lab.bundles.save_bundle import KINDS, read_kinds, save_bundle, target_file
from labkit.show import counted


@click.group(cls=LoggedGroup)
def bundle_command() -> None:
    """Save the lab into one file, for machines without a network.

    \b
    The instructor, once:         labkit bundle save labkit-bundle.tar
    On each laptop, either:       labkit up --bundle labkit-bundle.tar
    or put the file beside the checkout, under a name that begins with
    labkit-bundle:                make lab

    A bundle is for one kind of machine (Linux on amd64, say) and for the checkout that it was made by. Its programs
    are run on the laptop: take one only from somebody whom you trust, and compare the checksum that `save` printed.
    """


@bundle_command.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--with", "kinds", metavar="KIND,...", help=f"What goes into it: some of {', '.join(KINDS)}. Default: all of them."
)
@json_option
def save(file: Path, kinds: str | None, as_json: bool) -> None:
    """Write all that a machine needs into FILE.

    FILE may be a folder, in which the bundle gets its default name. What is missing in the lab is made first. FILE
    appears only when it is complete; an older FILE of that name is overwritten then, and not before.

    \b
    images    the sample images
    node      the image of the cluster's node
    programs  kind, kubectl and what else is compiled
    wheels    the Python packages, for this Python
    packages  the engine and Python, for this release of Debian
    """
    wanted = read_kinds(kinds)
    target = target_file(file)
    manifest = save_bundle(open_lab(), target, wanted)
    size, digest = target.stat().st_size, _sum(target)
    parts, images = counted(len(manifest.parts), "part"), counted(len(manifest.images), "image")
    text = f"{target}: {megabytes(size)}, {parts} with {images}\n"
    text += f"sha256 {digest}\nOn each machine:\n  labkit up --bundle {target.name}"
    print_result(as_json, {"file": str(target), "size": size, "sha256": digest, **manifest.to_dict()}, text)


@bundle_command.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@json_option
def show(file: Path, as_json: bool) -> None:
    """List what is in FILE, with versions, licences and sizes.

    All of it is read and every checksum is compared. The last lines say whether it is for this machine. Nothing is
    changed.
    """
    with open_bundle(file) as bundle:
        bundle.check()
    reasons, digest = misfits(bundle.manifest), _sum(file)
    note = f"{megabytes(file.stat().st_size)}; every checksum is right; sha256 {digest}\n"
    note += "not for this machine: " + "; ".join(reasons) if reasons else "it is for this machine and this labkit"
    result = {"file": str(file), "sha256": digest, "misfits": reasons, **bundle.manifest.to_dict()}
    print_result(as_json, result, bundle_table(bundle.manifest, note))


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
