"""The lines of passwd and group files, as leniently as engine and containerd read them (moby/sys:user/user.go)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from labkit.core.identity.model import field_number

# What unicode.IsSpace counts as white space, which bytes.TrimSpace takes off a line's ends.
_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# bufio.MaxScanTokenSize: a passwd line with its newline must be shorter.
_LONGEST_LINE = 64 * 1024
# Files up to this size are kept parsed: the many cases of a batch share a few of them.
_KEEP_CHARACTERS = 4 * 1024
# Fields that a short line lacks are empty.
_MISSING = [""] * 6


class UnreadableAccounts(ValueError):
    """A passwd file that Go's scanner gives up on; the text is Go's."""


class Account(NamedTuple):
    """A line of a passwd file; a number that is none counts as 0, as it does for the engine."""

    name: str
    uid: int
    gid: int
    comment: str
    home: str
    shell: str

    def __repr__(self) -> str:
        """The line, as passwd has it."""
        return ":".join(map(str, (self.name, "x", *self[1:])))


class Group(NamedTuple):
    """A line of a group file."""

    name: str
    gid: int
    members: tuple[str, ...]


def parse_passwd(text: str) -> list[Account]:
    """The accounts of a passwd file, in its order; empty lines are skipped, missing fields are empty.

    Raises:
        UnreadableAccounts: a line is too long.
    """
    return list(accounts(text))


def parse_group(text: str) -> list[Group]:
    """The groups of a group file, in its order; lines that begin with # are comments, unlike in passwd."""
    return list(groups(text))


def accounts(text: str | None) -> Iterable[Account]:
    """As `parse_passwd`, a line at a time if the file is large; an absent file has no lines.

    Raises:
        UnreadableAccounts: a line is too long.
    """
    if text is None:
        return ()
    return _kept_accounts(text) if len(text) <= _KEEP_CHARACTERS else _accounts(text)


def groups(text: str | None) -> Iterable[Group]:
    """As `parse_group`, a line at a time if the file is large; an absent file has no lines."""
    if text is None:
        return ()
    return _kept_groups(text) if len(text) <= _KEEP_CHARACTERS else _groups(text)


@lru_cache(maxsize=1024)
def _kept_accounts(text: str) -> tuple[Account, ...]:
    return tuple(_accounts(text))


@lru_cache(maxsize=1024)
def _kept_groups(text: str) -> tuple[Group, ...]:
    return tuple(_groups(text))


def _accounts(text: str) -> Iterator[Account]:
    for line in _lines(text):
        if len(line) * 4 >= _LONGEST_LINE and len(line.encode("utf-8", "surrogatepass")) >= _LONGEST_LINE:
            raise UnreadableAccounts("bufio.Scanner: token too long")
        if line := line.strip(_SPACE):
            name, _, uid, gid, comment, home, shell, *_ = line.split(":", 7) + _MISSING
            yield Account(name, field_number(uid), field_number(gid), comment, home, shell)


def _groups(text: str) -> Iterator[Group]:
    for line in _lines(text):
        line = line.strip(_SPACE)
        if line and line[0] != "#":
            name, _, gid, members, *_ = line.split(":", 4) + _MISSING
            yield Group(name, field_number(gid), tuple(members.split(",")) if members else ())


def _lines(text: str) -> Iterator[str]:
    """The lines; one at a time if they are many, for a hostile image's file may have a hundred million characters."""
    if len(text) <= _KEEP_CHARACTERS:
        yield from text.split("\n")
        return
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]
