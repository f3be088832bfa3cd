"""How results look: text, HTML, progress. Calls no outside tool."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things: 1 image, 2 images."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
