"""What a participant agreed to share, and with whom; and how it went the last time. Small files of the lab's state."""

from __future__ import annotations

import contextlib
import secrets
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from labkit.base.addresses import is_loopback, split_address
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed, Misuse
from labkit.base.files import read_own, write_atomically
from labkit.course.course_overview import the_course
from labkit.course.hand import hand_of
from labkit.course.handing_in import hand_in, require_name
from labkit.course.progress import progress_path
from labkit.course.progress_file import read_progress
from labkit.course.sharing.class_hub import hub_address

SHARED_HOURS = 12
"""After which sharing ends by itself: a class is over by then."""

_Line = Annotated[str, Meta(max_length=300)]


_CORRECTED = timedelta(minutes=30)
"""By how much a clock may be corrected while sharing goes on."""


class ShareConsent(msgspec.Struct, frozen=True):
    """What the participant agreed to.

    Args:
        address: HOST:PORT of the instructor's machine.
        fingerprint: what its certificate's begins with; empty on loopback.
        code: the class's.
        name: that the participant chose; empty for none.
        key: by which the instructor's machine tells this participant from all others. Nobody else knows it.
        until: when it ends by itself.
        by_hub: whether the address is the hub's of a class on a cluster, which knows the participant and their name.
    """

    address: _Line
    fingerprint: _Line
    code: _Line
    name: _Line
    key: _Line
    until: Annotated[datetime, Meta(tz=True)]
    by_hub: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it has ended by itself, or would last longer than was agreed to: then the clock was set back."""
        left = self.until - datetime.now(UTC)
        return not timedelta() < left <= timedelta(hours=SHARED_HOURS) + _CORRECTED


class ShareStatus(msgspec.Struct, frozen=True):
    """How sharing went.

    Args:
        delivered: when something arrived the last time; None if nothing has so far.
        problem: why the last attempt failed; empty if it did not.
    """

    delivered: datetime | None = None
    problem: str = ""


def share_folder(configuration: Configuration) -> Path:
    """Where sharing keeps its files. `labkit clean` removes it, and the sender ends with it."""
    return configuration.state / "share"


def consent_of(configuration: Configuration) -> ShareConsent | None:
    """What the participant of a lab agreed to; None if they share nothing."""
    with contextlib.suppress(ValueError):
        text = read_own(share_folder(configuration) / "consent.json")
        consent = msgspec.json.decode(text, type=ShareConsent) if text else None
        return None if consent is None or consent.is_over else consent
    return None


def new_consent(address: str, fingerprint: str, code: str, name: str) -> ShareConsent:
    """A consent that is not in force yet: `agree` puts it in force.

    Args:
        address: HOST:PORT of the instructor's machine.
        fingerprint: of its certificate, or the first of its digits; empty on loopback.
        code: the class's.
        name: what the instructor shall see; empty for none.

    Raises:
        Misuse: one of them makes no sense.
    """
    doing, remedy = "Sharing your progress", "copy the line that your instructor shows\n  labkit progress share --help"
    if split_address(address) is None:
        raise Misuse(doing, f"{address[:80]!r} is not of the form HOST:PORT", remedy)
    if not fingerprint and not is_loopback(address):
        raise Misuse(doing, "the fingerprint of the instructor's machine is missing", remedy)
    if not code.isascii() or not code.isprintable() or not 0 < len(code) <= 80 or " " in code:
        raise Misuse(doing, "the class's code is missing or malformed", remedy)
    return ShareConsent(address, fingerprint, code, require_name(name), secrets.token_hex(16), _end())


def hub_consent() -> ShareConsent:
    """A consent to share with the instructor of the class on a cluster that this server belongs to; not in force yet.

    Raises:
        Misuse: it belongs to none.
    """
    return ShareConsent(hub_address(), "", "", "", "", _end(), by_hub=True)


def _end() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(hours=SHARED_HOURS)


def agree(configuration: Configuration, consent: ShareConsent) -> None:
    """Put a consent in force; the sender sends from then on.

    Raises:
        LabFailed: the file cannot be written.
    """
    write_status(configuration, ShareStatus())
    write_atomically(share_folder(configuration) / "consent.json", msgspec.json.encode(consent), durable=False)


def withdraw(configuration: Configuration) -> None:
    """Share nothing from now on.

    Raises:
        LabFailed: the file cannot be removed.
    """
    path = share_folder(configuration) / "consent.json"
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise LabFailed(
            "Stopping to share", error.strerror or str(error), f"remove it yourself\n  rm {shlex.quote(str(path))}"
        ) from error


def shared_text(configuration: Configuration, name: str) -> str:
    """What is sent, to the letter: it is what `labkit progress export` would write now.

    Args:
        configuration: of the lab.
        name: that the participant chose.

    Raises:
        LabFailed: their progress cannot be read.
    """
    return hand_in(read_progress(progress_path(configuration)), the_course(), name, hand_of(configuration))


def status_of(configuration: Configuration) -> ShareStatus:
    """How sharing went the last time."""
    with contextlib.suppress(ValueError):
        text = read_own(share_folder(configuration) / "status.json")
        return msgspec.json.decode(text, type=ShareStatus) if text else ShareStatus()
    return ShareStatus()


def write_status(configuration: Configuration, status: ShareStatus) -> None:
    """Keep how sharing went.

    Raises:
        LabFailed: the file cannot be written.
    """
    write_atomically(share_folder(configuration) / "status.json", msgspec.json.encode(status), durable=False)
