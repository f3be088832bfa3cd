"""Variables in a Compose file.

Source: compose-spec/compose-go:template/template.go, at v2.16.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*", re.ASCII)
_OPERATOR = re.compile(r":?[-+?]")
_DEEPEST = 50
_MOST_CHARACTERS = 1 << 20


class InvalidTemplate(ValueError):
    """A value that Compose does not interpolate; the text is Compose's."""


class Interpolation:
    """Fills variables in.

    Args:
        variables: their values.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.missing: set[str] = set()

    def fill(self, text: str, depth: int = 0) -> str:
        """A text with its variables filled in; one that is not set is empty, and is in `missing`.

        Raises:
            InvalidTemplate: Compose stops at it.
        """
        if depth > _DEEPEST:
            raise InvalidTemplate(f"its variables are nested more than {_DEEPEST} deep")
        pieces: list[str] = []
        made = at = 0
        while (dollar := text.find("$", at)) >= 0:
            pieces.append(text[at:dollar])
            at = dollar + 1
            if text[at : at + 1] == "$":
                pieces.append("$")
                at += 1
            elif text[at : at + 1] == "{":
                value, at = self._braced(text, at + 1, depth)
                pieces.append(value)
            elif match := _NAME.match(text, at):
                pieces.append(self._value(match[0]) or "")
                at = match.end()
            else:
                pieces.append("$")
            made += len(pieces[-1])
            if made > _MOST_CHARACTERS:
                raise InvalidTemplate("its variables multiply it to more than a million characters")
        return "".join((*pieces, text[at:]))

    def _braced(self, text: str, at: int, depth: int) -> tuple[str, int]:
        name = _NAME.match(text, at)
        if name is None:
            raise InvalidTemplate(f"invalid interpolation format: {text}")
        operator = _OPERATOR.match(text, name.end())
        start = operator.end() if operator else name.end()
        end = _closing(text, start)
        if end < 0 or (operator is None and end != start):
            raise InvalidTemplate(f"invalid interpolation format: {text}")
        word = text[start:end]
        return self._modified(name[0], operator[0] if operator else "", word, depth), end + 1

    def _modified(self, name: str, operator: str, word: str, depth: int) -> str:
        if not operator:
            return self._value(name) or ""
        value = self._variables.get(name)
        is_empty = value is None or (operator.startswith(":") and value == "")
        if operator.endswith("?"):
            if is_empty:
                raise InvalidTemplate(f"required variable {name} is missing a value" + (f": {word}" if word else ""))
            return value or ""
        if operator.endswith("+"):
            return "" if is_empty else self.fill(word, depth + 1)
        return self.fill(word, depth + 1) if is_empty else value or ""

    def _value(self, name: str) -> str | None:
        value = self._variables.get(name)
        if value is None:
            self.missing.add(name)
        return value


def _closing(text: str, at: int) -> int:
    """Where the brace closes that was opened before a place; -1 for nowhere."""
    depth = 1
    for place in range(at, len(text)):
        if text[place] == "}":
            depth -= 1
            if not depth:
                return place
        elif text.startswith("${", place):
            depth += 1
    return -1
