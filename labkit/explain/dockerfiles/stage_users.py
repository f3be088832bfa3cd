"""What a Dockerfile's commands tell of its users: who creates them, and which files they will own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from labkit.core.identity.accounts import UnreadableAccounts, accounts
from labkit.explain.dockerfiles.built_stage import BuiltStage, Copied, Run

_ACCOUNTS = ("/etc/passwd", "/etc/group")
_FOLDERS_OF_ACCOUNTS = ("/", "/etc")
_CREATES = re.compile(r"\b(?:useradd|adduser)\b([^;&|\n]*)")
_CHANGES = re.compile(r"\b(?:usermod|userdel|deluser|vipw|/etc/passwd)\b")
_UID = re.compile(r"(?:^|\s)(?:-[a-zA-Z]*u|--uid)(?:\s+|=)[\"']?([^\s\"']+)")
_CHOWN = re.compile(r"\bchown\s+((?:-\S+\s+)*)([^\s;&|]+)\s+([^;&|\n]+)")
_SHELL_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))", re.ASCII)
_LONGEST_COMMAND = 1 << 16
_LONGEST_VALUE = 200


@dataclass(frozen=True)
class Creation:
    """Where a user comes from.

    Args:
        line: of the command that creates it; None for the base's passwd file.
        uid: the uid that it is given, None if the command leaves it to the program.
        stage: the stage whose passwd file is copied here; empty for this one's own.
    """

    line: int | None
    uid: int | None
    stage: str = ""


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
    """Where a stage has a user from: a command, a passwd file of another stage, or its base; None if none is seen."""
    creations = [creation for run in stage.runs if (creation := _created(run, name)) is not None]
    if creations:
        return creations[-1]
    for copied in stage.copied:
        if copied.origin is not None and copied.origin is not stage and copies_accounts(copied):
            origin = creation_of(copied.origin, name)
            return None if origin is None else replace(origin, stage=copied.origin.text.title)
    image = stage.image.image if stage.image is not None else None
    if image is None or not image.files_known or any(_CHANGES.search(run.text) for run in stage.runs):
        return None
    try:
        uids = [account.uid for account in accounts(image.passwd) if account.name == name]
    except UnreadableAccounts:
        return None
    return Creation(None, uids[0]) if uids else None


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
        names = [word.strip("\"'") for word in command[1].split()]
        if name in names:
            uid = _UID.search(command[1])
            number = uid[1] if uid else ""
            return Creation(run.line, int(number) if number.isascii() and number.isdigit() else None)
    return None


def _filled(text: str, variables: Mapping[str, str]) -> str:
    """A command with the variables that the build sets; the shell's own stay."""
    text = text[:_LONGEST_COMMAND]
    filled = _SHELL_VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0])[:_LONGEST_VALUE], text)
    return filled[:_LONGEST_COMMAND]
