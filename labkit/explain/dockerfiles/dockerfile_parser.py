"""A Dockerfile's text as instructions, with their lines: continuations, comments, directives and heredocs.

Source: moby/buildkit:frontend/dockerfile/parser (parser.go, directives.go, split_command.go, line_parsers.go), at
v0.34.2 (BuildKit) and at v0.13.2 (the classic builder of docker 26.1.5).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from labkit.explain.dockerfiles.argument_parsers import (
    Arguments,
    CannotSplit,
    parse_arguments,
    split_flags,
)
from labkit.explain.dockerfiles.expansion import GO_SPACE, Budget, Builder, CannotExpand, Lexing, expand
from labkit.explain.dockerfiles.heredocs import Heredoc, find_heredoc

LARGEST: Final = 1 << 20
"""The largest Dockerfile that is read, in bytes; the largest that people keep are a hundredth of it."""

# bufio.MaxScanTokenSize: a line with its newline must not be longer.
_LONGEST_LINE = 64 * 1024
_BLANKS = re.compile(r"[\t\v\f\r ]+")
_DIRECTIVE = re.compile(r"#[\t\n\f\r ]*([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=(.+)\Z", re.ASCII)
_DIRECTIVE_SPACE = "\t\n\f\r "
_DIRECTIVES = {"buildkit": {"syntax", "escape", "check"}, "classic": {"syntax", "escape"}}
_NO_UTF8 = re.compile("[\udc80-\udcff]")
_ONBUILD_PREFIX = re.compile(r"[\t\n\f\r ]*ONBUILD[\t\n\f\r ]*", re.IGNORECASE | re.ASCII)
_HAVE_HEREDOCS = ("add", "copy", "run")


class BuildStops(ValueError):
    """What stops a build; the text is the builder's.

    Args:
        message: in the builder's words.
        line: the line of the Dockerfile, None if it is none of them.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Instruction:
    """One instruction, before anybody has looked at whether it is a good one.

    Args:
        keyword: in lower case.
        spelt: as the Dockerfile has it.
        flags: what begins with -- before the arguments.
        arguments: as its own parser has split them; for ONBUILD, those of the instruction in it, with its keyword.
        is_json: whether they were a JSON array.
        line: its first line.
        text: all of it, without the newlines.
        heredocs: the texts that belong to it.
    """

    keyword: str
    spelt: str
    flags: tuple[str, ...]
    arguments: tuple[str, ...]
    is_json: bool
    line: int
    text: str
    heredocs: tuple[Heredoc, ...] = ()

    @property
    def trigger(self) -> str:
        """The instruction inside of an ONBUILD, with its heredocs."""
        inside = _ONBUILD_PREFIX.sub("", self.text, count=1) if _ONBUILD_PREFIX.match(self.text) else self.text
        return inside + "".join(f"\n{heredoc.content}{heredoc.name}" for heredoc in self.heredocs)


@dataclass(frozen=True)
class Parsed:
    """A Dockerfile's instructions.

    Args:
        instructions: in their order.
        escape: the escape character.
        syntax: the front end that a `# syntax=` names, None for the builder's own.
        checks: what a `# check=` wants of BuildKit's linter, up to the first blank; empty for nothing.
    """

    instructions: tuple[Instruction, ...]
    escape: str
    syntax: str | None = None
    checks: str = ""


