"""Pulls that fail: registries that send nothing, and what to do about those that refuse."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from labkit.base.errors import LabFailed

PULL_TIMEOUT_SECONDS = 60.0
_T = TypeVar("_T")
# An address or an image with its path, and a host with its port. A registry may send a megabyte: a name is looked for
# from where a run of its characters begins, and what was matched is not given back (++).
_NAMES = re.compile(
    r"(?:https?://|(?<![\w.-]))[\w.-]++(?::\d++)?/[\w./:@-]++"
    r"|(?:(?<![\w-])(?<![\w-]\.)[\w-]++(?:\.[\w-]++)++|localhost|\]):\d++"
)
# crane's registry answers with the distribution API's code alone, others with a message too.
_GONE = r"manifest[ _]unknown|name[ _]unknown|not found|\b404\b"
_PULL_REMEDIES = (
    (r"toomanyrequests|\b429\b|too many requests", "wait as long as it asks, log in to it, or use a mirror"),
    (
        r"unauthorized|denied|\b40[13]\b|authentication",
        "log in to it; your account must be allowed to\n  docker login",
    ),
    (_GONE, "the image or its tag is gone; fix its name, or use another source\n  labkit up --source stand-in"),
    (
        "unexpected eof|connection reset|short read|filesystem layer verification",
        "the transfer broke off; try again",
    ),
    (
        "x509|certificate",
        "trust it by its fingerprint\n  labkit registry use HOST:PORT --fingerprint ...",
    ),
)


def pull_failed(tried: str, message: str) -> LabFailed:
    """The error for a pull that a registry refused, with a remedy for its message."""
    remedies = (remedy for pattern, remedy in _PULL_REMEDIES if _says(pattern, message))
    return LabFailed(tried, message, next(remedies, "see what the registry says\n  labkit doctor"))


def is_gone(message: str) -> bool:
    """Whether a registry's message says that it has no such image."""
    return _says(_GONE, message)


def _says(pattern: str, message: str) -> bool:
    """Whether a message says something besides the addresses and images that it names, such as port 44033."""
    return re.search(pattern, _NAMES.sub(" ", message), re.IGNORECASE) is not None


def events_with_timeout(start: Callable[[], Iterator[_T]], seconds: float, tried: str) -> Iterator[_T]:
    """The events of a stream, given up once none has come for so many seconds; the engine itself waits for ever.

    Args:
        start: opens the stream.
        seconds: the timeout between two events.
        tried: what this is for, for the error.

    Raises:
        LabFailed: nothing came in time, or the stream ended with an error.
    """
    events: queue.Queue[tuple[bool, Any]] = queue.Queue()

    def listen() -> None:
        try:
            for event in start():
                events.put((True, event))
            events.put((False, None))
        except Exception as error:
            events.put((False, error))

    threading.Thread(target=listen, daemon=True).start()
    while True:
        try:
            is_event, event = events.get(timeout=seconds)
        except queue.Empty:
            remedy = "see that the registry answers, or use another source\n  labkit up --source stand-in"
            raise LabFailed(tried, f"the registry sent nothing for {seconds:.0f} s", remedy) from None
        if not is_event and event is None:
            return
        if not is_event:
            raise pull_failed(tried, str(getattr(event, "explanation", None) or event)) from event
        yield event
