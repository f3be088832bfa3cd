"""Taking secrets out of what is written down: of commands, and of any text."""

from __future__ import annotations

import getpass
import re
from collections.abc import Sequence
from pathlib import Path

HIDDEN = "***"

# The text may be a megabyte in one line: a name is looked for from where a run of its characters begins, and only once
# in it; what was matched is not given back ((?>...), *+). Otherwise each character of a long one would be a beginning.
_NAME = r"(?>[\w.-]*?(?:passw(?:or)?d|token|secret|credential|authorization|api-?_?key|access-?_?key))[\w.-]*+"
_FLAG = re.compile(rf"(?:--?|[\w-]++\.){_NAME}", re.IGNORECASE)
"""An option, or a dotted name of `kubectl config set`, whose value is the argument after it."""

_GIVES_VARIABLE = ("-e", "--env", "--build-arg", "--from-literal")
"""Options whose argument is NAME=VALUE, with a value that nobody else need know."""

_PATTERNS = (
    re.compile(r"(\bauthorization[\"']?\s*[:=]\s*[\"']?)(?:(?:basic|bearer)\s+)?[^\s\"']+", re.IGNORECASE),
    re.compile(r"(\b(?:basic|bearer)\s+)[\w.~+/=-]{8,}", re.IGNORECASE),
    re.compile(r"((?<![a-z0-9+.-])[a-z0-9+.-]++://)[^/\s@\"']++(?=@)", re.IGNORECASE),
    re.compile(rf"((?<![\w.-]){_NAME}[\"']?\s?[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s\"'&,;]+)", re.IGNORECASE),
    re.compile(rf"((?<!\S)--?{_NAME}\s+)(?:\"[^\"]*\"|'[^']*'|(?!-)\S+)", re.IGNORECASE),
    # A token by its look (RFC 7519): the header of each begins with {".
    re.compile(r"((?<![\w-])(?>[\w-]*?(?=\beyJ)))eyJ[\w-]++\.[\w-]++\.[\w-]*"),
    re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?=-----END|\Z)", re.DOTALL),
)


def without_names(text: str, home: Path | None = None, user: str | None = None) -> str:
    """A text with `~` for the home folder, and USER for the user's name where it is a part of a path.

    Args:
        text: any.
        home: the home folder; ours if not given.
        user: the user's name; ours if not given. Root's stays, for it is everybody's.
    """
    folder = str(home or Path.home()).rstrip("/")
    if folder.count("/") > 1 or folder == "/root":
        text = re.sub(rf"(?<![\w/.~-]){re.escape(folder)}(?![\w.-])", "~", text)
    name = user or getpass.getuser()
    return text if name == "root" else re.sub(rf"(?<=[/\\]){re.escape(name)}(?![\w.-])", "USER", text)


def redact(text: str) -> str:
    """A text without what looks like a secret: passwords, tokens, Authorization headers, private keys.

    It errs on the side of taking out too much.
    """
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


def redact_argv(argv: Sequence[str]) -> list[str]:
    """A command's arguments without secrets, and without the values of the variables that it gives to a container."""
    redacted: list[str] = []
    before = ""
    for argument in argv:
        option, equals, value = argument.partition("=")
        if before in _GIVES_VARIABLE and equals:
            argument = f"{option}={HIDDEN}"
        elif option in _GIVES_VARIABLE and equals:
            argument = f"{option}={value.partition('=')[0]}={HIDDEN}"
        elif _FLAG.fullmatch(before) and not argument.startswith("-"):
            argument = HIDDEN
        before = argument
        redacted.append(redact(argument))
    return redacted
