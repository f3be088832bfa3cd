"""The lines of passwd and group files, read as leniently as the engine reads them (moby/sys:user/user.go)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Account:
    """A line of a passwd file; a number that is none counts as 0, as it does for the engine."""

    name: str
    uid: int
    gid: int
    comment: str
    home: str
    shell: str


@dataclass(frozen=True)
class Group:
    """A line of a group file."""

    name: str
    gid: int
    members: tuple[str, ...]


def parse_passwd(text: str) -> list[Account]:
    """The accounts of a passwd file, in its order; empty lines are passed over, missing fields are empty."""
    accounts = []
    for line in _lines(text):
        name, _, uid, gid, comment, home, shell = _fields(line, 7)
        accounts.append(Account(name, _number(uid), _number(gid), comment, home, shell))
    return accounts


def parse_group(text: str) -> list[Group]:
    """The groups of a group file, in its order."""
    groups = []
    for line in _lines(text):
        name, _, gid, members = _fields(line, 4)
        groups.append(Group(name, _number(gid), tuple(member for member in members.split(",") if member)))
    return groups


def _lines(text: str) -> list[str]:
    return [line for line in (line.strip() for line in text.split("\n")) if line]


def _fields(line: str, count: int) -> list[str]:
    parts = line.split(":")[:count]
    return parts + [""] * (count - len(parts))


def _number(text: str) -> int:
    """A number as Go's strconv.Atoi reads it; 0 for what is none."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 19 else 0
