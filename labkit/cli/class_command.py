"""`labkit class` and its commands."""

from __future__ import annotations

from dataclasses import asdict, replace

import click

from labkit.adapters.class_client import LEAST_DIGITS
from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.configuration import Configuration
from labkit.cli.class_status import doctor, down, status
from labkit.cli.class_up import up
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedGroup
from labkit.course.course_overview import the_course
from labkit.instructor.class_server import ClassAddresses, ClassServer, watch_class
from labkit.instructor.cluster_records import ClusterRecords, hub_reader
from labkit.lab.classroom.class_settings import DEFAULT_NAME

_HUB_LINE = "labkit progress share --class"


@click.group(cls=LoggedGroup)
def class_command() -> None:
    """Run a class on a cluster, and see how far its participants are.

    \b
    On a cluster, where a browser is enough:
      labkit class doctor --context NAME
      labkit class up --context NAME
    Laptops of a room, which share by their own consent:
      labkit class watch --listen 192.0.2.10
    """


@class_command.command()
@click.option(
    "--listen",
    default="127.0.0.1",
    metavar="ADDRESS[:PORT]",
    help="Listen on this address of this machine. Default: loopback.",
)
@click.option("--new", is_flag=True, help="Begin another class, with a new code, token and certificate.")
@click.option("--context", metavar="NAME", help="Watch a class on the cluster of this context in your kubeconfig.")
@click.option(
    "--class-name", default=DEFAULT_NAME, show_default=True, metavar="NAME", help="Name of the class on a cluster."
)
@json_option
def watch(listen: str, new: bool, context: str | None, class_name: str, as_json: bool) -> None:
    """Serve a page that shows who is where, until Ctrl-C.

    A grid of participants and exercises (passed, tried, hints, idle for how long, hand raised), where most are stuck
    and with what, and what happened in the last minutes. It shows those who share their progress, each by a line that
    this command prints for them. Nothing is written to a disk; the page has a link to the same as CSV.

    Without --listen it is on loopback. Beyond loopback it speaks TLS, with a certificate of its own, and the page is on
    loopback all the same. Code, token and certificate are kept from the last time, so that laptops go on sharing after
    a restart.

    With --context it shows the participants of a class on that cluster, who share by a line in their browser; what they
    share is read through the cluster's API server.
    """
    if context is not None:
        _watch_cluster(context, class_name, listen, new=new, as_json=as_json)
        return
    server = ClassServer(Configuration.from_environment(), the_course(), listen, new=new)
    watch_class(server, lambda addresses: _tell(addresses, as_json, "laptop"))


def _watch_cluster(context: str, class_name: str, listen: str, *, new: bool, as_json: bool) -> None:
    configuration, course = Configuration.from_environment(), the_course()
    with (
        ClusterWriter.connect(context, labs_own=configuration.kubeconfig) as cluster,
        ClusterRecords(course, hub_reader(cluster, class_name)).followed() as records,
    ):
        server = ClassServer(configuration, course, listen, new=new, source=records)
        watch_class(server, lambda addresses: _tell(replace(addresses, line=_HUB_LINE), as_json, "server"))


def _tell(addresses: ClassAddresses, as_json: bool, where: str) -> None:
    room = f"\nThe same from another machine (its browser warns of the certificate): {addresses.page_in_room}"
    is_typed = addresses.fingerprint and where == "laptop"
    typed = f" (whoever types it: the first {LEAST_DIGITS} digits of the fingerprint will do)" if is_typed else ""
    text = (
        f"On each {where}{typed}:\n  {addresses.line}\n"
        f"The page, for you alone: {addresses.page}{room if addresses.page_in_room else ''}\n"
        "Ctrl-C ends it."
    )
    print_result(as_json, asdict(addresses), text)


for _command in (up, status, doctor, down):
    class_command.add_command(_command)
