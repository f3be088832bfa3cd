"""Building what a folder only describes: `kubectl kustomize` and `helm template`, where those programs are there."""

from __future__ import annotations

import shutil
from typing import Literal

from labkit.adapters import go, go_programs
from labkit.adapters.processes import run_program
from labkit.base.configuration import Configuration

SECONDS = 60.0
"""How long a build may take: a kustomization may name bases on other machines, which the program fetches."""

BuildKind = Literal["kustomization", "chart"]


def builder_for(kind: BuildKind) -> list[str] | None:
    """The program that builds such a folder, with its first arguments; None if there is none here."""
    if kind == "chart":
        helm = shutil.which("helm")
        return [helm, "template"] if helm is not None else None
    if (kubectl := shutil.which("kubectl")) is not None:
        return [kubectl, "kustomize"]
    if (kustomize := shutil.which("kustomize")) is not None:
        return [kustomize, "build"]
    built = go.find_built(go_programs.KUBECTL, Configuration.from_environment().cache)
    return [str(built / "kubectl"), "kustomize"] if built is not None else None


def build_folder(kind: BuildKind, folder: str) -> str | None:
    """The manifests that a folder's program makes of it; None if there is no such program here.

    Raises:
        LabFailed: the program fails, in its own words, or takes too long.
    """
    builder = builder_for(kind)
    if builder is None:
        return None
    # A folder named like an option stays a folder.
    argv = [*builder, folder if folder.startswith("/") else f"./{folder}"]
    return run_program(
        argv, doing=f"Building {folder}", remedy="see that it builds by itself, or leave out --build", deadline=SECONDS
    )
