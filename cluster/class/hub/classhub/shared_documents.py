"""What participants share, as they sent it, in memory alone: the instructor's machine reads it, and judges it there."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 128_000
"""Of one document; a whole course with every hint and guess is 20 to 60 kB."""


class NotTaken(Exception):
    """A document is refused; the text says why."""


@dataclass(frozen=True)
class _Document:
    text: str
    since: float
    seen: float
    revision: int


class SharedDocuments:
    """The last document of each participant who shares.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._documents: dict[str, _Document] = {}
        self._revision = 0
        self._epoch = secrets.token_hex(8)  # A hub that starts again counts from the beginning.

    def take(self, participant: str, content: bytes) -> None:
        """Keep what a participant shares, in place of what they shared before.

        Raises:
            NotTaken: it is too large, or no text.
        """
        if len(content) > MOST_BYTES:
            raise NotTaken(f"it is larger than {MOST_BYTES // 1000} kB")
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise NotTaken("it is no text") from None
        now = self._clock()
        before = self._documents.get(participant)
        self._revision += 1
        self._documents[participant] = _Document(text, before.since if before else now, now, self._revision)

    def forget(self, participant: str) -> bool:
        """Forget what a participant shared; whether there was anything."""
        return self._documents.pop(participant, None) is not None

    def since(self, revision: int, name_of: Callable[[str], str]) -> dict[str, Any]:
        """Who shares, and the documents that came after a revision, as JSON-ready values: HubAnswer in labkit.

        Args:
            revision: that the reader has seen; 0 for none.
            name_of: the name of a participant.
        """
        now = self._clock()
        return {
            "format": "labkit-class-records",
            "version": 1,
            "epoch": self._epoch,
            "revision": self._revision,
            "participants": [
                {
                    "id": participant,
                    "name": name_of(participant),
                    "since_seconds": round(now - document.since, 3),
                    "seen_seconds": round(now - document.seen, 3),
                    "document": document.text if document.revision > revision else None,
                }
                for participant, document in self._documents.items()
            ],
        }
