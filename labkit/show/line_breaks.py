"""Where a page breaks text into lines: at blanks, not within names, options and paths."""

from __future__ import annotations

import html
import re

_BREAKABLE = re.compile(r"\S*[-/?|]\S*")
"""A word in which a browser would begin a new line, as behind the first hyphens of --filename."""
_WHOLE = '<span style="display:inline-block;max-width:100%">{}</span>'


def whole(inside: str) -> str:
    """What is broken into lines only if it is longer than one.

    Args:
        inside: as HTML. The full stop behind a word is to be in it: a line may begin with what follows.
    """
    return _WHOLE.format(inside)


def whole_words(text: str) -> str:
    """Text as HTML that is broken at blanks alone, and within a word only if that is longer than a line.

    Args:
        text: such as a command.
    """
    parts = re.split(r"(\s+)", text)
    return "".join(whole(html.escape(part)) if _BREAKABLE.fullmatch(part) else html.escape(part) for part in parts)
