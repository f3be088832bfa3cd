"""The process that shares: it looks at the participant's files each second, and sends what has changed.

A check writes its file and goes on; so sharing cannot slow one down. A laptop that was closed, or is offline, is a wait
like any other.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from labkit.adapters.class_client import ClassAnswer, ClassClient
from labkit.adapters.started_programs import start_server
from labkit.base.addresses import split_address
from labkit.base.configuration import Configuration
from labkit.base.errors import DeadlineExceeded, LabError, LabFailed, remedy_of_system
from labkit.base.locks import locked
from labkit.base.log import stop_log_file
from labkit.base.waiting import watch
from labkit.course.hand import hand_path
from labkit.course.progress import progress_path
from labkit.course.sharing.class_hub import SHARE_PATH, server_token
from labkit.course.sharing.share_consent import (
    ShareConsent,
    ShareStatus,
    consent_of,
    share_folder,
    shared_text,
    status_of,
    withdraw,
    write_status,
)

STILL_THERE_SECONDS = 20.0
"""After which the same is sent again: the instructor sees that the laptop is there, also one that was restarted."""

_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = (2.0, 4.0, 8.0)
_FIRST_SECONDS = 6.0
_GOODBYE_SECONDS = 3.0


def client_of(consent: ShareConsent) -> ClassClient:
    """Who is asked.

    Args:
        consent: names the address and the certificate's fingerprint.

    Raises:
        LabFailed: what it names is no address.
    """
    where = split_address(consent.address)
    if where is None:
        raise LabFailed(
            "Sharing your progress", f"{consent.address!r} is not an address", "labkit progress share --stop"
        )
    return ClassClient(*where, consent.fingerprint)


def deliver(consent: ShareConsent, method: str, content: bytes = b"") -> ClassAnswer:
    """Tell the instructor's machine, or the class's hub for it.

    Args:
        consent: says whom.
        method: PUT what is shared, or DELETE it.
        content: what is shared.

    Raises:
        LabFailed: nothing answers there, or somebody else.
    """
    if consent.by_hub:
        return client_of(consent).ask(method, SHARE_PATH, server_token(), content)
    return client_of(consent).ask(method, f"/participants/{consent.key}", consent.code, content)


@dataclass
class Sender:
    """Sends what a participant shares until they stop it, or the consent is over.

    Args:
        configuration: of the lab.
        clock: seconds that never go back.
    """

    configuration: Configuration
    clock: Callable[[], float] = time.monotonic
    _sent: tuple[object, ...] = field(default=(), init=False)
    _due: float = field(default=0.0, init=False)
    _failures: int = field(default=0, init=False)

    def run(self, stop: threading.Event) -> None:
        """Look and send until there is no consent any more.

        Args:
            stop: set to end it before.
        """
        while (consent := consent_of(self.configuration)) is not None and not stop.is_set():
            self.step(consent)
            stop.wait(_LOOK_SECONDS)

    def step(self, consent: ShareConsent) -> None:
        """Send once, if something has changed or the instructor would miss us.

        Args:
            consent: in force now.
        """
        state = (consent, *(_signature(path) for path in self._files()))
        is_new = state != self._sent and self._failures == 0
        if not is_new and self.clock() < self._due:
            return
        problem = self._send(consent)
        if problem:
            wait = _AGAIN_SECONDS[min(self._failures, len(_AGAIN_SECONDS) - 1)]
            self._failures += 1
        else:
            wait, self._failures, self._sent = STILL_THERE_SECONDS, 0, state
        self._due = self.clock() + wait
        if consent_of(self.configuration) is not None:  # `labkit clean` may have removed the folder meanwhile.
            delivered = status_of(self.configuration).delivered if problem else datetime.now(UTC)
            with contextlib.suppress(LabError):
                write_status(self.configuration, ShareStatus(delivered, problem))

    def _files(self) -> tuple[Path, Path]:
        return progress_path(self.configuration), hand_path(self.configuration)

    def _send(self, consent: ShareConsent) -> str:
        """Send all of it; why it did not arrive, empty if it did."""
        try:
            return deliver(consent, "PUT", shared_text(self.configuration, consent.name).encode()).problem
        except LabError as error:
            return f"{error.tried}: {error.came_back}"[:500]


def run_sender(configuration: Configuration) -> bool:
    """Share in this process until it is stopped; at once, if another does so already.

    Args:
        configuration: of the lab.

    Returns:
        Whether this process has shared.
    """
    stop_log_file()  # It would bring back the lab's folder that `labkit clean` has removed.
    try:
        # Who looks whether we run holds it for a moment.
        with locked(_lock(configuration), seconds=_LOOK_SECONDS):
            Sender(configuration).run(threading.Event())
    except DeadlineExceeded:
        return False
    return True


def keep_sharing(configuration: Configuration) -> None:
    """Start the sender, if there is a consent and it does not run; what goes wrong stops nobody.

    Args:
        configuration: of the lab.
    """
    with contextlib.suppress(LabError, OSError):
        if consent_of(configuration) is not None and not is_sending(configuration):
            start_sender(configuration)


def is_sending(configuration: Configuration) -> bool:
    """Whether a sender runs."""
    try:
        with locked(_lock(configuration), seconds=0.0):
            return False
    except DeadlineExceeded:
        return True


def start_sender(configuration: Configuration) -> None:
    """Start the sender in a session of its own; it outlives us. One that runs already is enough.

    Raises:
        LabFailed: it cannot be started.
    """
    argv = [sys.executable, "-P", "-m", "labkit", "progress", "share", "--in-front"]
    log = share_folder(configuration) / "sender.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with log.open("wb") as output:
            process = start_server(argv, output)
    except OSError as error:
        remedy = remedy_of_system(error, "free some space\n  df -h")
        raise LabFailed("Starting to share", error.strerror or str(error), remedy) from error
    process.returncode = 0  # It outlives us, and Python need not wait for it.


def first_status(configuration: Configuration) -> ShareStatus:
    """How the first attempt went, as soon as there was one; nothing is known if there was none for seconds."""
    return watch(
        lambda: status_of(configuration), lambda status: status != ShareStatus(), _FIRST_SECONDS, interval=0.05
    )


def stop_sharing(configuration: Configuration) -> tuple[bool, bool]:
    """Share nothing from now on, and have the instructor's page forget this participant.

    Args:
        configuration: of the lab.

    Returns:
        Whether something was shared, and whether the instructor's machine has forgotten it.

    Raises:
        LabFailed: the consent cannot be withdrawn.
    """
    consent = consent_of(configuration)
    withdraw(configuration)
    if consent is None:
        return False, False
    # The sender may be in the middle of sending: what came after the farewell would bring the participant back.
    watch(lambda: is_sending(configuration), lambda runs: not runs, _GOODBYE_SECONDS, interval=0.05)
    try:
        answer = deliver(consent, "DELETE")
    except LabError:
        return True, False
    return True, answer.status < 300 or answer.status == 404


def _lock(configuration: Configuration) -> Path:
    return share_folder(configuration) / "lock"


def _signature(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is replaced; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
