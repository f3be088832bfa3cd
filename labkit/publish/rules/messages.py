"""What publishing reports: the SDK's own errors and warnings by their codes, and the kit's warnings.

PURE.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """One error or warning.

    Args:
        code: of the SDK (CONTAINER2015), or a word of the kit's own (app-uid-empty).
        text: a sentence.
        error: whether nothing is published because of it.
    """

    code: str
    text: str
    error: bool = False

    def __str__(self) -> str:
        return f"{'error' if self.error else 'warning'} {self.code}: {self.text}"


class Refused(Exception):
    """The SDK would stop here, and look no further.

    Args:
        code: its code, such as CONTAINER2007.
        text: why, in a sentence.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, text

    @property
    def message(self) -> Message:
        """The error that the SDK would report."""
        return Message(self.code, self.text, error=True)
