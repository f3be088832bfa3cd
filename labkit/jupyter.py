"""JupyterLab, in front, on loopback, with its token."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from labkit.errors import LabFailed
from labkit.settings import CHECKOUT

FIRST_LESSON = "notebooks/00-start-here.ipynb"


def jupyterlab_command(arguments: Sequence[str], *, root: bool, display: bool) -> list[str]:
    """The command that opens JupyterLab on the first lesson.

    Args:
        arguments: further arguments for it; they win over these.
        root: whether we are root, which JupyterLab wants to be told.
        display: whether there is a browser to open.
    """
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={CHECKOUT}", "--ip=127.0.0.1"]
    # It would otherwise ask its project's site for news, and offer to look for updates.
    command += [
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    ]
    if root:
        command.append("--allow-root")
    if not display:
        command.append("--no-browser")
    return [*command, f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}", *arguments]


def run_jupyterlab(arguments: Sequence[str]) -> None:
    """Run JupyterLab until it ends or is interrupted; its token stands in the address that it prints.

    Raises:
        LabFailed: it ended by itself with an error.
    """
    display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin")
    command = jupyterlab_command(arguments, root=os.geteuid() == 0, display=display)
    jupyterlab = subprocess.Popen(command, cwd=CHECKOUT)
    while True:
        try:
            status = jupyterlab.wait()
            break
        except KeyboardInterrupt:
            continue  # JupyterLab has got the same signal; it asks whether one means it
    if status > 0:
        raise LabFailed("Running JupyterLab", f"it ended with status {status}", "read what it printed above")
