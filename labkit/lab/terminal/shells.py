"""The shell of a terminal of the lab: the user's own, with its own start file, and then the lab's variables."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from labkit.base.configuration import Configuration
from labkit.base.files import write_atomically
from labkit.lab.terminal.lesson_terminal import terminal_variables

_MARK = "(lab) "


def shell_of(environment: Mapping[str, str]) -> str:
    """The user's shell, bash if none is named.

    Args:
        environment: of the terminal.
    """
    return environment.get("SHELL") or shutil.which("bash") or "sh"


def shell_argv(configuration: Configuration, environment: Mapping[str, str]) -> list[str]:
    """The command that starts the shell of a terminal of the lab.

    A start file of the user's may put other folders first on PATH, so bash and zsh get one of the lab's, which reads
    the user's and then says the lab's variables once more. Other shells have them from their environment alone.

    Args:
        configuration: of the lab; the start file is written into its state.
        environment: of the terminal.

    Raises:
        LabFailed: it cannot be written.
    """
    shell = shell_of(environment)
    name, folder = Path(shell).name, configuration.state / "shell"
    variables = terminal_variables(configuration, environment)
    if name == "bash":
        user_file = "[ -f ~/.bashrc ] && . ~/.bashrc\n"
        write_atomically(folder / "bashrc", user_file + _lines(variables, "PS1"))
        return [shell, "--rcfile", str(folder / "bashrc")]
    if name == "zsh":
        home = shlex.quote(environment["ZDOTDIR"]) if environment.get("ZDOTDIR") else "~"
        for file in (".zshenv", ".zshrc"):
            own = _lines(variables, "PROMPT") if file == ".zshrc" else ""
            write_atomically(folder / file, f"[ -f {home}/{file} ] && . {home}/{file}\n{own}")
        return ["env", f"ZDOTDIR={folder}", shell]
    return [shell]


def _lines(variables: Mapping[str, str], prompt: str) -> str:
    places = variables["PATH"].split(os.pathsep)[:2]
    others = {name: value for name, value in variables.items() if name != "PATH"}
    lines = [f"export PATH={shlex.quote(os.pathsep.join(places))}:$PATH"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in others.items()]
    return "\n".join([*lines, f'{prompt}="{_MARK}${prompt}"', ""])
