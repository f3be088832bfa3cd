"""Commands that make, change and remove users, read from a RUN's text: useradd, adduser, usermod, userdel, deluser.

Sources: shadow-maint/shadow:src/useradd.c and usermod.c, mirror/busybox:loginutils/adduser.c, Debian's adduser(8).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

# Where a shell expects a command: behind what ends the one before, behind words that begin one, and in sh -c '...'.
_COMMAND: Final = re.compile(
    r"(?:^|[;&|(\n{`\"']|(?<!\S)(?:then|do|else|if|elif|while|until|!|sudo|doas|exec|command|time|-[a-z]{0,5}c))[ \t]*"
    r"(?:/[\w./-]{0,40}/)?(useradd|adduser|usermod|userdel|deluser)(?=[ \t])([^;&|\n)`]*)"
)
_SUBSTITUTED = re.compile(r"\$\([^()]*\)|`[^`]*`")
_REDIRECTION = re.compile(r"[0-9]*[<>]|#")
# Short options that take a value, and long ones; adduser is another program on Debian, in BusyBox and on Fedora.
_SHORT: Final = {"useradd": "bcdefgGkKpRPsuZ", "usermod": "cdefgGlpRPsuvVwWZ", "adduser": "bcdefgGhkKpRPsuZ"}
_LONG: Final = re.compile(
    "base-dir|comment|home-dir|home|expiredate|inactive|gid|groups|skel|key|password|root|prefix|shell|uid|login"
    "|selinux-user|selinux-range|gecos|ingroup|conf|(?:first|last)[ug]id|(?:add|del)-sub[ug]ids"
)
_UID, _LOGIN = ("u", "uid"), ("l", "login")


@dataclass(frozen=True)
class AccountCommand:
    """What a command does to a user.

    Args:
        program: that does it.
        name: of the user; empty if a shell has to say it.
        uid: that is given, None if it is left to the program, or if a shell has to say it.
        is_uid_given: whether it is given at all.
        new_name: that usermod gives.
    """

    program: str
    name: str
    uid: int | None = None
    is_uid_given: bool = False
    new_name: str = ""


def account_commands(text: str) -> Iterator[AccountCommand]:
    """The commands in a RUN's text that concern users, in their order.

    Args:
        text: with the variables that the build sets filled in.
    """
    for match in _COMMAND.finditer(_SUBSTITUTED.sub("$", text.replace("\\\n", " "))):
        program = match[1]
        options, names = _arguments(program, _split(match[2]))
        # With a group behind it, adduser and deluser change who is in that group.
        if len(names) != 1:
            continue
        uid = next((options[key] for key in _UID if key in options), None)
        yield AccountCommand(
            program,
            _plain(names[0]),
            int(uid) if uid is not None and uid.isascii() and uid.isdigit() and len(uid) < 11 else None,
            uid is not None,
            _plain(next((options[key] for key in _LOGIN if key in options), "")) if program == "usermod" else "",
        )


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # A quote that is open was opened before the command.
        return text.replace('"', " ").replace("'", " ").split()


def _arguments(program: str, argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The options with their values, and what stands beside them; options may come last."""
    short = _SHORT.get(program, "")
    options: dict[str, str] = {}
    names: list[str] = []
    left = iter(argv)
    for argument in left:
        if _REDIRECTION.match(argument):
            break
        if argument == "--":
            names += left
        elif argument.startswith("--"):
            key, equals, value = argument[2:].partition("=")
            options[key] = next(left, "") if _LONG.fullmatch(key) and not equals else value
        elif argument.startswith("-") and len(argument) > 1:
            at = next((at for at, letter in enumerate(argument) if at and letter in short), None)
            if at is not None:
                options[argument[at]] = argument[at + 1 :].removeprefix("=") or next(left, "")
        else:
            names.append(argument)
    return options, names


def _plain(name: str) -> str:
    return "" if "$" in name or "`" in name else name
