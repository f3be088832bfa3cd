"""The participant's raised hand: in a small file of theirs, and in what they share or hand in."""

from __future__ import annotations

import contextlib
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, TypedDict

import msgspec
from msgspec import Meta

from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed, Misuse
from labkit.base.files import read_own_json, write_atomically

MOST_CHARACTERS = 200
"""How long the line may be that says what it is about."""


_MOST_HOURS = 12


class HandJson(TypedDict):
    """A hand that is up; since when, as ISO 8601 has it."""

    since: str
    text: str


class Hand(msgspec.Struct, frozen=True):
    """A hand that is up.

    Args:
        since: when it was raised.
        text: what it is about, in one line; may be empty.
    """

    since: Annotated[datetime, Meta(tz=True)]
    text: Annotated[str, Meta(max_length=MOST_CHARACTERS)] = ""

    def to_dict(self) -> HandJson:
        """As JSON-ready values."""
        return {"since": self.since.isoformat(), "text": self.text}


def hand_path(configuration: Configuration) -> Path:
    """Where the hand of a lab's participant is kept."""
    return configuration.state / "share" / "hand.json"


def read_hand(content: object) -> Hand | None:
    """The hand in a document, which may be anybody's; None for none.

    Args:
        content: what came out of its JSON; anything at all.

    Raises:
        ValueError: it makes no sense.
    """
    if content is None:
        return None
    hand = msgspec.convert(content, Hand)
    try:
        return Hand(hand.since.astimezone(UTC), hand.text)
    except OverflowError:
        raise ValueError("a time in it is too early or too late to compute with") from None


def hand_of(configuration: Configuration) -> Hand | None:
    """The participant's hand; None if it is down, or was raised in another class, long ago."""
    with contextlib.suppress(ValueError):
        hand = read_hand(read_own_json(hand_path(configuration)))
        return hand if hand is not None and datetime.now(UTC) - hand.since < timedelta(hours=_MOST_HOURS) else None
    return None


def raise_hand(configuration: Configuration, text: str = "") -> Hand:
    """Raise the participant's hand; if it is up, it stays up from then on and is about something else.

    Args:
        configuration: of the lab.
        text: what it is about, in one line.

    Raises:
        Misuse: the text cannot be shown on one line.
        LabFailed: the file cannot be written.
    """
    text = text.strip()
    if not text.isprintable() or len(text) > MOST_CHARACTERS:
        came_back = f"at most {MOST_CHARACTERS} characters on one line are expected"
        raise Misuse("Raising your hand", came_back, 'say it in short\n  labkit progress hand "my pod is refused"')
    before = hand_of(configuration)
    hand = Hand(before.since if before else datetime.now(UTC).replace(microsecond=0), text)
    write_atomically(hand_path(configuration), msgspec.json.encode(hand), durable=False)
    return hand


def lower_hand(configuration: Configuration) -> bool:
    """Lower the participant's hand; whether it was up.

    Raises:
        LabFailed: the file cannot be removed.
    """
    path = hand_path(configuration)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        remedy = f"remove it yourself\n  rm {shlex.quote(str(path))}"
        raise LabFailed("Lowering your hand", error.strerror or str(error), remedy) from error
    return True
