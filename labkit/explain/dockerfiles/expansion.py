"""Variables in a Dockerfile's words, expanded as the builders do it, in time and memory that have a bound.

Source: moby/buildkit:frontend/dockerfile/shell/lex.go, at v0.34.2 (BuildKit) and at v0.13.2 (which docker 26.1.5, the
last engine of Debian, has for its classic builder).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal

from labkit.explain.dockerfiles.shell_patterns import InvalidPattern, remove_prefix, remove_suffix, replace

Builder = Literal["buildkit", "classic"]
"""Who builds: BuildKit, which `docker build` has been since 23.0, or the engine's own builder before it."""

# What unicode.IsSpace takes for white space.
GO_SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_RUNS = re.compile(f"[{re.escape(GO_SPACE)}]+|[^{re.escape(GO_SPACE)}]+")
_MOST_CHARACTERS = 8 << 20
_DEEPEST = 60
_SPECIAL = "@*#?-$!0"
_END = ""
# What Go prints for the end of a text where a character was wanted.
_NO_CHARACTER = "\ufffd"


class CannotExpand(ValueError):
    """A word that a builder stops at; the text is the builder's."""


class TooLarge(ValueError):
    """A Dockerfile that multiplies beyond measure: no builder's words, but ours."""


class Budget:
    """How many characters may still be made while a Dockerfile is read."""

    def __init__(self) -> None:
        self._left = _MOST_CHARACTERS

    def spend(self, characters: int) -> None:
        """Count characters.

        Raises:
            TooLarge: they are too many.
        """
        self._left -= characters
        if self._left < 0:
            raise TooLarge(f"its variables multiply it to more than {_MOST_CHARACTERS >> 20} million characters")


@dataclass
class Expansion:
    """What a word becomes.

    Args:
        text: with all variables expanded.
        parts: the same, split at the blanks that no quotes protect.
        missing: the names of variables that are not set.
    """

    text: str
    parts: list[str]
    missing: frozenset[str]


@dataclass(frozen=True)
class Lexing:
    """How words are read.

    Args:
        escape: the escape character of the Dockerfile.
        builder: whose rules.
        raw_quotes: whether quotes stay.
        raw_escapes: whether escape characters stay.
        keep_quotes: whether quotes mean nothing.
        keep_unset: whether variables that are not set stay as they are written.
    """

    escape: str = "\\"
    builder: Builder = "buildkit"
    raw_quotes: bool = False
    raw_escapes: bool = False
    keep_quotes: bool = False
    keep_unset: bool = False


def expand(word: str, lookup: Callable[[str], str | None], lexing: Lexing, budget: Budget) -> Expansion:
    """Expand a word.

    Args:
        word: as the Dockerfile has it.
        lookup: the value of a variable, None if it is not set.
        lexing: how it is read.
        budget: what is left of the Dockerfile's.

    Raises:
        CannotExpand: the builder stops at it.
        TooLarge: it multiplies beyond measure.
    """
    budget.spend(len(word))
    lexer = _Lexer(word.removeprefix("\ufeff"), lookup, lexing, budget)
    try:
        text, parts = lexer.until(_END, lexing.raw_escapes)
    except CannotExpand as error:
        raise CannotExpand(f"failed to process {go_quote(word)}: {error}") from error
    budget.spend(len(text))
    return Expansion(text, parts, frozenset(lexer.missing))


def go_quote(text: str) -> str:
    """A text as Go's %q prints it, near enough for a message."""
    escaped = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escaped.get(character, character) for character in text) + '"'


@cache
def _plain(others: str) -> re.Pattern[str]:
    """Characters that mean nothing but themselves, as many as there are.

    Args:
        others: characters that mean something, beside those that begin a variable, quotes or a heredoc.
    """
    return re.compile(f"[^$<'\"{re.escape(others)}]+")


@dataclass
class _Parts:
    """Splits what is added at blanks."""

    done: list[str] = field(default_factory=list)
    part: list[str] = field(default_factory=list)
    in_part: bool = False

    def add(self, text: str) -> None:
        for run in _RUNS.findall(text):
            if run[0] not in GO_SPACE:
                self.add_raw(run)
            elif self.in_part and self.part:
                self.close()

    def add_raw(self, text: str) -> None:
        if text:
            self.part.append(text)
        self.in_part = True

    def close(self) -> list[str]:
        if self.part:
            self.done.append("".join(self.part))
            self.part.clear()
            self.in_part = False
        return self.done


