"""JupyterLab, in front, on loopback, with its token."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from labkit.adapters.processes import start_program
from labkit.base.errors import LabFailed
from labkit.base.files import write_atomically
from labkit.base.resources import CHECKOUT

FIRST_LESSON = "notebooks/00-start-here.ipynb"


_DEFAULTS = {
    # It would otherwise ask everyone whether it may fetch its project's news.
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # Every cell is on the page, so that the browser's own search and a screen reader find all of it; long lines of
    # code are read without scrolling sideways, also on a page enlarged to 200 %.
    "@jupyterlab/notebook-extension:tracker": {
        "windowingMode": "none",
        "codeCellConfig": {"lineNumbers": False, "lineWrap": True},
    },
    # The list of files shows the folder of the lesson in front, with room for the lessons' whole names.
    "@jupyterlab/filebrowser-extension:browser": {"navigateToCurrentDirectory": True, "showLastModifiedColumn": False},
}

_KERNEL_CONFIG = 'c.InteractiveShellApp.extensions = ["labkit.notebook.kernel"]\n'


def set_defaults(environment: Path) -> None:
    """Set JupyterLab's and its kernels' defaults in the lab's own environment; a participant's choices go before them.

    Args:
        environment: the environment's folder.
    """
    files = {
        environment / "share" / "jupyter" / "lab" / "settings" / "overrides.json": json.dumps(_DEFAULTS),
        environment / "etc" / "ipython" / "ipython_kernel_config.py": _KERNEL_CONFIG,
    }
    for path, text in files.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_atomically(path, text, mode=0o644)


def jupyterlab_command(arguments: Sequence[str], *, root: bool, display: bool, folder: Path = CHECKOUT) -> list[str]:
    """The command that opens JupyterLab on the first lesson.

    Args:
        arguments: further arguments for it; they win over these.
        root: whether we are root, which JupyterLab wants to be told.
        display: whether there is a browser to open.
        folder: the folder that it shows, with `notebooks/` in it.
    """
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={folder}", "--ip=127.0.0.1"]
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
    set_defaults(Path(sys.prefix))
    command = jupyterlab_command(arguments, root=os.geteuid() == 0, display=display)
    jupyterlab = start_program(command, CHECKOUT)
    while True:
        try:
            status = jupyterlab.wait()
            break
        except KeyboardInterrupt:
            continue  # JupyterLab has got the same signal; it asks whether one means it
    if status > 0:
        raise LabFailed("Running JupyterLab", f"it ended with status {status}", "read what it printed above")
