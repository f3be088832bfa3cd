"""Commands, as a notebook gives them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence


def words_of(command: str | Sequence[str] | None) -> Sequence[str] | None:
    """A command's words; text is split into them, and read by no shell."""
    return shlex.split(command) if isinstance(command, str) else command
