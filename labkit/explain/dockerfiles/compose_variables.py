"""The file `.env`, and others like it, as Compose reads them.

Source: compose-spec/compose-go:dotenv/parser.go and godotenv.go, at v2.16.2.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from labkit.explain.dockerfiles.compose_text import Interpolation, InvalidTemplate

_LARGEST: Final = 1 << 20
_SKIPPED = re.compile(r"(?:\s|#[^\n]*(?:\n|\Z))*")
_EXPORT = re.compile(r"export\s+")
_NAME = re.compile(r"([\w.\[\] \t\v\f\r-]*)([=:\n]|\Z)")
_BLANKS = re.compile(r"[ \t\v\f\r]*")
_ESCAPE = re.compile(r"\\(?:([abfnrtv\"\\])|(\$)|0([0-7]{3}))")
_ESCAPED: Final = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def variables_of(folder: Path) -> dict[str, str]:
    """What Compose fills in: the file .env of the project's folder, and the environment, which overrides it.

    Raises:
        InvalidTemplate: Compose cannot read the file.
    """
    return {**read_variables([folder / ".env"]), **os.environ}


def read_variables(files: Iterable[Path]) -> dict[str, str]:
    """The variables of files like .env; one that is not there has none.

    Raises:
        InvalidTemplate: Compose cannot read one.
    """
    variables: dict[str, str] = {}
    for path in files:
        try:
            with path.open("rb") as file:
                text = file.read(_LARGEST).decode("utf-8", "replace")
        except OSError:
            continue
        try:
            _EnvFileReader(text.removeprefix("\ufeff").replace("\r\n", "\n"), variables).read()
        except InvalidTemplate as error:
            raise InvalidTemplate(f"failed to read {path}: {error}") from error
    return variables


class _EnvFileReader:
    """Reads one such text.

    Args:
        text: of the file.
        variables: those that are there already, to which it adds.
    """

    def __init__(self, text: str, variables: dict[str, str]) -> None:
        self._text, self._variables = text, variables
        self._at = 0

    def read(self) -> None:
        while True:
            self._skip(_SKIPPED)
            if self._at >= len(self._text):
                return
            self._skip(_EXPORT)
            match = _NAME.match(self._text, self._at)
            if match is None:
                raise self._problem("unexpected character in a variable's name")
            name = match[1].rstrip()
            if " " in name:
                raise self._problem("key cannot contain a space")
            self._at = match.end()
            if match[2] in ("=", ":"):
                self._skip(_BLANKS)
                self._variables[name] = self._value()
            elif name in os.environ:
                self._variables[name] = os.environ[name]

    def _value(self) -> str:
        quote = self._text[self._at : self._at + 1]
        if quote in ("'", '"'):
            return self._quoted(quote)
        end = self._text.find("\n", self._at)
        line = self._text[self._at : end if end >= 0 else len(self._text)]
        self._at += len(line)
        return self._filled(line.partition(" #")[0].rstrip())

    def _quoted(self, quote: str) -> str:
        """A value in quotes, which may have several lines; what stands in single ones is as it is."""
        match = re.compile(rf"(?:\\.|[^\\{quote}])*{quote}", re.DOTALL).match(self._text, self._at + 1)
        if match is None:
            raise self._problem("unterminated quoted value")
        self._at = match.end()
        text = match[0][:-1].replace(f"\\{quote}", quote)
        return text if quote == "'" else self._filled(_ESCAPE.sub(_unescaped, text))

    def _filled(self, text: str) -> str:
        known: Mapping[str, str] = {**self._variables, **os.environ}
        return Interpolation(known).fill(text) if "$" in text else text

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match is not None else self._at

    def _problem(self, problem: str) -> InvalidTemplate:
        line = self._text.count("\n", 0, self._at) + 1
        return InvalidTemplate(f"line {line}: {problem}")


def _unescaped(match: re.Match[str]) -> str:
    if match[2]:
        return "$$"
    return _ESCAPED.get(match[1], match[1]) if match[1] else chr(int(match[3], 8))
