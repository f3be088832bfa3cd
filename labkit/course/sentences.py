"""The sentences of a lesson's texts, each on one line and without emphasis."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CODE_OR_TABLE = re.compile(r"^```.*?^```$|^\|.*\|$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )|(?<=\S)\n(?=#)")
_MARKER = re.compile(r"^\s*(?:[-*]|\d+\.) ")
_HIDDEN = re.compile(r"``[^`]+``|`[^`]+`|\]\([^)\s]*\)|https?://\S+|\(\w+\(\d\)\)")
_END = re.compile(r"[.!?][*_\"')]*(?=\s+(?:[A-Z0-9(*_\"'\[]|\.NET))")
_ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf)\.$")
_EMPHASIS = re.compile(r"\*\*|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)")


def blocks(text: str) -> list[str]:
    """The paragraphs, items of lists and headings of a Markdown text; code and tables are left out."""
    return _BLOCK.split(_CODE_OR_TABLE.sub("", text))


def is_item(block: str) -> bool:
    """Whether a block is an item of a list."""
    return _MARKER.match(block) is not None


def sentences(block: str) -> Iterator[str]:
    """The sentences of a block.

    Args:
        block: as `blocks` gives it.
    """
    flat = " ".join(_MARKER.sub("", block).split())
    hidden = _HIDDEN.sub(lambda match: "X" * len(match[0]), flat)
    ends = [match.end() for match in _END.finditer(hidden) if not _ABBREVIATED.search(hidden[: match.end()])]
    for start, end in zip([0, *ends], [*ends, len(flat)], strict=True):
        if text := plain(flat[start:end]):
            yield text


def sentence_of(text: str, beginning: str) -> str:
    """The sentence of a text that begins so; the beginning itself where there is none.

    Args:
        text: in Markdown.
        beginning: of a sentence.
    """
    all_of_them = (sentence for block in blocks(text) for sentence in sentences(block))
    return next((sentence for sentence in all_of_them if sentence.startswith(plain(beginning))), beginning)


def plain(text: str) -> str:
    """A text on one line and without emphasis."""
    return " ".join(_EMPHASIS.sub("", text).split())
