"""What a Dockerfile's commands tell of its users: who creates them, and which files they will own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from labkit.core.identity.accounts import UnreadableAccounts, accounts
from labkit.explain.dockerfiles.account_commands import AccountCommand, account_commands
from labkit.explain.dockerfiles.built_stage import BuiltStage, Copied, Run

_ACCOUNTS = ("/etc/passwd", "/etc/group")
_FOLDERS_OF_ACCOUNTS = ("/", "/etc")
_PASSWD_LINE = re.compile(r"(?<![\w.-])([\w.-]++):x:(\d{1,10})?", re.ASCII)
_CHANGES = re.compile(r"\bvipw\b|/etc/passwd\b")
_CHOWN = re.compile(r"\bchown\s+((?:-\S+\s+)*)([^\s;&|]+)\s+([^;&|\n]+)")
_SHELL_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_]\w*)(?:(:?-)([^{}$]*))?\}|([A-Za-z_]\w*))", re.ASCII)
_LONGEST_COMMAND = 1 << 16
_LONGEST_VALUE = 200


@dataclass(frozen=True)
class Creation:
    """Where a user comes from.

    Args:
        line: of the command that creates it; None for the base's passwd file.
        uid: the uid that it is given, None if the command leaves it to the program, or if a shell has to say it.
        is_uid_given: whether it is given one.
        is_change: whether the user was there before.
        stage: the stage whose passwd file is copied here; empty for this one's own.
    """

    line: int | None
    uid: int | None
    is_uid_given: bool = True
    is_change: bool = False
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
    made, is_all_known = _made(stage.runs, name)
    if made is not None:
        return made
    for copied in stage.copied:
        if copied.origin is not None and copied.origin is not stage and copies_accounts(copied):
            origin = creation_of(copied.origin, name)
            return None if origin is None else replace(origin, stage=copied.origin.text.title)
    image = stage.image.image if stage.image is not None else None
    if image is None or not image.files_known or not is_all_known:
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


def _made(runs: Sequence[Run], name: str) -> tuple[Creation | None, bool]:
    """What a stage's commands make of a user, None for nothing; and whether it is known what they do to the others."""
    made: dict[str, Creation | None] = {}
    is_all_known = True
    for run in runs:
        text = _filled(run.text, run.variables)
        for written in _PASSWD_LINE.finditer(text) if "/etc/passwd" in text else ():
            made[written[1]] = Creation(run.line, int(written[2]) if written[2] else None)
        is_all_known &= _CHANGES.search(text) is None
        for command in account_commands(text):
            is_all_known &= bool(command.name)
            made |= _made_by(command, run.line, made.get(command.name))
    return made.get(name), is_all_known and name not in made


def _made_by(command: AccountCommand, line: int, before: Creation | None) -> dict[str, Creation | None]:
    """What a command makes of users, None for nothing.

    Args:
        command: names its user.
        line: where it stands.
        before: what is known of that user until then.
    """
    name = command.name
    made: dict[str, Creation | None] = {}
    if command.program in ("useradd", "adduser"):
        made[name] = Creation(line, command.uid, command.is_uid_given)
    elif command.program in ("userdel", "deluser"):
        made[name] = None
    elif command.is_uid_given:
        made[name] = Creation(line, command.uid, is_change=True)
    if command.new_name:
        made[command.new_name] = made.get(name, before) or Creation(line, None, is_change=True)
        made[name] = None
    return made


def _filled(text: str, variables: Mapping[str, str]) -> str:
    """A command with the variables that the build sets; the shell's own stay."""

    def value(match: re.Match[str]) -> str:
        variable = variables.get(match[1] or match[4])
        if match[2] and (variable is None or (match[2] == ":-" and not variable)):
            return match[3]
        return match[0] if variable is None else variable[:_LONGEST_VALUE]

    return _SHELL_VARIABLE.sub(value, text[:_LONGEST_COMMAND])[:_LONGEST_COMMAND]
