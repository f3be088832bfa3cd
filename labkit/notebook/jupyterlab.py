"""JupyterLab, in front, on loopback, with its token."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from labkit.adapters.started_programs import start_program
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.files import read_own_json, write_atomically
from labkit.base.signals import ending_signals
from labkit.base.waiting import watch
from labkit.course.course_folder import VARIABLE
from labkit.lab.machine.jupyter_servers import RUNTIME_VARIABLE, runtime_folder
from labkit.lab.terminal.lesson_terminal import terminal_variables
from labkit.lab.terminal.shells import shell_argv

_ADDRESS_SECONDS = 60.0
_ENDED = "ended"
FIRST_LESSON = "notebooks/00-start-here.ipynb"
# A lesson's commands name the files beside it; a terminal begins in the folder that JupyterLab shows, which is above.
_AMONG_FILES = f'[ -f {FIRST_LESSON} ] && cd notebooks; exec "$@"'

# jsonschema takes the package where it is there, for formats that no schema here has, and parses a grammar for it: more
# than half of what JupyterLab takes to be imported.
_START = "import sys; sys.modules['rfc3987_syntax'] = None; from jupyterlab.labapp import main; sys.exit(main())"

_DEFAULTS = {
    # It would otherwise ask everyone whether it may fetch its project's news.
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # Light or dark as the system is.
    "@jupyterlab/apputils-extension:themes": {"adaptive-theme": True},
    # Every cell is on the page, so that the browser's own search and a screen reader find all of it; long lines of
    # code are read without scrolling sideways, also on a page enlarged to 200 %.
    "@jupyterlab/notebook-extension:tracker": {
        "windowingMode": "none",
        "codeCellConfig": {"lineNumbers": False, "lineWrap": True},
    },
    # The list of files shows the folder of the lesson in front, with room for the lessons' whole names.
    "@jupyterlab/filebrowser-extension:browser": {"navigateToCurrentDirectory": True, "showLastModifiedColumn": False},
    # A notebook that is opened again shows its buttons and what they gave; else there would be an error in their place.
    "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
    # Lessons link to pages that are there to be read.
    "@jupyterlab/docmanager-extension:plugin": {"defaultViewers": {"markdown": "Markdown Preview"}},
}

# The panel stands above this room, and JupyterLab loads it by these names (labkit/panel).
_PANEL = {"labkit.panel.server_extension": True}
_PANEL_FOLDER = Path(__file__).parents[1] / "panel"
"""It has `labextensions`, which JupyterLab looks for in each folder of JUPYTER_PATH."""

_KERNEL = {
    "argv": [
        *(sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"),
        "--IPKernelApp.extra_extensions=labkit.notebook.kernel",
    ],
    "display_name": "Python 3 (ipykernel)",
    "language": "python",
}
"""The kernel of the environment that the kit runs in, whatever kernels the user has beside it."""


def set_defaults(folder: Path, configuration: Configuration, extensions_off: Sequence[str] = ()) -> dict[str, str]:
    """Write JupyterLab's defaults, its kernel and its terminals; what participants choose overrides them.

    They are not written into the environment, which may be shared, or belong to root.

    Args:
        folder: where to write them.
        configuration: of the lab that its terminals belong to.
        extensions_off: extensions of the server that are not loaded.

    Returns:
        The environment variables by which JupyterLab reads them, and those of a terminal of the lab.

    Raises:
        LabFailed: they cannot be written.
    """
    config, data = folder / "config", folder / "data"
    # Without a terminal of its own, a server gives its terminals login shells, whose profile sets another PATH.
    shell = ["sh", "-c", _AMONG_FILES, "sh", *shell_argv(configuration, os.environ)]
    server = {
        "terminado_settings": {"shell_command": shell},
        "jpserver_extensions": {**_PANEL, **dict.fromkeys(extensions_off, False)},
    }
    files = {
        config / "jupyter_server_config.json": {"ServerApp": server},
        config / "labconfig" / "default_setting_overrides.json": _DEFAULTS,
        # A class's servers do without the debugger, which takes memory in each kernel.
        data / "kernels" / "python3" / "kernel.json": {
            **_KERNEL,
            "metadata": {"debugger": importlib.util.find_spec("debugpy") is not None},
        },
    }
    for path, content in files.items():
        write_atomically(path, json.dumps(content))
    variables = {"JUPYTER_CONFIG_PATH": [config], "JUPYTER_PATH": [data, _PANEL_FOLDER]}
    return {
        name: os.pathsep.join([*map(str, paths), *filter(None, [os.environ.get(name)])])
        for name, paths in variables.items()
    } | terminal_variables(configuration, os.environ)


def jupyterlab_command(folder: Path, arguments: Sequence[str], *, root: bool, display: bool) -> list[str]:
    """The command that opens JupyterLab on the first lesson.

    Args:
        folder: the participant's folder.
        arguments: further arguments for JupyterLab; they override these.
        root: whether we are root, which JupyterLab must be told.
        display: whether there is a browser to open.
    """
    command = [sys.executable, "-c", _START, f"--notebook-dir={folder}", "--ip=127.0.0.1"]
    # What it asks at Ctrl-C would be read by nobody: it goes to a log, with all else that it prints.
    command.append("--ServerApp.answer_yes=True")
    if root:
        command.append("--allow-root")
    if not display:
        command.append("--no-browser")
    return [*command, f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}", *arguments]


def run_jupyterlab(
    folder: Path,
    arguments: Sequence[str],
    configuration: Configuration,
    tell: Callable[[str], None],
    still_making: Callable[[], str] = str,
) -> None:
    """Run JupyterLab until it ends or is interrupted; what it prints goes to a log.

    Args:
        folder: the participant's folder.
        arguments: further arguments for JupyterLab.
        configuration: says where its defaults are kept.
        tell: gets three lines once it answers: the address, with its token, what is still being made, how to stop.
        still_making: says what is still being made of the lab; empty if all is there.

    Raises:
        LabFailed: it ended by itself with an error.
    """
    display = bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin")
    environment = {
        RUNTIME_VARIABLE: str(runtime_folder(configuration.state)),
        **os.environ,
        **set_defaults(configuration.state / "jupyter", configuration),
        VARIABLE: str(folder),
    }
    command = jupyterlab_command(folder, arguments, root=os.geteuid() == 0, display=display)
    log = configuration.state / "jupyterlab.log"
    with log.open("wb") as output:
        jupyterlab = start_program(command, folder, environment, output)
    # Whoever ends us by a signal means JupyterLab, which would otherwise go on without us.
    for number in ending_signals():
        signal.signal(number, lambda *_: jupyterlab.terminate())
    runtime = Path(environment[RUNTIME_VARIABLE]) / f"jpserver-{jupyterlab.pid}.json"

    def look() -> str:
        return _ENDED if jupyterlab.poll() is not None else _address(runtime)

    address = ""
    while True:
        try:
            while not address:
                if not (address := watch(look, bool, _ADDRESS_SECONDS)):
                    tell(f"JupyterLab has not answered for {_ADDRESS_SECONDS:g} s; its log is {log}")
                elif address != _ENDED:
                    _tell_address(address, log, tell, still_making)
            status = jupyterlab.wait()
            break
        except KeyboardInterrupt:
            continue  # JupyterLab has got the same signal, and ends.
    if address in ("", _ENDED):
        tell(log.read_text(encoding="utf-8", errors="replace").rstrip())
    if status > 0:
        raise LabFailed("Running JupyterLab", f"it ended with status {status}", f"read what it printed\n  less {log}")


def _tell_address(address: str, log: Path, tell: Callable[[str], None], still_making: Callable[[], str]) -> None:
    tell(f"JupyterLab is open: {address}")
    if making := still_making():
        tell(f"still being made, and needed by pods alone: {making}")
    tell(f"stop JupyterLab with Ctrl-C, the lab with `labkit down`; JupyterLab's log is {log}")


def _address(runtime: Path) -> str:
    """Where a JupyterLab answers, from its runtime file; empty as long as it does not.

    The file: jupyter_server:jupyter_server/serverapp.py, write_server_info_file.
    """
    try:
        server = read_own_json(runtime)
        url, token, port = str(server["url"]), str(server["token"]), int(server["port"])
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            pass
    except (OSError, ValueError, TypeError, KeyError):
        return ""
    return f"{url}lab/tree/{FIRST_LESSON}" + (f"?token={token}" if token else "")
