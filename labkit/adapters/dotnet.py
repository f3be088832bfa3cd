"""The only file that runs the real .NET SDK."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.adapters.processes import run_showing
from labkit.base.errors import LabFailed, MachineLacks

_PROBLEM = re.compile(r"(?:.*: )?(?P<kind>warning|error) (?P<code>[A-Z]+\d+)\s*: (?P<text>.*?)(?: \[.*\])?")
_PUSHED = re.compile(r"\s*Pushed image '(?P<name>[^']+)' to (?P<place>.*)")


@dataclass(frozen=True)
class SdkRun:
    """What one run of the SDK printed, and how it ended.

    Args:
        line: what was run, as one types it.
        problems: its warnings and errors: kind, code, text; each once.
        pushed: image and place of each "Pushed image" line.
        failed: whether it ended with an error.
        last: its last lines.
    """

    line: str
    problems: tuple[tuple[str, str, str], ...]
    pushed: tuple[tuple[str, str], ...]
    failed: bool
    last: str


def find_dotnet() -> str | None:
    """The path of `dotnet`, None if it is not on PATH."""
    return shutil.which("dotnet")


def publish_argv(project_file: Path, arguments: Sequence[str]) -> list[str]:
    """The command that publishes a project as an image."""
    return ["dotnet", "publish", str(project_file), "-t:PublishContainer", *arguments]


def publish_container(project_file: Path, arguments: Sequence[str], show: Callable[[str], None]) -> SdkRun:
    """Run `dotnet publish -t:PublishContainer`.

    Args:
        project_file: the project.
        arguments: further ones, such as -p:ContainerUser=1654.
        show: is given each line as it comes.

    Raises:
        MachineLacks: there is no dotnet.
        LabFailed: it cannot be run at all.
    """
    dotnet = find_dotnet()
    if dotnet is None:
        raise MachineLacks(
            "Looking for the .NET SDK", "there is no `dotnet` on PATH", "install it, or use --back-end kit"
        )
    argv = publish_argv(project_file, arguments)
    try:
        status, lines = run_showing([dotnet, *argv[1:]], project_file.parent, show)
    except OSError as error:
        raise LabFailed(f"Running {dotnet}", error.strerror or str(error), "see\n  dotnet --info") from error
    problems = [(m["kind"], m["code"], m["text"]) for line in lines if (m := _PROBLEM.fullmatch(line.strip()))]
    pushed = [(m["name"], m["place"]) for line in lines if (m := _PUSHED.fullmatch(line))]
    last = "\n".join(line for line in lines[-6:] if line.strip())
    return SdkRun(
        line=shlex.join(argv),
        problems=tuple(dict.fromkeys(problems)),
        pushed=tuple(pushed),
        failed=status != 0,
        last=last,
    )
