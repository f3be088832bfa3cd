"""The only file that runs npm: the packages of a lock, without running any of their scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

from labkit.adapters.processes import run_program

_SECONDS = 300.0


def fetch_packages(lock: Path, folder: Path) -> Path:
    """Install what a lock pins, each package checked by its hash.

    Args:
        lock: a package-lock.json, with its package.json beside it.
        folder: where to; it is made.

    Returns:
        The folder node_modules.

    Raises:
        MachineLacks: npm is missing.
        LabFailed: a package cannot be fetched, or is another one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in (lock, lock.with_name("package.json")):
        shutil.copyfile(file, folder / file.name)
    argv = ["npm", "ci", "--prefix", str(folder), "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    run_program(
        argv,
        doing="Fetching the proxy's npm packages",
        remedy="npm and its registry are needed once, to build the hub's image\n  npm --version",
        deadline=_SECONDS,
    )
    return folder / "node_modules"
