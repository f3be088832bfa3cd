"""Commands that bring the lab up, look at it and take it away."""

from __future__ import annotations

import os
import sys

import click

from labkit.cli.frame import command, complete_lessons, json_option, main, print_result


@main.command()
@json_option
@command
def doctor(as_json: bool) -> int:
    """Check this machine for what the lab needs; every finding comes with a remedy."""
    from dataclasses import asdict

    from labkit.lab.doctor import doctor_report, examine
    from labkit.lab.lab import Lab
    from labkit.lab.machine.checks import worst

    found = examine(Lab())
    print_result(as_json, [asdict(check) for check in found], doctor_report(found))
    return worst(found)


@main.command()
@click.option(
    "--source",
    type=click.Choice(["upstream", "stand-in"]),
    help="Where images come from. Without it, upstream if a registry answers, else stand-ins.",
)
@json_option
@command
def up(source: str | None, as_json: bool) -> None:
    """Bring up what is missing: engine, sample images, cluster.

    What is there is used as it is, a stopped cluster is started, a broken one made anew.
    Interrupt it whenever you like: the next one goes on from there.
    """
    from labkit.lab.lab import Lab
    from labkit.notebook.views import status_table

    lab = Lab()
    lab.up(source)
    status = lab.status()
    print_result(as_json, status, status_table(status))
    if lab.steps.summary():
        click.echo(lab.steps.summary(), err=True)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@command
def lab(arguments: tuple[str, ...]) -> None:
    """Bring the lab up, then run JupyterLab with the course in front; Ctrl-C ends JupyterLab.

    ARGUMENTS go to jupyter lab, such as --port=9000.
    """
    from labkit.lab.lab import Lab
    from labkit.notebook.jupyterlab import run_jupyterlab

    Lab().up()
    run_jupyterlab(arguments)


@main.command()
@json_option
@command
def status(as_json: bool) -> None:
    """Show what is up and where each image came from; looking changes nothing."""
    from labkit.lab.lab import Lab
    from labkit.notebook.views import status_table

    found = Lab().status()
    print_result(as_json, found, status_table(found))


@main.command()
@json_option
@command
def down(as_json: bool) -> None:
    """Stop the cluster; images and cluster stay for the next `labkit up`."""
    from labkit.lab.lab import Lab

    stopped = Lab().down()
    print_result(as_json, {"stopped": stopped}, "stopped" if stopped else "nothing was running")


@main.command()
@click.argument("lesson", required=False, shell_complete=complete_lessons)
@json_option
@command
def reset(lesson: str | None, as_json: bool) -> None:
    """Give LESSON an empty namespace again, or every lesson if none is named."""
    from labkit.notebook import reset_lessons

    done = reset_lessons(lesson)
    print_result(as_json, {"reset": done}, "\n".join(done) or "no lesson has been opened")


@main.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--progress", is_flag=True, help="Remove your progress too; without it, it is kept.")
@json_option
@command
def clean(yes: bool, progress: bool, as_json: bool) -> None:
    """Remove all that the lab made, and nothing else; what is not labelled as the lab's stays.

    The engine and the system packages stay too, and so does the compiler's own cache.
    """
    from labkit.course.progress import progress_path
    from labkit.course.progress_file import remove_progress
    from labkit.lab.clean import clean as remove
    from labkit.lab.lab import Lab

    lab = Lab()
    if not yes and sys.stdin.isatty():
        what = "cluster, images and files, and your progress" if progress else "cluster, images and files"
        click.confirm(f"Remove the lab's {what}?", abort=True, err=True)
    file = progress_path(lab.configuration)
    removed = [f"progress {one}" for one in remove_progress(file)] if progress else []
    removed += remove(lab)
    kept = [str(file)] if file.exists() else []
    lines = [f"removed {one}" for one in removed] or ["there was nothing"]
    lines += [f"kept    {one}: your progress; labkit clean --progress removes it" for one in kept]
    print_result(as_json, {"removed": removed, "kept": kept}, "\n".join(lines))


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@command
def kubectl(arguments: tuple[str, ...]) -> None:
    """Run kubectl on the lab's cluster, whatever your own kubeconfig says."""
    from labkit.lab.lab import Lab
    from labkit.lab.machine.ensure import ensure_kubectl

    lab = Lab()
    program = ensure_kubectl(lab.configuration, lab.steps)
    os.execve(program, ["kubectl", *arguments], {**os.environ, "KUBECONFIG": str(lab.configuration.kubeconfig)})
