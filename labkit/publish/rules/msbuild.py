"""MSBuild's values: `$(Name)`, escapes, lists and conditions.

PURE. What is not understood is refused by name: a condition or a function that is silently skipped would
publish another image than the SDK does. Source of the rules: learn.microsoft.com, MSBuild conditions, and
dotnet/msbuild:src/Build/Evaluation.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

LookUp = Callable[[str], str]
"""Gives the value of a property by its name, empty where it has none."""

_REFERENCE = re.compile(r"\$\(([^()]*)\)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_TOKEN = re.compile(r"\s*(==|!=|<=|>=|<|>|!|\(|\)|'(?:[^']*)'|[^\s()<>=!']+)")
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_COMPARISONS = ("==", "!=", *_ORDER)
_TRUE, _FALSE = {"true", "on", "yes"}, {"false", "off", "no"}


class NotUnderstood(Exception):
    """A project file holds what the kit does not evaluate; the message names it.

    Args:
        construct: what it is.
        remedy: what to write instead, where the SDK takes it no more than the kit; else empty.
    """

    def __init__(self, construct: str, remedy: str = "") -> None:
        super().__init__(construct)
        self.remedy = remedy


def expand(text: str, look_up: LookUp) -> str:
    """A value with every `$(Name)` replaced.

    Raises:
        NotUnderstood: a property function, an item list or metadata is in it.
    """
    if "$(" not in text and "@(" not in text and "%(" not in text:
        return text
    for mark, construct in (("@(", "an item list"), ("%(", "item metadata")):
        if mark in text:
            raise NotUnderstood(f"{construct}, in {text!r}")

    def replaced(match: re.Match[str]) -> str:
        name = match.group(1).strip()
        if not _NAME.fullmatch(name):
            raise NotUnderstood(f"a property function, $({name})")
        return look_up(name)

    expanded = _REFERENCE.sub(replaced, text)
    if "$(" in _REFERENCE.sub("", text):
        raise NotUnderstood(f"a property function, in {text!r}")
    return expanded


def unescape(text: str) -> str:
    """A text with `%3B` and its like replaced by their characters."""
    return _ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), text) if "%" in text else text


def split_list(text: str) -> list[str]:
    """The entries of a list separated by semicolons: stripped, without empty ones."""
    return [unescape(entry) for part in text.split(";") if (entry := part.strip())]


def is_true(text: str) -> bool:
    """Whether MSBuild takes a value for true."""
    return text.strip().lower() in _TRUE


def holds(condition: str, look_up: LookUp) -> bool:
    """Whether a condition is true; an empty one is.

    Raises:
        NotUnderstood: it calls a function, or makes no sense.
    """
    if not condition.strip():
        return True
    reader = _Reader(condition, look_up)
    try:
        result = reader.any_of()
    except RecursionError:
        raise NotUnderstood("a condition that is nested too deeply") from None
    if reader.token is not None:
        raise reader.senseless()
    return result


class _Reader:
    """Reads a condition from left to right: `or` binds least, then `and`, then `!`, then a comparison."""

    def __init__(self, condition: str, look_up: LookUp) -> None:
        self.condition, self.look_up = condition, look_up
        self.tokens = self._tokens()
        self.next = 0

    def _tokens(self) -> list[str]:
        tokens, at = [], 0
        # A reference such as $(Name) is replaced by a placeholder first, so that no token splits it.
        text, references = self._hide_references()
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.senseless()
            tokens.append(re.sub("\0(\\d+)\0", lambda hit: references[int(hit.group(1))], match.group(1)))
            at = match.end()
        return tokens

    def _hide_references(self) -> tuple[str, list[str]]:
        references: list[str] = []

        def hide(match: re.Match[str]) -> str:
            references.append(match.group(0))
            return f"\0{len(references) - 1}\0"

        return _REFERENCE.sub(hide, self.condition), references

    @property
    def token(self) -> str | None:
        return self.tokens[self.next] if self.next < len(self.tokens) else None

    def senseless(self) -> NotUnderstood:
        return NotUnderstood(f"the condition {self.condition!r}")

    def _accept(self, *tokens: str) -> bool:
        if self.token is not None and self.token.lower() in tokens:
            self.next += 1
            return True
        return False

    def any_of(self) -> bool:
        result = self._all_of()
        while self._accept("or"):
            other = self._all_of()
            result = result or other
        return result

    def _all_of(self) -> bool:
        result = self._factor()
        while self._accept("and"):
            other = self._factor()
            result = result and other
        return result

    def _factor(self) -> bool:
        if self._accept("!"):
            return not self._factor()
        if self._accept("("):
            result = self.any_of()
            if not self._accept(")"):
                raise self.senseless()
            return result
        left = self._operand()
        symbol = self.token
        if symbol is not None and symbol in _COMPARISONS:
            self.next += 1
            return self._compare(left, symbol, self._operand())
        if left.strip().lower() in _TRUE | _FALSE:
            return is_true(left)
        raise self.senseless()

    def _operand(self) -> str:
        token = self.token
        if token is None or token in (*_COMPARISONS, "!", "(", ")"):
            raise self.senseless()
        self.next += 1
        if self.token == "(":
            raise NotUnderstood(f"the function {token}, in the condition {self.condition!r}")
        return unescape(expand(token.strip("'") if token.startswith("'") else token, self.look_up))

    def _compare(self, left: str, symbol: str, right: str) -> bool:
        first, second = _number(left), _number(right)
        if symbol in ("==", "!="):
            if first is not None and second is not None:
                same = first == second
            elif left.lower() in _TRUE | _FALSE and right.lower() in _TRUE | _FALSE:
                same = is_true(left) == is_true(right)
            else:
                same = left.lower() == right.lower()
            return same == (symbol == "==")
        if first is None or second is None:
            raise self.senseless()
        return _ORDER[symbol](first, second)


def _number(text: str) -> float | None:
    try:
        return float(int(text, 16)) if text.lower().startswith("0x") else float(text)
    except ValueError:
        return None
