"""The environment in which people type: the lab's folder first on PATH, the lesson's own kubeconfig.

Notebooks' shell cells, JupyterLab's terminals and `labkit shell` have it, and nothing else on this machine is changed.
Each opened lesson has a folder with a kubeconfig in the lab's state; a link leads to the one whose notebook came to
the front last, or that was opened last, so that a terminal which was opened before the lesson has it, too.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed, Misuse, remedy_of_system
from labkit.base.files import write_atomically
from labkit.base.programs import COMMANDS_FOLDER
from labkit.base.resources import NOTEBOOKS
from labkit.base.scratch import scratch_folder
from labkit.core.mappings import Manifest

LESSON_VARIABLE = "LABKIT_LESSON"
"""The variable that names the lesson of a notebook; a terminal has none, and follows the link."""

_SESSION_VARIABLE = "JPY_SESSION_NAME"
"""Where Jupyter's server says to a kernel which notebook it is of (jupyter_server:services/sessions)."""
_COPIES_ENDING = re.compile(r"-Copy[0-9]+$")

_COMMANDS = ("docker", "kubectl")
_CURRENT, _NO_LESSON = "current", "none"


def make_commands(configuration: Configuration) -> Path:
    """Write the folder with the lab's `docker` and `kubectl`.

    Returns:
        The folder.

    Raises:
        LabFailed: it cannot be written.
    """
    folder = configuration.state / COMMANDS_FOLDER
    for command in _COMMANDS:
        # -P: a file of the participant's that has a module's name is not imported in its place.
        line = shlex.join([sys.executable, "-P", "-m", "labkit.cli.typed", command])
        text = f'#!/bin/sh\nexec {line} "$@"\n'
        path = folder / command
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_atomically(path, text, mode=0o755)
    return folder


def terminal_variables(
    configuration: Configuration, environment: Mapping[str, str], lesson: str | None = None
) -> dict[str, str]:
    """The variables in which a terminal of the lab differs from another.

    Args:
        configuration: of the lab.
        environment: of the terminal, so far.
        lesson: whose namespace it has; None for that of the lesson that is worked at, whichever that is by then.

    Raises:
        LabFailed: the lab's folder cannot be written.
    """
    first = [str(make_commands(configuration)), sysconfig.get_path("scripts")]
    rest = [place for place in environment.get("PATH", os.defpath).split(os.pathsep) if place not in first]
    variables = {
        "PATH": os.pathsep.join([*first, *rest]),
        **configuration.kubectl_variables(_kubeconfig(configuration, lesson or _CURRENT)),
    }
    return variables | ({LESSON_VARIABLE: lesson} if lesson else {})


def enter_lesson(configuration: Configuration, lesson: str, namespace: str) -> None:
    """Make a lesson the one that terminals are in, with its present namespace.

    Args:
        configuration: of the lab.
        lesson: the notebook's name without its ending.
        namespace: the lesson's own.

    Raises:
        LabFailed: the lab has no kubeconfig, or the lesson's cannot be written.
    """
    _write_kubeconfig(configuration, lesson, namespace)
    _point(configuration, lesson)


def follow_lesson(configuration: Configuration, lesson: str) -> bool:
    """Make a lesson the one that terminals are in, if it is open; else nothing changes.

    Args:
        configuration: of the lab.
        lesson: whose notebook somebody has turned to.

    Returns:
        Whether it is open.

    Raises:
        LabFailed: it cannot be written down.
    """
    is_open = _kubeconfig(configuration, lesson).is_file()
    if is_open:
        _point(configuration, lesson)
    return is_open


def leave_lesson(configuration: Configuration, lesson: str) -> None:
    """Take a lesson's folder away; terminals that were in it are in none.

    Args:
        configuration: of the lab.
        lesson: the notebook's name without its ending.
    """
    with contextlib.suppress(OSError):
        if str((_lessons(configuration) / _CURRENT).readlink()) == lesson:
            (_lessons(configuration) / _CURRENT).unlink()
    shutil.rmtree(_lessons(configuration) / lesson, ignore_errors=True)


def lesson_of(configuration: Configuration, environment: Mapping[str, str]) -> str | None:
    """The lesson that a terminal is in; None if it is in none.

    Args:
        configuration: of the lab.
        environment: of the terminal.

    Raises:
        Misuse: it is no terminal, but a cell of a lesson's notebook, and that lesson is not open. What was typed would
            act in another lesson's place.
    """
    lesson = environment.get(LESSON_VARIABLE) or ""
    notebook = _COPIES_ENDING.sub("", Path(environment.get(_SESSION_VARIABLE, "")).stem)
    if not lesson and notebook and (NOTEBOOKS / f"{notebook}.ipynb").is_file():
        action, problem = f"Typing a command in the notebook of {notebook}", "this lesson is not open in it"
        raise Misuse(action, problem, "run the notebook's first cell, then this one")
    with contextlib.suppress(OSError):
        lesson = lesson or str((_lessons(configuration) / _CURRENT).readlink())
    return lesson if lesson and lesson != _NO_LESSON else None


def kubeconfig_of(configuration: Configuration, environment: Mapping[str, str]) -> Path:
    """The kubeconfig of a terminal: that of its lesson, or one for no lesson.

    That one is in the namespace `default`, and in a class in the participant's own, the only one where they may look.
    Whatever KUBECONFIG says: a shell's own start file may have set it to the user's.

    Args:
        configuration: of the lab.
        environment: of the terminal.

    Raises:
        LabFailed: the lab has no cluster yet.
    """
    own = _kubeconfig(configuration, lesson_of(configuration, environment) or _NO_LESSON)
    if not own.is_file():
        namespace = configuration.sandbox.namespace if configuration.sandbox is not None else "default"
        _write_kubeconfig(configuration, _NO_LESSON, namespace)
        own = _kubeconfig(configuration, _NO_LESSON)
    if not (_lessons(configuration) / _CURRENT).exists():
        _point(configuration, _NO_LESSON)
    return own


def _lessons(configuration: Configuration) -> Path:
    return configuration.state / "lessons"


def _kubeconfig(configuration: Configuration, lesson: str) -> Path:
    return _lessons(configuration) / lesson / "kubeconfig"


def _point(configuration: Configuration, lesson: str) -> None:
    """Let the link lead to a lesson, without a moment in which it leads nowhere."""
    folder = _lessons(configuration)
    try:
        with scratch_folder(folder) as temporary:
            link = temporary / _CURRENT
            link.symlink_to(lesson)
            link.replace(folder / _CURRENT)
    except OSError as error:
        remedy = remedy_of_system(error, "free some space or fix the folder's permissions, and open the lesson again")
        raise LabFailed(f"Writing to {folder}", error.strerror or str(error), remedy) from error


def _write_kubeconfig(configuration: Configuration, lesson: str, namespace: str) -> None:
    import yaml  # Each line that is typed for docker would wait for it in vain.

    try:
        content: Manifest = yaml.safe_load(configuration.kubeconfig.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LabFailed("Looking for the lab's cluster", "there is none yet", "bring it up\n  labkit up") from None
    for context in content.get("contexts") or ():
        context["context"]["namespace"] = namespace
    write_atomically(_kubeconfig(configuration, lesson), yaml.safe_dump(content, sort_keys=False))
