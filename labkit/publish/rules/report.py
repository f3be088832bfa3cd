"""What publishing says: the SDK's own errors and warnings by their codes, and the kit's warnings.

PURE.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class Refused(Exception):
    """The SDK would stop here.

    Args:
        code: its code, such as CONTAINER2007.
        text: why, in a sentence.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text = code, text


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


@dataclass
class Report:
    """Messages in the order in which they came."""

    messages: list[Message] = field(default_factory=list)

    def warn(self, code: str, text: str) -> None:
        """Go on, and say so."""
        self.messages.append(Message(code, text))

    def fail(self, code: str, text: str) -> None:
        """Nothing will be published; further reasons may follow, as the SDK gives them."""
        self.messages.append(Message(code, text, error=True))

    @property
    def failed(self) -> bool:
        """Whether there is an error among them."""
        return any(message.error for message in self.messages)
