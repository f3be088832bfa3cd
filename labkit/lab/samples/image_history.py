"""What an image's history says that its Dockerfiles did, in the same words whichever builder made it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.adapters.engine import HistoryEntry

_SHELL = "/bin/sh -c "
_NO_RUN = re.compile(r"/bin/sh -c #\(nop\) +")
_BUILDKIT = " # buildkit"
_OUR_LABELS = ("LABEL labkit.", 'LABEL "labkit.')
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_LEFT_TO_A_SHELL = ("RUN ", "CMD ", "ENTRYPOINT ", "HEALTHCHECK ", "ONBUILD ")
"""Instructions in which no builder replaces variables (moby:builder/dockerfile/evaluator.go)."""
_BETWEEN_WORDS = re.compile(r'", ?"')


def instructions_of(history: Sequence[HistoryEntry], variables: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The instructions, oldest first; the labels that the lab gives are left out.

    Args:
        history: as `docker history` tells it, the newest entry first.
        variables: the image's environment, if the builder was podman's, which writes variables down by their names.
    """
    lines = [_instruction(entry["CreatedBy"]) for entry in reversed(history)]
    if variables is not None:
        lines = _without_variables(lines, variables)
    return tuple(line for line in lines if not line.startswith(_OUR_LABELS))


def _without_variables(lines: Iterable[str], variables: Mapping[str, str]) -> list[str]:
    """Instructions with the values of variables in the place of their names, as Docker's builder writes them down."""
    values, replaced = dict(variables), list[str]()
    for line in lines:
        if not line.startswith(_LEFT_TO_A_SHELL):
            line = " ".join(_VARIABLE.sub(lambda match: values.get(match[1] or match[2], ""), line).split())
        if line.startswith("ARG "):
            name, _, value = line.removeprefix("ARG ").partition("=")
            values.setdefault(name, value)
        replaced.append(line)
    return replaced


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
