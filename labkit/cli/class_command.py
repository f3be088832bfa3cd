"""`labkit class` and its commands."""

from __future__ import annotations

from dataclasses import asdict

import click

from labkit.adapters.class_client import LEAST_DIGITS
from labkit.base.configuration import Configuration
from labkit.cli.class_status import doctor, down, status
from labkit.cli.class_up import up
from labkit.cli.frame import json_option, print_result
from labkit.cli.logged import LoggedGroup
from labkit.course.progress import the_course
from labkit.instructor.class_server import ClassAddresses, ClassServer, watch_class


@click.group(cls=LoggedGroup)
def class_command() -> None:
    """Run a class on a cluster, and see who of a class is where.

    \b
    On a cluster, where a browser is enough:
      labkit class doctor --context NAME
      labkit class up --context NAME
    Laptops of a room, which share by their own consent:
      labkit class watch --listen 192.0.2.10
    """


@class_command.command()
@click.option("--listen", default="127.0.0.1", metavar="ADDRESS[:PORT]", help="An address of this machine.")
@click.option("--new", is_flag=True, help="Another class: a new code, token and certificate.")
@json_option
def watch(listen: str, new: bool, as_json: bool) -> None:
    """Serve a page that shows who is where, until Ctrl-C.

    A grid of participants and exercises (passed, tried, hints, idle for how long, hand raised), where most are stuck
    and with what, and what happened in the last minutes. It is of those who share their progress, each by a line that
    this command prints for them. Nothing is written to a disk; the page has a link to the same as CSV.

    Without --listen it is on loopback. Beyond loopback it speaks TLS, with a certificate of its own, and the page is on
    loopback all the same. Code, token and certificate are those of the last time, so that laptops go on sharing after
    a restart.
    """
    server = ClassServer(Configuration.from_environment(), the_course(), listen, new=new)
    watch_class(server, lambda addresses: _tell(addresses, as_json))


def _tell(addresses: ClassAddresses, as_json: bool) -> None:
    room = f"\nThe same from another machine (its browser warns of the certificate): {addresses.page_in_room}"
    typed = f" (whoever types it: the first {LEAST_DIGITS} digits of the fingerprint will do)"
    text = (
        f"On each laptop{typed if addresses.fingerprint else ''}:\n  {addresses.line}\n"
        f"The page, for you alone: {addresses.page}{room if addresses.page_in_room else ''}\n"
        "Ctrl-C ends it."
    )
    print_result(as_json, asdict(addresses), text)


for _command in (up, status, doctor, down):
    class_command.add_command(_command)
