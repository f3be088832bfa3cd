"""What runs first in a participant's pod of a class on a cluster: their folder, the lab's settings, then the server.

JupyterHub starts the image as it is and says all else by variables (jupyterhub:jupyterhub/spawner.py, get_env).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from labkit.adapters.started_programs import become
from labkit.base.configuration import SANDBOX_VARIABLE, Configuration
from labkit.base.errors import LabError, MachineLacks
from labkit.course.course_folder import VARIABLE, CourseFolder, default_folder
from labkit.lab.lab import Lab
from labkit.notebook.jupyterlab import FIRST_LESSON, set_defaults

_SERVER = "labkit-singleuser"
"""Of the image: jupyterhub-singleuser, without the hub's database."""
_ENGINE_PROGRAMS = "/opt/labkit-engine/bin"
"""Where the image has podman's command, which is nothing without an engine."""
_OFF = ("jupyter_lsp", "notebook_shim")
"""Extensions of the server that the course does not use, and that take memory in each participant's pod."""


def main(arguments: Sequence[str]) -> int:
    """Make the participant's folder, then become the server; gives an exit status if that cannot be.

    Args:
        arguments: further ones for the server.
    """
    try:
        configuration = Configuration.from_environment()
        if configuration.sandbox is None:
            raise MachineLacks(
                "Starting a participant's server",
                f"{SANDBOX_VARIABLE} does not say which namespace is theirs",
                "the class's hub sets it: start the server from there",
            )
        with Lab(configuration) as lab:
            lab.cluster().kube().close()  # Terminals need the kubeconfig that this writes.
        _bring_programs(configuration.cache, configuration.sandbox.facts.parent / "programs")
        program = shutil.which(_SERVER)
        if program is None:
            raise MachineLacks("Starting a participant's server", f"there is no {_SERVER}", "build the image again")
        folder = CourseFolder(default_folder())
        if report := folder.follow_course().report():
            print(report, file=sys.stderr)
        environment = server_environment(configuration, folder, os.environ)
        become(program, [_SERVER, *server_arguments(folder), *arguments], environment)
    except LabError as error:
        print(error, file=sys.stderr)
        return error.exit_status


def _bring_programs(cache: Path, given: Path) -> None:
    """Have the programs that the image brings where a lab looks for what it has compiled.

    Args:
        cache: the lab's.
        given: where the image has them, a folder each.
    """
    for folder in given.glob("*/"):
        place = cache / "programs" / folder.name
        if place.is_symlink() or not place.exists():  # One of an older image leads nowhere.
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            place.symlink_to(folder)


def server_environment(
    configuration: Configuration, folder: CourseFolder, environment: Mapping[str, str]
) -> dict[str, str]:
    """The variables of the server, its kernels and its terminals.

    Args:
        configuration: of the participant's lab.
        folder: the participant's.
        environment: what the hub has set.
    """
    variables = {
        "JUPYTERHUB_DEFAULT_URL": f"/lab/tree/{FIRST_LESSON}",
        **environment,
        **set_defaults(configuration.state / "jupyter", configuration, extensions_off=_OFF),
        VARIABLE: str(folder.path),
    }
    if configuration.has_engine:
        variables["PATH"] = f"{variables['PATH']}:{_ENGINE_PROGRAMS}"
    return variables


def server_arguments(folder: CourseFolder) -> list[str]:
    """What the server is told: where it works, and that nobody else's address asks it.

    Args:
        folder: the participant's.
    """
    return [f"--ServerApp.root_dir={folder.path}", "--ServerApp.answer_yes=True"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
