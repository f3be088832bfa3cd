"""An IPython extension for the course's kernels: it says what a missing name usually means in a notebook."""

from __future__ import annotations

from types import TracebackType
from typing import Any

_MEANS = (
    "`{name}` is not there. Either it is mistyped, or a cell further up, which makes it, has not been run in this "
    "kernel: run the notebook's cells from the first one."
)


def load_ipython_extension(shell: Any) -> None:
    """Print a sentence that helps below a NameError; the error itself is shown, and fails the cell, as always.

    Args:
        shell: IPython's.
    """
    shell.set_custom_exc((NameError,), _explain)


def _explain(
    shell: Any, kind: type[NameError], error: NameError, traceback: TracebackType | None, tb_offset: int | None = None
) -> None:
    shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)
    if error.name:
        print(_MEANS.format(name=error.name))