def decode(data: bytes) -> str:
    """Bytes as text; each that is no UTF-8 becomes U+FFFD, as it does in Go."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _NO_UTF8.sub("\ufffd", data.decode("utf-8", "surrogateescape"))


def parse_dockerfile(text: str, builder: Builder, budget: Budget | None = None) -> Parsed:
    """Parse a Dockerfile.

    Args:
        text: all of it.
        builder: whose rules.
        budget: what is left of the Dockerfile's.

    Raises:
        BuildStops: the builder does not get through it.
    """
    if not text:
        raise BuildStops("the Dockerfile cannot be empty")
    return _Parser(text, builder, budget or Budget()).parse()


class _Parser:
    def __init__(self, text: str, builder: Builder, budget: Budget) -> None:
        self._builder, self._budget = builder, budget
        self._too_long = False
        self._lines = self._read(text)
        self._number = 0
        self._escape = "\\"
        self._directives_done = False
        self._is_indented = False
        self._directives: dict[str, str] = {}

    def parse(self) -> Parsed:
        instructions = []
        for line in self._lines:
            first = line.removeprefix("\ufeff") if self._number == 0 else line
            self._is_indented |= first[:1] in (" ", "\t")
            piece = self._processed(first.rstrip("\r\n").lstrip(GO_SPACE))
            self._number += 1
            start = self._number
            text, goes_on = self._continued(piece)
            if not goes_on and not text:
                continue
            if goes_on:
                text += "".join(self._rest())
            instructions.append(self._instruction(text, start))
        if not instructions:
            raise BuildStops("file with no instructions", self._number)
        if self._too_long:
            raise BuildStops(f"dockerfile line greater than max allowed size of {_LONGEST_LINE - 1}", self._number + 1)
        return Parsed(
            tuple(instructions),
            self._escape,
            self._directives.get("syntax"),
            self._directives.get("check", "").partition(" ")[0],
        )

    def _read(self, text: str) -> Iterator[str]:
        """The lines with their newlines; they end before one that is too long."""
        for line in io.StringIO(text, newline="\n"):  # at the end of which lines end, and nowhere else
            if len(line) * 4 >= _LONGEST_LINE:
                size = len(line.encode("utf-8", "surrogatepass"))
                if size > _LONGEST_LINE or (size == _LONGEST_LINE and not line.endswith("\n")):
                    self._too_long = True
                    return
            yield line

    def _processed(self, line: str) -> str:
        """A line, or nothing for a comment; the first ones may be directives."""
        self._look_for_directive(line)
        return "" if line.lstrip(GO_SPACE).startswith("#") else line

    def _look_for_directive(self, line: str) -> None:
        if self._directives_done:
            return
        match = _DIRECTIVE.match(line)
        key = match[1].lower() if match else ""
        if match is None or key not in _DIRECTIVES[self._builder]:
            self._directives_done = True
            return
        if key in self._directives:
            raise BuildStops(f"only one {key} parser directive can be used", self._number + 1)
        # The builder's expression needs one character: of nothing but blanks it takes the last.
        value = match[2].strip(_DIRECTIVE_SPACE) or match[2][-1]
        # BuildKit looks for its linter's options by itself, and not behind blanks.
        self._directives[key] = "" if key == "check" and self._is_indented else value
        if key == "escape":
            if value not in ("\\", "`"):
                raise BuildStops(f"invalid escape token '{value}' does not match ` or \\", self._number + 1)
            self._escape = value

    def _continued(self, line: str) -> tuple[str, bool]:
        """A line without the character that continues it, and whether it has one."""
        stripped = line.rstrip(" \t")
        if stripped.endswith(self._escape) and stripped[-2:-1] != self._escape:
            return stripped[:-1], True
        return line, False

    def _rest(self) -> Iterator[str]:
        """The lines that continue an instruction; comments and empty lines among them count for nothing."""
        for line in self._lines:
            stripped = line.rstrip("\r\n")
            if not self._directives_done:
                self._look_for_directive(stripped)
            self._number += 1
            if (bare := stripped.lstrip(GO_SPACE)) and bare[0] != "#":
                text, goes_on = self._continued(stripped)
                yield text
                if not goes_on:
                    return

    def _instruction(self, text: str, start: int) -> Instruction:
        try:
            instruction = self._from_line(text, start)
            holder = self._holder(instruction)
            if holder is None or (self._builder == "buildkit" and "<<" not in text):
                return instruction
            return replace(instruction, heredocs=tuple(map(self._filled, self._heredocs(text))))
        except (CannotSplit, CannotExpand) as error:
            raise BuildStops(str(error), start) from error

    def _from_line(self, text: str, start: int) -> Instruction:
        spelt, _, rest = _split_first(text.strip(GO_SPACE))
        flags: tuple[str, ...] = ()
        if rest is not None:
            escape = self._escape if self._builder == "buildkit" else "\\"
            rest, flags = split_flags(rest, escape)
        arguments = self._arguments(spelt.lower(), (rest or "").strip(GO_SPACE), start)
        return Instruction(spelt.lower(), spelt, flags, arguments.values, arguments.is_json, start, text)

    def _arguments(self, keyword: str, rest: str, start: int) -> Arguments:
        if keyword != "onbuild" or not rest:
            return parse_arguments(keyword, rest, self._escape, self._builder)
        inner = self._from_line(rest, start)
        return Arguments((inner.spelt, *inner.arguments), inner.is_json)

    def _holder(self, instruction: Instruction) -> str | None:
        """The instruction that could hold heredocs, which may stand in an ONBUILD; None if there is none."""
        keyword = instruction.keyword
        if keyword == "onbuild" and instruction.arguments:
            keyword = instruction.arguments[0].lower()
        return keyword if keyword in _HAVE_HEREDOCS and not instruction.is_json else None

    def _heredocs(self, text: str) -> list[Heredoc]:
        lexing = Lexing(builder=self._builder, raw_quotes=True, raw_escapes=True, keep_unset=True)
        try:
            parts = expand(text, lambda _: None, lexing, self._budget).parts
        except CannotExpand:
            return []
        heredocs = (find_heredoc(part, self._builder, self._budget) for part in parts)
        return [heredoc for heredoc in heredocs if heredoc is not None]

    def _filled(self, heredoc: Heredoc) -> Heredoc:
        content: list[str] = []
        for line in self._lines:
            self._number += 1
            ending = line.rstrip("\r\n")
            if (ending.lstrip("\t") if heredoc.chomps else ending) == heredoc.name:
                return replace(heredoc, content="".join(content))
            content.append(line)
        raise BuildStops("unterminated heredoc", self._number)


def _split_first(line: str) -> tuple[str, str, str | None]:
    match = _BLANKS.search(line)
    return (line, "", None) if match is None else (line[: match.start()], match[0], line[match.end() :])