class _Lexer:
    def __init__(self, text: str, lookup: Callable[[str], str | None], lexing: Lexing, budget: Budget) -> None:
        self._text, self._at = text, 0
        self._lookup, self._lexing, self._budget = lookup, lexing, budget
        self._raw_escapes = lexing.raw_escapes
        self._depth = 0
        self._buffer: list[str] = []
        self.missing: set[str] = set()

    def until(self, stop: str, raw_escapes: bool, in_pattern: bool = False) -> tuple[str, list[str]]:
        """All up to the end, or up to the character that stops it."""
        outer, self._raw_escapes = self._raw_escapes, raw_escapes
        self._depth += 1
        if self._depth > _DEEPEST:
            raise TooLarge(f"its variables are nested more than {_DEEPEST} deep")
        try:
            return self._until(stop, in_pattern)
        finally:
            self._raw_escapes = outer
            self._depth -= 1

    def _until(self, stop: str, in_pattern: bool) -> tuple[str, list[str]]:
        pieces: list[str] = []
        # BuildKit has one buffer for all depths: what a variable's own words begin ends the part in front of it.
        parts = _Parts(part=self._buffer if self._lexing.builder == "buildkit" else [])
        parts.part.clear()
        plain = _plain(self._lexing.escape + stop)
        while (character := self._ahead()) != _END:
            if (run := plain.match(self._text, self._at)) is not None:
                self._at = run.end()
                parts.add(run[0])
                pieces.append(run[0])
                continue
            if stop and character == stop:
                self._next()
                return "".join(pieces), parts.close()
            special = self._special(character, in_pattern)
            if special is not None:
                pieces.append(special)
                (parts.add if character == "$" else parts.add_raw)(special)
                continue
            self._next()
            if character == self._lexing.escape:
                if self._raw_escapes:
                    parts.add_raw(character)
                    pieces.append(character)
                character = self._next()
                if character == _END:
                    break
                parts.add_raw(character)
            else:
                parts.add(character)
            pieces.append(character)
        if stop:
            raise CannotExpand(f"unexpected end of statement while looking for matching {stop}")
        return "".join(pieces), parts.close()

    def _special(self, character: str, in_pattern: bool) -> str | None:
        """What a variable, quotes or the mark of a heredoc become; None for any other character."""
        if character == "$":
            return self._variable()
        if character == "<" and self._lexing.builder == "buildkit":
            return self._heredoc_mark()
        if self._lexing.keep_quotes or character not in "'\"":
            return None
        in_pattern = in_pattern and self._lexing.builder == "buildkit"
        return self._single_quotes(in_pattern) if character == "'" else self._double_quotes(in_pattern)

    def _single_quotes(self, in_pattern: bool) -> str:
        self._next()
        end = self._text.find("'", self._at)
        if end < 0:
            self._at = len(self._text)
            raise CannotExpand("unexpected end of statement while looking for matching single-quote")
        inside, self._at = self._text[self._at : end], end + 1
        if in_pattern:
            inside = inside.replace(self._lexing.escape, self._lexing.escape * 2)
        return f"'{inside}'" if self._lexing.raw_quotes else inside

    def _double_quotes(self, in_pattern: bool) -> str:
        self._next()
        quote = '"' if self._lexing.raw_quotes else ""
        pieces = [quote]
        while (character := self._ahead()) != '"':
            if character == _END:
                raise CannotExpand("unexpected end of statement while looking for matching double-quote")
            if character == "$":
                pieces.append(self._variable())
                continue
            self._next()
            if character != self._lexing.escape:
                pieces.append(character)
                continue
            following = self._ahead()
            if self._lexing.builder == "classic" and self._raw_escapes:
                pieces.append(character)
            if following == _END:
                continue
            pieces += self._escape_in_quotes(character, following, in_pattern)
        self._next()
        return "".join((*pieces, quote))

    def _escape_in_quotes(self, escape: str, following: str, in_pattern: bool) -> list[str]:
        """An escape character in double quotes escapes only what is special in them."""
        newest = self._lexing.builder == "buildkit"
        if following in ('"', "$", escape):
            self._next()
            return [escape, following] if newest and self._raw_escapes else [following]
        doubled = newest and self._raw_escapes and (not self._lexing.raw_quotes or in_pattern)
        return [escape, escape] if doubled else [escape]

    def _heredoc_mark(self) -> str:
        self._next()
        if self._ahead() != "<":
            return "<"
        self._next()
        start = self._at
        while self._ahead() in ("\t", "\r", " "):
            self._next()
        return "<<" + self._text[start : self._at]

    def _variable(self) -> str:
        value = self._substitute()
        self._budget.spend(len(value))
        return value

    def _substitute(self) -> str:
        self._next()
        if self._ahead() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self._value(name)
            return f"${name}" if value is None and self._lexing.keep_unset else value or ""
        self._next()
        if self._ahead() == _END:
            raise CannotExpand("syntax error: missing '}'")
        if self._ahead() in "{}:":
            raise CannotExpand("syntax error: bad substitution")
        name = self._name()
        modifier = self._next()
        if modifier == "}":
            value = self._value(name)
            return f"${{{name}}}" if value is None and self._lexing.keep_unset else value or ""
        if modifier == "/":
            return self._replace(name)
        empty_is_unset = modifier == ":"
        if empty_is_unset:
            modifier = self._next()
        spelt = (":" if empty_is_unset else "") + (modifier or _NO_CHARACTER)
        if not empty_is_unset and (modifier == _END or modifier not in "+-?#%"):
            raise CannotExpand(f"unsupported modifier ({spelt}) in substitution")
        return self._modify(name, modifier, spelt, empty_is_unset)

    def _modify(self, name: str, modifier: str, spelt: str, empty_is_unset: bool) -> str:
        is_pattern = modifier in ("#", "%")
        if empty_is_unset and is_pattern and self._lexing.builder == "buildkit":
            raise CannotExpand(f"unsupported modifier ({spelt}) in substitution")
        word = self._argument("}", is_pattern, "syntax error: missing '}'", in_pattern=is_pattern)
        value = self._value(name)
        if self._lexing.keep_unset and value is None:
            return f"${{{name}{spelt}{word}}}"
        is_empty = value is None or (empty_is_unset and value == "")
        if modifier == "-":
            return word if is_empty else value or ""
        if modifier == "+":
            return "" if is_empty else word
        if modifier == "?":
            if is_empty:
                state = "unset" if value is None else "empty"
                raise CannotExpand(f"{name}: {word or f'is not allowed to be {state}'}")
            return value or ""
        if is_pattern:
            if not word and self._lexing.builder == "classic":
                raise CannotExpand("the classic builder crashes at a pattern that is empty")
            return self._trim(value or "", word, modifier)
        raise CannotExpand(f"unsupported modifier ({spelt}) in substitution")

    def _trim(self, value: str, word: str, modifier: str) -> str:
        longest = word.startswith(modifier)
        pattern = word[1:] if longest else word
        trim = remove_prefix if modifier == "#" else remove_suffix
        try:
            return trim(value, pattern, longest)
        except InvalidPattern as error:
            shown = pattern if modifier == "#" else pattern[::-1]
            raise CannotExpand(f"invalid pattern ({shown}) in substitution: {error}") from error

    def _replace(self, name: str) -> str:
        everywhere = self._ahead() == "/"
        if everywhere:
            self._next()
        pattern = self._argument("/", True, "syntax error: missing '/' in ${}", in_pattern=True)
        replacement = self._argument("}", True, "syntax error: missing '}'", in_pattern=False)
        value = self._value(name)
        if self._lexing.keep_unset and value is None:
            return f"${{{name}/{pattern}/{replacement}}}"
        try:
            return replace(value or "", pattern, replacement, everywhere, self._budget.spend)
        except InvalidPattern as error:
            raise CannotExpand(f"invalid pattern ({pattern}) in substitution: {error}") from error

    def _argument(self, stop: str, raw_escapes: bool, missing: str, *, in_pattern: bool) -> str:
        try:
            return self.until(stop, raw_escapes, in_pattern)[0]
        except CannotExpand as error:
            if self._ahead() == _END:
                raise CannotExpand(missing) from error
            raise

    def _name(self) -> str:
        start = self._at
        first = self._ahead()
        if first != _END and first.isdecimal():
            while self._ahead() != _END and self._ahead().isdecimal():
                self._next()
        elif first != _END and first in _SPECIAL:
            self._next()
        else:
            while (character := self._ahead()) != _END:
                if not (character.isalpha() or character.isdecimal() or character == "_"):
                    break
                self._next()
        return self._text[start : self._at]

    def _value(self, name: str) -> str | None:
        value = self._lookup(name)
        if value is None:
            self.missing.add(name)
        return value

    def _ahead(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else _END

    def _next(self) -> str:
        character = self._ahead()
        self._at += len(character)
        return character
