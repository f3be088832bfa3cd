"""`labkit class status`, `down` and `doctor`: looking at a class on a cluster, and taking it down."""

from __future__ import annotations

import contextlib
from collections import Counter

import click

from labkit.base.errors import LabError
from labkit.cli.class_options import class_options, connect_cluster, participants_option, storage_class_option
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedCommand
from labkit.cli.open_lab import open_lab
from labkit.lab.classroom.class_doctor import examine_cluster
from labkit.lab.classroom.class_entry import find_entry
from labkit.lab.classroom.class_files import ClassFiles
from labkit.lab.classroom.class_images import remove_class_images
from labkit.lab.classroom.class_settings import ClassSettings
from labkit.lab.classroom.class_state import ClassStatus
from labkit.lab.classroom.cluster_class import ClusterClass
from labkit.lab.doctor import doctor_report
from labkit.lab.machine.machine_check import worst
from labkit.show import counted
from labkit.show.table import Table, coloured, terminal_width


@click.command(cls=LoggedCommand)
@class_options
@json_option
def status(context: str | None, class_name: str, as_json: bool) -> None:
    """Show the state of a class on a cluster, and who has a server.

    Participants are shown by their ids; the instructor's page knows the names. Where the class code is kept is said,
    the code itself is not.
    """
    lab, cluster = open_lab(), connect_cluster(context)
    group = ClusterClass(cluster, ClassSettings(name=class_name), lab.steps)
    now = group.status()
    settings = group.existing_settings() if now.state != "absent" else None
    entry = find_entry(cluster, settings) if settings else None
    keys_file = ClassFiles(lab.configuration, cluster.access.server, class_name).keys_file
    data = now.to_dict() | {
        "address": entry.address if entry else "",
        "forward": entry.forward_line if entry else "",
        "keys_file": str(keys_file) if keys_file.is_file() else "",
    }
    lines = [f"class     {now.name}: {now.state}"]
    if now.state != "absent":
        lines += [f"hub       {now.hub}", f"proxy     {now.proxy}", f"engine    {now.engine}"]
        lines.append(f"progress  {_progress_line(now)}")
    if entry and now.state == "up":
        lines += [f"address   {entry.address}", *([f"          {entry.forward_line}"] if entry.forward else [])]
    if keys_file.is_file():
        lines.append(f"code      in {keys_file}")
    lines += _people(now)
    print_result(as_json, data, "\n".join(lines))


def _progress_line(now: ClassStatus) -> str:
    if now.has_volumes:
        return "on a volume for each participant"
    return "ON NO VOLUME: notebooks and progress are lost with a server's pod, and sign-ins with the hub's"


def _people(now: ClassStatus) -> list[str]:
    if not now.participants:
        return ["nobody has signed in yet"] if now.state == "up" else []
    counts = Counter(person.server for person in now.participants)
    total = ", ".join(f"{number} {state}" for state, number in counts.most_common())
    rows = [[person.participant, person.server, "yes" if person.has_volume else "no"] for person in now.participants]
    table = Table("", ["participant", "server", "volume"], rows)
    return [f"{counted(len(now.participants), 'participant')}: servers {total}", table.text(terminal_width())]


@click.command(cls=LoggedCommand)
@class_options
@click.option("--progress", is_flag=True, help="Remove the volumes too, with all notebooks, progress and sign-ins.")
@click.option("--images", is_flag=True, help="Remove the class's images from this machine's engine, too.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@json_option
def down(context: str | None, class_name: str, progress: bool, images: bool, yes: bool, as_json: bool) -> None:
    """Take a class on a cluster down; progress stays unless you say otherwise.

    What carries the label labkit.class=NAME goes, and nothing else. The namespaces with volumes stay, without pods, so
    that the next `labkit class up` finds notebooks, progress and sign-ins again. The images that were built for it stay
    in this machine's engine for the next class, unless you say --images.
    """
    lab, cluster = open_lab(), connect_cluster(context)
    group = ClusterClass(cluster, ClassSettings(name=class_name), lab.steps)
    if not yes:
        now = group.status()
        extent = "its volumes with all notebooks and progress too" if progress else "volumes stay"
        people = counted(len(now.participants), "participant")
        question = (
            f"Take down the class {class_name} ({now.state}, {people}) in context {cluster.access.context}; {extent}?"
        )
        click.confirm(question, abort=True, err=True)
    removed, kept = group.down(progress=progress)
    if images:
        removed += remove_class_images(lab)
    lines = [f"removed {name}" for name in removed] or ["there was nothing to remove"]
    lines += [f"kept    {name}" for name in kept]
    if kept:
        line = ClassSettings(name=class_name).line(cluster.access.context, "down", "--progress")
        lines.append(f"To remove these too:\n  {line}")
    print_result(as_json, {"removed": removed, "kept": kept}, "\n".join(lines))


@click.command(cls=LoggedCommand)
@class_options
@participants_option
@storage_class_option
@click.option("--no-trial", is_flag=True, help="Start no pods, and leave out the checks that need them.")
@json_option
def doctor(
    context: str | None, class_name: str, participants: int, storage_class: str, no_trial: bool, as_json: bool
) -> int:
    """Check a cluster for what a class needs.

    Rights, version, Pod Security, storage class, room. Then some small pods are started for a few seconds in a
    namespace that is deleted again: is a volume writable, are network policies enforced, can an engine run in a pod.
    Their image is the class's, so they need a class that has been up.
    """
    lab, cluster = open_lab(), connect_cluster(context)
    settings = ClassSettings(name=class_name)
    with contextlib.suppress(LabError):  # Where not even that may be read, the checks say so.
        settings = ClusterClass(cluster, settings, lab.steps).existing_settings() or settings
    if storage_class:
        settings = settings.changed(storage_class=storage_class)
    settings = settings.changed(has_volumes=True)
    checks = examine_cluster(cluster, settings, participants, lab.steps, trials=not no_trial)
    print_result(as_json, [check.to_dict() for check in checks], coloured(doctor_report(checks, terminal_width())))
    return worst(checks)
