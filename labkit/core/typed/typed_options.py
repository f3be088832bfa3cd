"""The options of a command that was typed, read as the docker and kubectl commands read theirs. Pure.

Both use the same library (spf13/pflag:flag.go, parseArgs): `--name value`, `--name=value`, `-n value`, `-nvalue`, and
one-letter options together, as in `-itu root`. Which options stand alone has to be known; any other takes a value.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TypedOption:
    """An option with a value.

    Args:
        name: without its hyphens.
        value: its value.
        at: where in the line the value stands.
        before: what stands before the value in the same word, such as `--file=`; empty if it is a word of its own.
        first: where the option begins.
    """

    name: str
    value: str
    at: int
    before: str
    first: int


@dataclass(frozen=True)
class TypedLine:
    """What a line has after its command.

    Args:
        arguments: where the words stand that are neither options nor values.
        options: those with values, in order.
        alone: the names of those without, each with the place where it stands.
    """

    arguments: tuple[int, ...]
    options: tuple[TypedOption, ...]
    alone: tuple[tuple[str, int], ...]

    def values(self, *names: str) -> list[TypedOption]:
        """The options of some names."""
        return [option for option in self.options if option.name in names]


def read_line(argv: Sequence[str], start: int, alone: Collection[str], *, to_first_argument: bool = False) -> TypedLine:
    """Read a line.

    Args:
        argv: all of it.
        start: where to begin.
        alone: the names of the options that take no value.
        to_first_argument: whether what follows the first argument belongs to somebody else, as with `docker run`.
    """
    reader = _OptionReader(argv, alone)
    arguments: list[int] = []
    at = start
    while at < len(argv):
        token = argv[at]
        if token == "--":
            arguments.extend(range(at + 1, len(argv)))
            break
        if token.startswith("--"):
            at = reader.read_long(at)
        elif token.startswith("-") and token != "-":
            at = reader.read_short(at)
        else:
            arguments.append(at)
            at += 1
            if to_first_argument:
                break
    return TypedLine(tuple(arguments), tuple(reader.options), tuple(reader.alone))


class _OptionReader:
    """Collects the options of a line; reading one gives where what follows it begins."""

    def __init__(self, argv: Sequence[str], without_value: Collection[str]) -> None:
        self._argv, self._without_value = argv, without_value
        self.options: list[TypedOption] = []
        self.alone: list[tuple[str, int]] = []

    def read_long(self, at: int) -> int:
        """`--name`, `--name=value` or `--name value`."""
        name, equals, value = self._argv[at][2:].partition("=")
        if name in self._without_value:
            self.alone.append((name, at))
            return at + 1
        if equals:
            self.options.append(TypedOption(name, value, at, f"--{name}=", at))
            return at + 1
        return self._take_next(name, at)

    def read_short(self, at: int) -> int:
        """One-letter options in one word; the last may take the rest of it, or the next word."""
        token = self._argv[at]
        for place in range(1, len(token)):
            name, rest = token[place], token[place + 1 :]
            if name in self._without_value:
                self.alone.append((name, at))
                continue
            if rest:
                before = token[: place + 1] + ("=" if rest.startswith("=") else "")
                self.options.append(TypedOption(name, rest.removeprefix("="), at, before, at))
                return at + 1
            return self._take_next(name, at)
        return at + 1

    def _take_next(self, name: str, at: int) -> int:
        if at + 1 < len(self._argv):
            self.options.append(TypedOption(name, self._argv[at + 1], at + 1, "", at))
        return at + 2
