"""What follows an instruction's name, split as that instruction wants it.

Source: moby/buildkit:frontend/dockerfile/parser (line_parsers.go, split_command.go).
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from labkit.explain.dockerfiles.expansion import GO_SPACE, Builder, go_quote

_BLANKS = re.compile(r"[\t\v\f\r ]+")
_JSON_SPACE = re.compile(r"[ \t\n\r]*")
_NOT_STRINGS = "when using JSON array syntax, arrays must be comprised of strings only"


class CannotSplit(ValueError):
    """Arguments that the builder's parser refuses; the text is the builder's."""


class Arguments(NamedTuple):
    """An instruction's arguments, and whether they were a JSON array."""

    values: tuple[str, ...]
    is_json: bool = False


def parse_arguments(keyword: str, rest: str, escape: str, builder: Builder) -> Arguments:
    """Split what follows the name and the flags of an instruction.

    Args:
        keyword: the instruction's name, in lower case.
        rest: what follows.
        escape: the character that escapes, a backslash or a backtick.
        builder: whose rules count.

    Raises:
        CannotSplit: the builder refuses it.
    """
    if keyword in ("maintainer", "stopsignal", "user", "workdir"):
        return Arguments((rest,) if rest else ())
    if keyword in ("cmd", "entrypoint", "run", "shell"):
        return _maybe_json(rest, builder) if rest else Arguments(())
    if keyword in ("add", "copy", "volume"):
        return _json(rest, builder) or _split_at_blanks(rest)
    if keyword in ("expose", "from"):
        return _split_at_blanks(rest)
    if keyword in ("env", "label"):
        return Arguments(_names_and_values(rest, keyword.upper(), escape))
    if keyword == "arg":
        return Arguments(tuple(_split_at_unquoted_blanks(rest, escape)))
    if keyword == "healthcheck":
        return _health(rest, builder)
    return Arguments(())


def split_flags(line: str, escape: str) -> tuple[str, tuple[str, ...]]:
    """The arguments that begin with -- at the front of a line, without their quotes, and what follows them."""
    flags: list[str] = []
    at = 0
    while True:
        while at < len(line) and line[at] in GO_SPACE:
            at += 1
        if line[at : at + 2] != "--":
            return line[at:], tuple(flags)
        flag, has_quotes, at = _flag(line, at, escape)
        if flag == "--":
            return line[at:], tuple(flags)
        if flag or has_quotes:
            flags.append(flag)


def _flag(line: str, at: int, escape: str) -> tuple[str, bool, int]:
    pieces: list[str] = []
    quote, has_quotes = "", False
    while at < len(line):
        character = line[at]
        if not quote and character in GO_SPACE:
            break
        at += 1
        if quote and character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote, has_quotes = character, True
        elif character == escape:
            # One at the very end is skipped.
            pieces.append(line[at : at + 1])
            at += 1
        else:
            pieces.append(character)
    return "".join(pieces), has_quotes, at


def _split_at_blanks(rest: str) -> Arguments:
    return Arguments(tuple(_BLANKS.split(rest)) if rest else ())


def _maybe_json(rest: str, builder: Builder) -> Arguments:
    return _json(rest, builder) or Arguments((rest,))


def _json(rest: str, builder: Builder) -> Arguments | None:
    """A JSON array of strings; None if it is no JSON array, for then it is a text like any other."""
    rest = rest.lstrip(GO_SPACE)
    if not rest.startswith("["):
        return None
    try:
        values, end = json.JSONDecoder(parse_constant=_refuse_constant).raw_decode(rest)
    except (ValueError, RecursionError):
        return None
    # The classic builder's parser does not look at what follows the array.
    if builder == "buildkit" and _JSON_SPACE.fullmatch(rest, end) is None:
        return None
    if not all(isinstance(value, str) for value in values):
        raise CannotSplit(_NOT_STRINGS)
    return Arguments(tuple(values), is_json=True)


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _names_and_values(rest: str, keyword: str, escape: str) -> tuple[str, ...]:
    """Names and values in turn, of `NAME=value ...` or of the older `NAME value`."""
    pairs = _split_at_unquoted_blanks(rest, escape)
    if not pairs:
        return ()
    if "=" not in pairs[0]:
        parts = _BLANKS.split(rest, maxsplit=1)
        if len(parts) < 2:
            raise CannotSplit(f"{keyword} must have two arguments")
        return tuple(parts)
    result: list[str] = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise CannotSplit(f"Syntax error - can't find = in {go_quote(pair)}. Must be of the form: name=value")
        result += (name, value)
    return tuple(result)


def _health(rest: str, builder: Builder) -> Arguments:
    kind = rest
    for at, character in enumerate(rest):
        if character in GO_SPACE:
            kind = rest[:at]
            break
    if not kind:
        return Arguments(())
    command = rest[len(kind) :].lstrip(GO_SPACE)
    values, is_json = _maybe_json(command, builder) if command else Arguments(())
    return Arguments((kind, *values), is_json)


def _split_at_unquoted_blanks(rest: str, escape: str) -> list[str]:
    """What stands between blanks that no quotes protect; quotes and escape characters stay."""
    parts: list[str] = []
    pieces: list[str] = []
    quote, has_quotes, in_part = "", False, False
    at = 0
    while at < len(rest):
        character = rest[at]
        at += 1
        if not in_part and character in GO_SPACE:
            continue
        if not quote and character in GO_SPACE:
            if has_quotes or pieces:
                parts.append("".join(pieces))
            pieces, has_quotes, in_part = [], False, False
            continue
        in_part = True
        if quote:
            ends = character == quote
            if character == escape and quote != "'":
                if at == len(rest):
                    break
                pieces.append(character)
                character = rest[at]
                at += 1
            if ends:
                quote = ""
        elif character in "'\"":
            quote, has_quotes = character, True
        elif character == escape:
            if at == len(rest):
                break
            pieces.append(character)
            character = rest[at]
            at += 1
        pieces.append(character)
    if in_part and (has_quotes or pieces):
        parts.append("".join(pieces))
    return parts
