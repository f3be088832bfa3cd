"""Pulling that goes wrong: registries that say nothing, and what to do about those that say no."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from labkit.base.errors import LabFailed

PULL_SILENCE_SECONDS = 60.0
_T = TypeVar("_T")
# crane's registry answers the distribution API's code alone, where others say it in words too.
_GONE = "manifest[ _]unknown|name[ _]unknown|not found|404"
_PULL_REMEDIES = (
    ("toomanyrequests|429|too many requests", "wait as long as it asks for, log in to it, or take a mirror"),
    (
        "unauthorized|denied|401|403|authentication",
        "log in to it; your account must be allowed to\n  docker login",
    ),
    (_GONE, "the image or its tag is gone; mend its name, or take another source\n  labkit up --source stand-in"),
    (
        "unexpected eof|connection reset|short read|filesystem layer verification",
        "it broke off in the middle; try again",
    ),
    (
        "x509|certificate",
        "trust it by its fingerprint\n  labkit registry use HOST:PORT --fingerprint ...",
    ),
)


def pull_failed(doing: str, said: str) -> LabFailed:
    """The error for a pull that a registry refused, with a remedy for what it said."""
    remedies = (remedy for pattern, remedy in _PULL_REMEDIES if re.search(pattern, said, re.IGNORECASE))
    return LabFailed(doing, said, next(remedies, "see what the registry says\n  labkit doctor"))


def is_gone(said: str) -> bool:
    """Whether a registry said that it has no such image."""
    return re.search(_GONE, said, re.IGNORECASE) is not None


def heard(start: Callable[[], Iterator[_T]], silence: float, doing: str) -> Iterator[_T]:
    """What a stream says, given up once it has said nothing for so many seconds; the engine would wait for ever."""
    said: queue.Queue[tuple[bool, Any]] = queue.Queue()

    def listen() -> None:
        try:
            for event in start():
                said.put((True, event))
            said.put((False, None))
        except Exception as error:
            said.put((False, error))

    threading.Thread(target=listen, daemon=True).start()
    while True:
        try:
            more, event = said.get(timeout=silence)
        except queue.Empty:
            remedy = "see that the registry answers, or take another source\n  labkit up --source stand-in"
            raise LabFailed(doing, f"not a word for {silence:.0f} s", remedy) from None
        if not more and event is None:
            return
        if not more:
            raise pull_failed(doing, str(getattr(event, "explanation", None) or event)) from event
        yield event
