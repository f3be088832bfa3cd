"""What a Dockerfile's commands tell of its users: who creates them, and which files they will own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from labkit.explain.dockerfiles.stage_steps import BuiltStage, Copied, Run

_ACCOUNTS = ("/etc/passwd", "/etc/group")
_FOLDERS_OF_ACCOUNTS = ("/", "/etc")
_CREATES = re.compile(r"\b(?:useradd|adduser)\b([^;&|\n]*)")
_UID = re.compile(r"(?:^|\s)(?:-[a-zA-Z]*u|--uid)(?:\s+|=)[\"']?([^\s\"']+)")
_CHOWN = re.compile(r"\bchown\s+((?:-\S+\s+)*)([^\s;&|]+)\s+([^;&|\n]+)")
_SHELL_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))", re.ASCII)
_LONGEST_COMMAND = 1 << 16


@dataclass(frozen=True)
class Creation:
    """A command that creates a user.

    Args:
        line: where it stands.
        uid: the uid that it is given, None if the command leaves it to the program.
    """

    line: int
    uid: int | None


@dataclass(frozen=True)
class Owned:
    """Files that the image's user owns.

    Args:
        line: where it is given them.
        by: the instruction that gives them.
        paths: which.
    """

    line: int
    by: str
    paths: str


def creation_of(stage: BuiltStage, name: str) -> Creation | None:
    """The last command in a stage, or in what it is made from, that creates a user; None if none is seen."""
    creations = [creation for run in stage.runs if (creation := _created(run, name)) is not None]
    return creations[-1] if creations else None


def may_change_accounts(stage: BuiltStage) -> bool:
    """Whether anything in a stage may change passwd and group: a command, or a copy onto their folder."""
    return bool(stage.runs) or any(copies_accounts(copied) for copied in stage.copied)


def copies_accounts(copied: Copied) -> bool:
    """Whether a COPY or ADD may bring account files."""
    return copied.destination in _FOLDERS_OF_ACCOUNTS or copied.destination.startswith(_ACCOUNTS)


def owned_files(stage: BuiltStage, user: str, uid: int | None) -> Iterator[Owned]:
    """The files that a stage gives to its own user, as its instructions say it."""
    owners = {user, str(uid)} - {"", "0", "root", "None"}
    for copied in stage.copied:
        owner = copied.owner.partition(":")[0]
        if owner in owners:
            yield Owned(copied.line, f"{copied.keyword.upper()} --chown={copied.owner}", copied.destination)
    for run in stage.runs:
        for match in _CHOWN.finditer(_filled(run.text, run.variables)):
            if match[2].strip("\"'").partition(":")[0] in owners:
                yield Owned(run.line, f"RUN chown {match[1]}{match[2]}", match[3].strip())


def _created(run: Run, name: str) -> Creation | None:
    text = _filled(run.text, run.variables)
    if f"{name}:x:" in text and "/etc/passwd" in text:
        match = re.search(rf"{re.escape(name)}:x:(\d{{1,10}}):", text)
        return Creation(run.line, int(match[1]) if match else None)
    for command in _CREATES.finditer(text):
        words = [word.strip("\"'") for word in command[1].split()]
        if name in words:
            uid = _UID.search(command[1])
            number = uid[1] if uid else ""
            return Creation(run.line, int(number) if number.isascii() and number.isdigit() else None)
    return None


def _filled(text: str, variables: Mapping[str, str]) -> str:
    """A command with the variables that the build sets; the shell's own stay."""
    filled = _SHELL_VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0]), text[:_LONGEST_COMMAND])
    return filled[:_LONGEST_COMMAND]
