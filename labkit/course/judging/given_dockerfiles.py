"""The Dockerfiles that lessons give, which participants change."""

from __future__ import annotations

from functools import cache

from labkit.base.resources import NOTEBOOKS, require


def differs_from_given(text: str, file: str) -> bool:
    """Whether a builder reads something else in a Dockerfile than in the one that the lesson gives.

    Args:
        text: the Dockerfile.
        file: the given one's path beside the notebooks.
    """
    return _lines_of(text) != _lines_of(_given(file))


@cache
def _given(file: str) -> str:
    return (require(NOTEBOOKS) / file).read_text(encoding="utf-8")


def _lines_of(dockerfile: str) -> list[str]:
    """What of a Dockerfile is read by a builder, but for the blanks between its words."""
    lines = [" ".join(line.split()) for line in dockerfile.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
