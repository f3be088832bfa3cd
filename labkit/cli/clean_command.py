"""`labkit clean`."""

from __future__ import annotations

import sys

import click

from labkit.base.configuration import Configuration
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.course.progress import progress_path
from labkit.course.progress_file import remove_progress
from labkit.lab.cache_users import other_cache_users
from labkit.lab.clean import clean
from labkit.lab.leftovers import remove_leftovers


@click.command(cls=LoggedCommand)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--leftovers", is_flag=True, help="Remove only what no part of the lab uses any more; the lab stays up.")
@click.option("--progress", is_flag=True, help="Remove your progress too. Default: it is kept.")
@json_option
def clean_command(yes: bool, leftovers: bool, progress: bool, as_json: bool) -> None:
    """Remove all that the lab made, and nothing else.

    With --leftovers the lab stays up, and only what it has left behind goes: unnamed images of its builds, its
    containers that have ended, volumes of nodes that are gone.

    Whatever is not labelled as the lab's stays. So do the engine, system packages and the compiler's own cache. The
    cache, with the programs that were compiled, is shared by your labs of all names: it goes with the last of them.
    """
    lab = open_lab()
    if leftovers:
        if progress:
            raise click.UsageError("Give --leftovers or --progress, not both.")
        names = [str(leftover) for leftover in remove_leftovers(lab)]
        lines = [f"removed {name}" for name in names] or ["there was nothing to remove"]
        print_result(as_json, {"removed": names, "kept": []}, "\n".join(lines))
        return
    if not yes and sys.stdin.isatty():
        click.confirm(_question(lab.configuration, progress), abort=True, err=True)
    progress_file = progress_path(lab.configuration)
    removed = [f"progress {path}" for path in remove_progress(progress_file)] if progress else []
    removed += clean(lab)
    kept = {}
    if progress_file.exists():
        kept[str(progress_file)] = "your progress; labkit clean --progress removes it"
    if (cache := lab.configuration.cache).is_dir() and (users := _users(lab.configuration)):
        kept[str(cache)] = f"{users} uses it too"
    lines = [f"removed {name}" for name in removed] or ["there was nothing to remove"]
    lines += [f"kept    {path}: {why}" for path, why in kept.items()]
    print_result(as_json, {"removed": removed, "kept": list(kept)}, "\n".join(lines))


def _question(configuration: Configuration, progress: bool) -> str:
    users = _users(configuration)
    cache = f"The cache stays, for {users} uses it too." if users else f"The cache {configuration.cache} goes too."
    extent = "cluster, images and files, and your progress" if progress else "cluster, images and files"
    return f"{cache}\nRemove the {extent} of the lab {configuration.name}?"


def _users(configuration: Configuration) -> str:
    """The other labs that use the cache; empty if there are none."""
    return " and ".join(f"the lab in {state}" for state in other_cache_users(configuration))
