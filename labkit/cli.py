"""The `labkit` command: parsing and printing, and nothing else."""

from __future__ import annotations

import errno
import functools
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from labkit.errors import LabError, LabFailed

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_INTERRUPTED = 130


class _Group(click.Group):
    """Commands in the order in which one needs them, and near matches for a mistyped one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.commands, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else "See what there is with 'labkit --help'."
            raise click.UsageError(f"{error.message.rstrip('.')}. {hint}", ctx) from None


def _command(function: Callable[..., int | None]) -> Callable[..., None]:
    """End a command with the exit status of the contract, and an error with its three sentences."""

    @functools.wraps(function)
    def run(*args: Any, **options: Any) -> None:
        try:
            status = function(*args, **options)
        except LabError as error:
            click.echo(click.style("error", fg="red") + f": {error}", err=True)
            sys.exit(error.exit_status)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            full = LabFailed("Writing the answer", "the disk is full", "free some space, or write elsewhere\n  df -h")
            click.echo(click.style("error", fg="red") + f": {full}", err=True)
            # What is still buffered cannot be written either, and Python would say so once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("interrupted; the next `labkit up` goes on from here", err=True)
            sys.exit(_INTERRUPTED)
        sys.exit(status or 0)

    return run


def _complete_lessons(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    from labkit.course.lessons import lesson_names

    return [CompletionItem(name) for name in lesson_names() if name.startswith(begun)]


def _complete_images(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    from labkit.lab import Lab

    names = [CompletionItem(name) for name in Lab().catalogue if name.startswith(begun)]
    return [*names, CompletionItem(begun, type="file")]


_json = click.option("--json", "as_json", is_flag=True, help="JSON on standard output, progress on standard error.")


def _print(as_json: bool, data: object, text: object) -> None:
    click.echo(json.dumps(data, indent=2) if as_json else str(text))


@click.group(cls=_Group, context_settings=_CONTEXT)
@click.version_option(package_name="labkit")
def main() -> None:
    """A lab to learn, teach and check who your containers run as.

    \b
    Begin with
      labkit doctor    what this machine has and lacks
      labkit up        engine, sample images and a real cluster
      labkit lab       the same, then JupyterLab with the course

    Exit status: 0 done, 1 the lab could not do it, 2 wrong use, 3 this machine lacks something.
    Tab completion for bash: eval "$(labkit completion bash)"
    """


@main.command()
@_json
@_command
def doctor(as_json: bool) -> int:
    """Check this machine for what the lab needs; every finding comes with a remedy."""
    from dataclasses import asdict

    from labkit.doctor import doctor_report, examine
    from labkit.host.checks import worst
    from labkit.lab import Lab

    found = examine(Lab())
    _print(as_json, [asdict(check) for check in found], doctor_report(found))
    return worst(found)


@main.command()
@click.option(
    "--source",
    type=click.Choice(["upstream", "stand-in"]),
    help="Where images come from. Without it, upstream if a registry answers, else stand-ins.",
)
@_json
@_command
def up(source: str | None, as_json: bool) -> None:
    """Bring up what is missing: engine, sample images, cluster.

    What is there is used as it is, a stopped cluster is started, a broken one made anew.
    Interrupt it whenever you like: the next one goes on from there.
    """
    from labkit.lab import Lab
    from labkit.show.views import status_table

    lab = Lab()
    lab.up(source)
    status = lab.status()
    _print(as_json, status, status_table(status))
    if lab.steps.summary():
        click.echo(lab.steps.summary(), err=True)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@_command
def lab(arguments: tuple[str, ...]) -> None:
    """Bring the lab up, then run JupyterLab with the course in front; Ctrl-C ends JupyterLab.

    ARGUMENTS go to jupyter lab, such as --port=9000.
    """
    from labkit.jupyter import run_jupyterlab
    from labkit.lab import Lab

    Lab().up()
    run_jupyterlab(arguments)


@main.command()
@_json
@_command
def status(as_json: bool) -> None:
    """Show what is up and where each image came from; looking changes nothing."""
    from labkit.lab import Lab
    from labkit.show.views import status_table

    found = Lab().status()
    _print(as_json, found, status_table(found))


@main.command()
@_json
@_command
def down(as_json: bool) -> None:
    """Stop the cluster; images and cluster stay for the next `labkit up`."""
    from labkit.lab import Lab

    stopped = Lab().down()
    _print(as_json, {"stopped": stopped}, "stopped" if stopped else "nothing was running")


@main.command()
@click.argument("lesson", required=False, shell_complete=_complete_lessons)
@_json
@_command
def reset(lesson: str | None, as_json: bool) -> None:
    """Give LESSON an empty namespace again, or every lesson if none is named."""
    from labkit.lesson import reset_lessons

    done = reset_lessons(lesson)
    _print(as_json, {"reset": done}, "\n".join(done) or "no lesson has been opened")


@main.command()
@_json
@_command
def lessons(as_json: bool) -> None:
    """List the lessons, with their minutes and the claims of the article that each shows."""
    from labkit.course import lessons as course
    from labkit.show.views import lessons_table

    found = course.lessons()
    _print(as_json, found, lessons_table(found))


@main.command()
@click.argument("action", type=click.Choice(["list", "verify"]), default="list")
@_json
@_command
def images(action: str, as_json: bool) -> int:
    """List the sample images, or verify what each has promised to show."""
    from labkit.lab import Lab
    from labkit.show.views import images_table, promises_table

    lab = Lab()
    if action == "list":
        found = lab.images()
        _print(as_json, found, images_table(found))
        return 0
    broken = lab.verify_images()
    _print(as_json, broken, promises_table(broken))
    return 1 if any(broken.values()) else 0


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
@click.argument("images", metavar="[IMAGE]...", nargs=-1, shell_complete=_complete_images)
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
@_json
@_command
def explain(**options: Any) -> int:
    """Say as whom containers will run, who refuses them, and why; nothing is run.

    Each IMAGE is a name that the engine knows or the path of an archive; a path that ends in .yaml, .yml or .json
    is read as a manifest, as with -f.
    """
    from labkit.explanations.command import run_explain

    return run_explain(**options)


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@_json
@_command
def clean(yes: bool, as_json: bool) -> None:
    """Remove all that the lab made, and nothing else; what is not labelled as the lab's stays.

    The engine and the system packages stay too, and so does the compiler's own cache.
    """
    from labkit.cleaning import clean as remove
    from labkit.lab import Lab

    if not yes and sys.stdin.isatty():
        click.confirm("Remove the lab's cluster, images and files?", abort=True, err=True)
    removed = remove(Lab())
    _print(as_json, {"removed": removed}, "\n".join(f"removed {one}" for one in removed) or "there was nothing")


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@_command
def completion(shell: str) -> None:
    """Print what a shell needs for completing labkit's words with the tab key."""
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    if complete is not None:
        click.echo(complete(main, {}, "labkit", "_LABKIT_COMPLETE").source())


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@_command
def kubectl(arguments: tuple[str, ...]) -> None:
    """Run kubectl on the lab's cluster, whatever your own kubeconfig says."""
    from labkit.host.ensure import ensure_kubectl
    from labkit.lab import Lab

    lab = Lab()
    program = ensure_kubectl(lab.settings, lab.steps)
    os.execve(program, ["kubectl", *arguments], {**os.environ, "KUBECONFIG": str(lab.settings.kubeconfig)})
