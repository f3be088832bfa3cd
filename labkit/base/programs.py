"""Programs of this machine, as they are outside of the lab.

A terminal of the lab has a folder of the lab's first on its PATH, whose `docker` and `kubectl` know the lab's names.
The kit itself, which runs in such terminals and in notebooks, needs the programs behind them.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

COMMANDS_FOLDER = "labkit-commands"
"""The name of that folder, whichever lab it belongs to."""


def path_outside(path: str) -> str:
    """A PATH without such folders.

    Args:
        path: the value of PATH.
    """
    return os.pathsep.join(place for place in path.split(os.pathsep) if Path(place).name != COMMANDS_FOLDER)


def outside(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment whose PATH has no such folder.

    Args:
        environment: all of it.
    """
    variables = dict(environment)
    if "PATH" in variables:
        variables["PATH"] = path_outside(variables["PATH"])
    return variables


def find_program(name: str) -> str | None:
    """A program on PATH that is none of the lab's own; None if there is none.

    Args:
        name: of the program.
    """
    return shutil.which(name, path=path_outside(os.environ.get("PATH", os.defpath)))
