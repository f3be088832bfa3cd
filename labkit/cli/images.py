"""Commands about images and manifests."""

from __future__ import annotations

from typing import Any

import click

from labkit.cli.frame import command, complete_images, json_option, main, print_result


@main.command()
@click.argument("action", type=click.Choice(["list", "verify", "lock"]), default="list")
@click.option("-v", "--verbose", is_flag=True, help="Say where stand-ins differ from upstream.")
@json_option
@command
def images(action: str, verbose: bool, as_json: bool) -> int:
    """List the sample images, verify what each has promised to show, or lock upstream's digests.

    \b
    list     source, USER, uid, whether runAsNonRoot lets it pass, size, shell
    verify   every image against its contract, and the day on which that was recorded; exit status 1 if one differs
    lock     write the digests of upstream images seen here to cluster/images.lock; from then on these are pulled
    """
    from labkit.lab.lab import Lab
    from labkit.lab.survey import lock, survey, verify
    from labkit.notebook.views import images_table, lock_report, promises_table

    lab = Lab()
    if action == "list":
        found = survey(lab)
        print_result(as_json, found, images_table(found, verbose))
        return 0
    if action == "lock":
        locked = lock(lab)
        print_result(as_json, locked, lock_report(locked, [one.upstream for one in lab.catalogue.values()]))
        return 0
    verified = verify(lab)
    print_result(as_json, verified, promises_table(verified))
    return 1 if any(one["broken"] for one in verified) else 0


_EXPLAIN_EXAMPLES = """
    \b
    labkit explain aspnetapp                     a sample image, or any that the engine has
    labkit explain ./image.tar                   an archive of docker save, or an OCI layout; needs no engine
    labkit explain -u 1654:0 debian              as docker run --user would
    labkit explain -f deploy.yaml -f other/ -R   every container of these manifests
    labkit explain --gate -f deploy.yaml         exit status 1 if one is refused, is root, or cannot be told
    labkit explain --batch < cases.jsonl         one JSON case a line; docs/explain.md has the format
"""


@main.command(epilog=_EXPLAIN_EXAMPLES)
@click.argument("images", metavar="[IMAGE]...", nargs=-1, shell_complete=complete_images)
@click.option("-f", "--filename", "places", multiple=True, metavar="FILE", help="Manifests: file, folder, - for stdin.")
@click.option("-R", "--recursive", is_flag=True, help="Read the folders' subfolders too.")
@click.option("-u", "--user", help="As docker run --user.")
@click.option("--group-add", multiple=True, metavar="GROUP", help="As docker run --group-add.")
@click.option("--image-user", multiple=True, metavar="NAME=USER", help="The user of an image that is not here.")
@click.option("--archive", "archives", multiple=True, metavar="PATH", help="Look manifests' images up in it as well.")
@click.option("--kubernetes", metavar="VERSION", help="Rules of an older kubelet, such as 1.33.")
@click.option("--runc", metavar="VERSION", help="Rules of another runc under the engine, such as 1.3.")
@click.option("--batch", is_flag=True, help="Answer JSON lines from standard input.")
@click.option("--gate", is_flag=True, help="Exit status 1 if a container is refused, is root, or cannot be told.")
@json_option
@command
def explain(**options: Any) -> int:
    """Say as whom containers will run, who refuses them, and why; nothing is run.

    Each IMAGE is a name that the engine knows or the path of an archive; a path that ends in .yaml, .yml or .json
    is read as a manifest, as with -f.
    """
    from labkit.cli.explain_output import run_explain

    return run_explain(**options)
