"""Raising one's hand, and being told whether anybody sees it."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.base.configuration import Configuration
from labkit.base.errors import Misuse
from labkit.course.hand import Hand, hand_of, lower_hand, raise_hand
from labkit.course.sharing.sender import keep_sharing
from labkit.course.sharing.share_consent import consent_of, status_of


@dataclass(frozen=True, repr=False)
class HandSeen:
    """A participant's hand, and who sees it.

    Args:
        hand: None if it is down.
        shared_with: the address of the instructor's machine; empty if nothing is shared.
        problem: why the last attempt to reach that failed; empty if it did not.
    """

    hand: Hand | None
    shared_with: str
    problem: str = ""

    def __str__(self) -> str:
        if self.hand is None:
            return "Your hand is down."
        if not self.shared_with:
            return (
                "Your hand is up, and nobody sees it: you do not share your progress. "
                "Your instructor has the line for it, which begins with\n  labkit progress share"
            )
        if self.problem:
            return f"Your hand is up, but not seen yet; sending it is retried by itself: {self.problem}"
        return "Your hand is up. Your instructor sees it in a moment; labkit.raise_hand(down=True) lowers it."

    __repr__ = __str__


def hand_seen(configuration: Configuration) -> HandSeen:
    """How the participant's hand is now."""
    consent = consent_of(configuration)
    problem = status_of(configuration).problem if consent else ""
    return HandSeen(hand_of(configuration), consent.address if consent else "", problem)


def my_hand(text: str = "", *, down: bool = False) -> HandSeen:
    """Raise the hand of the participant of this machine's lab, or lower it, and see to it that it is sent.

    Args:
        text: what it is about, in one line.
        down: whether to lower it.

    Raises:
        Misuse: the text cannot be shown on one line.
        LabFailed: it cannot be written.
    """
    return move_hand(Configuration.from_environment(), text, down=down)


def move_hand(configuration: Configuration, text: str, *, down: bool = False) -> HandSeen:
    """The same for a lab that is given.

    Args:
        configuration: of the lab.
        text: what it is about, in one line.
        down: whether to lower it.

    Raises:
        Misuse: the text cannot be shown on one line.
        LabFailed: it cannot be written.
    """
    if not isinstance(text, str):
        came_back = f"{text!r} is not text"
        raise Misuse("Raising your hand", came_back, 'labkit.raise_hand("my pod is refused")')
    if down:
        lower_hand(configuration)
    else:
        raise_hand(configuration, text)
    keep_sharing(configuration)
    return hand_seen(configuration)
