"""Looking for a bundle that nobody named: in the working folder, in the checkout, and beside it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from labkit.base.resources import CHECKOUT, IS_CHECKOUT

PATTERN = "labkit-bundle*"


def find_bundles(note: Callable[[str], None]) -> list[Path]:
    """The files whose name begins with `labkit-bundle`, each once, the nearest first.

    Programs of a bundle are run. So one that somebody else put there, or may change, has to be named to be used.

    Args:
        note: told of each that is passed over for that.
    """
    folders = [Path(), *([CHECKOUT, CHECKOUT.parent] if IS_CHECKOUT else [])]
    files = {path.resolve(): None for folder in folders for path in sorted(folder.glob(PATTERN)) if path.is_file()}
    mine = []
    for path in files:
        if _is_ours(path):
            mine.append(path)
        else:
            note(f"{path} is not used: others may have put it there; if it is the right one: labkit up --bundle {path}")
    return mine


def _is_ours(path: Path) -> bool:
    status = path.stat()
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & stat.S_IWOTH
