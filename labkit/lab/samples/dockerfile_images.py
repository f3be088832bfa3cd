"""The images that a Dockerfile names, with the lab's references in place of sample images' names.

What is read is what decides that: continued lines, here-documents, stages' names, and the arguments before the first
FROM (moby/buildkit:frontend/dockerfile/docs/reference.md). All else is the builder's to judge, and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from labkit.lab.samples.near_image import near_image

_ESCAPE = re.compile(r"\s*#\s*escape\s*=\s*([\\`])\s*$", re.IGNORECASE)
_DIRECTIVE = re.compile(r"\s*#\s*\w+\s*=")
_HEREDOC = re.compile(r"<<(-?)([\"']?)([A-Za-z_]\w*)\2")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
_FROM = re.compile(r"(?i)^(\s*FROM\s+(?:--\S+\s+)*)(\S+)(?:\s+AS\s+(\S+))?")
_ARG = re.compile(r"(?i)^\s*ARG\s+(.*)$")
_FLAGS = re.compile(r"(?i)^\s*(?:COPY|ADD|RUN)((?:\s+--\S+)+)")
_FROM_FLAG = re.compile(r"(?<=--from=)[^\s,]+|(?<=[=,]from=)[^\s,]+")
_WITH_HEREDOC = re.compile(r"(?i)^\s*(?:COPY|ADD|RUN)\s")


@dataclass
class _Instruction:
    """An instruction as it stands, as one line, and the here-documents that follow it."""

    raw: str
    line: str
    documents: str = ""


@dataclass
class _Names:
    """What a name means so far."""

    images: Mapping[str, str]
    stages: set[str] = field(default_factory=set)
    arguments: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def reference(self, name: str) -> str | None:
        """The lab's reference for a sample image's name; None for a stage's name and for any other image."""
        if name.lower() in self.stages or name.isdecimal():
            return None
        self.asked.append(name)
        return self.images.get(name)


def name_images_in_full(dockerfile: str, images: Mapping[str, str]) -> str:
    """A Dockerfile in which sample images have their references.

    Args:
        dockerfile: its text.
        images: the references by the names that may be written in their place.
    """
    names = _Names(images)
    return "".join(_rewritten(instruction, names) for instruction in _instructions(dockerfile))


def images_named(dockerfile: str) -> list[str]:
    """The images that a Dockerfile names: what its stages begin with, and what files are copied from.

    Args:
        dockerfile: its text.
    """
    names = _Names({})
    for instruction in _instructions(dockerfile):
        _rewritten(instruction, names)
    return [name for name in names.asked if name and name.lower() != "scratch"]


def unknown_image(image: str, names: Iterable[str]) -> tuple[str, str]:
    """What is said of an image that nobody here has: that it is so, and what to type instead.

    Args:
        image: as it was written.
        names: of the lab's images.
    """
    near = near_image(image, names, "labkit images lists what there is")
    return f"there is no image {image!r} here, and the lab asks no registry", near


def _rewritten(instruction: _Instruction, names: _Names) -> str:
    line = instruction.line
    if match := _FROM.match(line):
        reference = names.reference(_expand(match[2], names.arguments))
        line = line[: match.start(2)] + reference + line[match.end(2) :] if reference else line
        names.stages |= {match[3].lower()} if match[3] else set()
        names.stages.add("")  # No argument after the first FROM counts for another.
    elif (match := _ARG.match(line)) and not names.stages:
        pairs = (pair.partition("=") for pair in match[1].split())
        names.arguments |= {name: _expand(value.strip("\"'"), names.arguments) for name, _, value in pairs}
    elif match := _FLAGS.match(line):
        flags = _FROM_FLAG.sub(lambda name: names.reference(name[0]) or name[0], match[1])
        line = line[: match.start(1)] + flags + line[match.end(1) :]
    return (instruction.raw if line == instruction.line else line) + instruction.documents


def _expand(text: str, arguments: Mapping[str, str]) -> str:
    """A text with its variables' values; a default counts where there is none."""
    return _VARIABLE.sub(lambda match: arguments.get(match[1] or match[3]) or match[2] or "", text)


def _instructions(dockerfile: str) -> Iterator[_Instruction]:
    """Each instruction, comment and empty line, whole."""
    lines = iter(dockerfile.splitlines(keepends=True))
    escape, may_direct = "\\", True
    for first in lines:
        if may_direct and (match := _ESCAPE.match(first)):
            escape = match[1]
        may_direct = may_direct and bool(_DIRECTIVE.match(first))
        raw, parts, line = [first], list[str](), first
        if not _is_comment(first):
            while (start := _continued(line, escape)) is not None or (parts and _is_comment(line)):
                parts.append(line[:start] if start is not None else "")
                line = next(lines, "")
                raw.append(line)
                if not line:
                    break
        instruction = _Instruction("".join(raw), "".join([*parts, line]))
        for dash, _, word in _HEREDOC.findall(instruction.line) if _WITH_HEREDOC.match(instruction.line) else ():
            for line in lines:
                instruction.documents += line
                if (line.lstrip("\t") if dash else line).rstrip("\n") == word:
                    break
        yield instruction


def _continued(line: str, escape: str) -> int | None:
    """Where a line ends that the next one continues; None if it is whole."""
    end = len(line.rstrip())
    return end - 1 if end and line[end - 1] == escape and not _is_comment(line) else None


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
