"""How results look: text, HTML, progress. Calls no outside tool."""

from __future__ import annotations

from pathlib import Path


def counted(number: int, noun: str) -> str:
    """A number of things: 1 image, 2 images."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shown_path(path: Path) -> str:
    """A path as one types it: with `~` for the home folder, if it lies there."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and path != home else str(path)
