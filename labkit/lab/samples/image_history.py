"""What an image's history says that its Dockerfiles did, in the same words whichever builder made it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.adapters.engine import HistoryEntry

_SHELL = "/bin/sh -c "
_NO_RUN = re.compile(r"/bin/sh -c #\(nop\) +")
_BUILDKIT = " # buildkit"
_OUR_LABELS = ("LABEL labkit.", 'LABEL "labkit.')
_BETWEEN_WORDS = re.compile(r'", ?"')


def instructions_of(history: Sequence[HistoryEntry]) -> tuple[str, ...]:
    """The instructions, oldest first; the labels that the lab gives are left out.

    Args:
        history: as `docker history` tells it, the newest entry first.
    """
    lines = [_instruction(entry["CreatedBy"]) for entry in reversed(history)]
    return tuple(line for line in lines if not line.startswith(_OUR_LABELS))


def _instruction(created_by: str) -> str:
    """An instruction as a Dockerfile has it: the classic builder and BuildKit each put something around it.

    Podman's builder writes as the classic one, but for the words of a program, which are those of the JSON.
    """
    line = created_by.removesuffix(_BUILDKIT)
    if match := _NO_RUN.match(line):
        line = line[match.end() :]
    elif line.startswith(_SHELL):
        line = f"RUN {line.removeprefix(_SHELL)}"
    if line.startswith(("CMD [", "ENTRYPOINT [")):
        line = _BETWEEN_WORDS.sub('" "', line)
    return " ".join(line.replace(f"RUN {_SHELL}", "RUN ", 1).split())
