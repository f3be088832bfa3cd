"""`labkit images`."""

from __future__ import annotations

import click

from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.lab.lab_tables import contracts_table, images_table, lock_report
from labkit.lab.survey import lock, survey, verify


@click.command(cls=LoggedCommand)
@click.argument("action", type=click.Choice(["list", "verify", "lock"]), default="list")
@click.option("-v", "--verbose", is_flag=True, help="Show where stand-ins differ from upstream.")
@json_option
def images_command(action: str, verbose: bool, as_json: bool) -> int:
    """List the sample images, verify them, or lock their digests.

    \b
    list     source, USER, uid, whether runAsNonRoot lets it pass, size,
             shell (default)
    verify   compare every image with its contract, which says when it was
             recorded; exit status 1 if one differs
    lock     write the digests of upstream images seen here to
             cluster/images.lock; from then on these are pulled
    """
    lab = open_lab()
    if action == "list":
        images = survey(lab)
        print_result(as_json, images, images_table(images, verbose))
        return 0
    if action == "lock":
        digests = lock(lab)
        print_result(as_json, digests, lock_report(digests, [recipe.upstream for recipe in lab.catalogue.values()]))
        return 0
    verified = verify(lab)
    print_result(as_json, verified, contracts_table(verified))
    return 1 if any(image["broken"] for image in verified) else 0
