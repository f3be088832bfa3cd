"""The Dockerfiles and Compose files of a folder, as `labkit explain -f FOLDER` picks them up."""

from __future__ import annotations

import os
from pathlib import Path

from labkit.explain.dockerfiles.compose_includes import override_of
from labkit.explain.dockerfiles.compose_services import is_compose
from labkit.explain.file_kinds import has_dockerfile_name, may_be_compose

_OTHERS = frozenset({"node_modules", "__pycache__"})
"""Folders of packages that others made, besides those whose names begin with a dot."""


def builder_files(place: str, recursive: bool) -> tuple[list[str], list[str]]:
    """The Dockerfiles and the Compose files of a folder.

    Args:
        place: the folder.
        recursive: whether its subfolders are looked through too.
    """
    dockerfiles: list[str] = []
    compose_files: list[str] = []
    for folder, folders, files in os.walk(place):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _OTHERS)
        overrides = {override_of(Path(folder, file)) for file in files}
        for file in sorted(files):
            path = str(Path(folder, file))
            if has_dockerfile_name(file):
                dockerfiles += [path] if Path(path).is_file() else []
            elif may_be_compose(path) and Path(path) not in overrides and is_compose(path):
                compose_files.append(path)
        if not recursive:
            break
    return dockerfiles, compose_files
