"""An IPython extension for the course's kernels: it says what an error that beginners meet means in a notebook."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any

_MEANS = (
    '`{name}` is not there. If it is a word, as in an answer, it is written in quotes: "{name}". '
    "Else it is mistyped, or a cell further up, which makes it, has not been run in this kernel: "
    "run the notebook's cells from the first one."
)
_IN_QUOTES = 'A word, as in an answer, is written in quotes: {name} = "{word}"'
_BARE_WORD = re.compile(r"\s*(?P<name>\w+)\s*=\s*(?P<word>[A-Za-z][\w ./:-]*?)\s*")


def load_ipython_extension(shell: Any) -> None:
    """Print a sentence that helps below some errors; the error itself is shown, and fails the cell, as always.

    Args:
        shell: IPython's.
    """
    shell.set_custom_exc((NameError, SyntaxError), _explain)


def _explain(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType | None,
    tb_offset: int | None = None,
) -> None:
    shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)
    if (sentence := meaning_of(error)) is not None:
        print(sentence)


def meaning_of(error: BaseException) -> str | None:
    """What an error usually means in a notebook of the course; None if it says enough by itself.

    Args:
        error: of a cell.
    """
    if isinstance(error, NameError):
        return _MEANS.format(name=error.name) if error.name else None
    bare = _BARE_WORD.fullmatch(error.text or "") if isinstance(error, SyntaxError) else None
    return _IN_QUOTES.format(**bare.groupdict()) if bare else None
