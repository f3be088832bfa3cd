"""Which ports the lab's own JupyterLab has, read from the files that Jupyter's servers keep while they run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from labkit.base.files import read_own_json

RUNTIME_VARIABLE = "JUPYTER_RUNTIME_DIR"
"""The variable that tells a server, and whatever runs in it, where its runtime files are."""


def runtime_folder(state: Path) -> Path:
    """Where the lab's JupyterLab keeps its runtime files.

    Args:
        state: of the lab.
    """
    return state / "jupyter" / "runtime"


def own_ports(state: Path, environ: Mapping[str, str]) -> frozenset[int]:
    """The ports of the servers that run for this lab, or that this process runs in.

    Args:
        state: of the lab.
        environ: the environment.
    """
    folders = {runtime_folder(state), *map(Path, filter(None, [environ.get(RUNTIME_VARIABLE)]))}
    # jupyter_server:jupyter_server/serverapp.py, write_server_info_file
    ports = (_port(file) for folder in folders for file in folder.glob("jpserver-*.json"))
    return frozenset(port for port in ports if port is not None)


def _port(file: Path) -> int | None:
    """The port of a server that still runs; one that was killed leaves its file behind."""
    try:
        server = read_own_json(file)
        os.kill(int(server["pid"]), 0)
        return int(server["port"])
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None
