"""Commands, as somebody gives them: a text or a list of words."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from collections.abc import Sequence

from labkit.base.errors import Misuse

_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.", re.DOTALL)
_OPERATOR = re.compile(r"(?:^|\s)(>>?|<|\|\|?|&&|;)(?=\s|$)")


def to_argv(command: str | Sequence[str], doing: str) -> list[str]:
    """A command as a list of words. A text is split as a shell would split it, and no shell runs.

    Args:
        command: the command.
        doing: what it is for, as an error says it, such as "Running a command".

    Raises:
        Misuse: it has a quote that does not end, no word at all, what only a shell understands, or is not a command.
    """
    if isinstance(command, str):
        if operator := _OPERATOR.search(_QUOTED.sub("''", command)):
            remedy = f"have a shell read it\n  {json.dumps(['sh', '-c', command])}\nor give a list of words"
            raise Misuse(doing, f"no shell reads {command!r}, so that {operator[1]} would be a word of it", remedy)
        try:
            argv = shlex.split(_as_shlex_has_it(command))
        except ValueError as error:
            # shlex says "No closing quotation" or "No escaped character".
            remedy = 'close the quote, or give a list of words, as in\n  ["sh", "-c", "echo x"]'
            raise Misuse(doing, f"{command!r} cannot be split into words: {error}", remedy) from None
    elif isinstance(command, Sequence) and not isinstance(command, bytes | bytearray):
        argv = list(command)
    else:
        raise Misuse(doing, f"{command!r} is not a command", 'give a string or a list of strings, as in\n  "id -u"')
    if not argv:
        raise Misuse(doing, "the command is empty", 'give at least a program, as in\n  "id"')
    for word in argv:
        if not isinstance(word, str):
            raise Misuse(doing, f"{word!r} in the command is not text", f'put it in quotes\n  "{word}"')
    return argv


def _as_shlex_has_it(text: str) -> str:
    r"""A command without the backslashes that a shell takes from \$ and \` in double quotes, and shlex leaves there."""
    parts, quote, at = list[str](), "", 0
    while at < len(text):
        pair, mark = text[at : at + 2], text[at]
        if mark == "\\" and quote != "'":
            parts.append(pair[1:] if quote and pair[1:] in ("$", "`") else pair)
            at += 2
            continue
        if mark in ("'", '"') and quote in ("", mark):
            quote = "" if quote else mark
        parts.append(mark)
        at += 1
    return "".join(parts)


def line_with_input(argv: Sequence[str], text: str) -> str:
    """A command as a shell takes it, with the text that it reads from standard input.

    Args:
        argv: the command.
        text: what it reads; whole lines.
    """
    lines = text.splitlines()
    # A Dockerfile may have a here-document of its own.
    end = next(word for word in itertools.accumulate(itertools.repeat("EOF")) if word not in lines)
    return f"{shlex.join(argv)} <<'{end}'\n{text}{end}"
