"""Folders from which another program makes the manifests: kustomizations and Helm charts, and the command that does."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.explain.manifests.documents import decode, read_documents

if TYPE_CHECKING:
    from labkit.core.mappings import Manifest
    from labkit.explain.manifests.folder_builds import BuildKind

# kubernetes-sigs/kustomize:api/konfig/general.go, RecognizedKustomizationFileNames
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_CHART = "Chart.yaml"
_PARTS_OF_A_CHART = frozenset({"templates", "charts"})
_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902", "transformers", "configurations")
_LARGEST_KUSTOMIZATION = 1 << 20
_FOLDERS_ABOVE = 4
_READ_THE_RESULT = "labkit explain -f -"


def how_it_is_built(folder: str, files: Iterable[str]) -> str | None:
    """A sentence on a folder that another program builds, with the command; None for any other."""
    folder = os.path.normpath(folder)
    place = shlex.quote(folder)
    names = set(files)
    if names & set(_KUSTOMIZATIONS):
        return f"{folder} is a kustomization, which may change its manifests: {_kustomize(place)}"
    if _CHART in names:
        return f"{folder} is a Helm chart: {_helm(place)}"
    return None


def build_kind(files: Iterable[str]) -> BuildKind:
    """What a folder that another program builds is, by its files."""
    return "kustomization" if set(files) & set(_KUSTOMIZATIONS) else "chart"


def is_resource(file: Path) -> bool:
    """Whether a kustomization in its folder, or in one above, has a file as a resource: it is in what comes out."""
    wanted = os.path.normpath(file.absolute())
    return any(wanted in _resources(folder) for folder in _folders_above(file))


def bases_of_kustomizations(place: str) -> frozenset[str]:
    """The folders below a place that a kustomization there takes in, so that they are not deployed as they are."""
    bases: frozenset[str] = frozenset()
    for folder, _, _ in os.walk(place):
        bases |= _named_files(Path(folder).absolute(), ("resources", "bases", "components"))
    return bases


def is_part_of_a_build(folder: str, file: str, files: Iterable[str]) -> bool:
    """Whether a file of a folder is what Helm or kustomize reads, and no manifest."""
    if is_kustomization_or_chart(Path(file)):
        return True
    return (_CHART in set(files) and file.startswith("values")) or is_patch(Path(folder, file))


def is_kustomization_or_chart(file: Path) -> bool:
    """Whether a file is that by which kustomize or Helm know a folder of theirs."""
    return file.name in (*_KUSTOMIZATIONS, _CHART)


def folders_of_manifests(folders: list[str], files: Iterable[str]) -> list[str]:
    """The subfolders in which manifests may be; a chart's templates are none."""
    return sorted(set(folders) - _PARTS_OF_A_CHART if _CHART in set(files) else folders)


def remedy_for_template(name: str, text: str) -> str:
    """How a template becomes a manifest."""
    if "{{" not in text and "{%" not in text:
        return f"fill it in first: envsubst < {shlex.quote(name)} | {_READ_THE_RESULT}"
    chart = next((folder for folder in _folders_above(Path(name)) if (folder / _CHART).is_file()), None)
    if chart is None and "{%" in text:
        return (
            f"render it first, with the tool that it is written for, and explain the result: ... | {_READ_THE_RESULT}"
        )
    return "render it first: " + _helm(shlex.quote(str(chart)) if chart is not None else "CHART")


def is_patch(file: Path) -> bool:
    """Whether a kustomization in its folder, or in one above, has a file as a patch: it is no manifest by itself."""
    wanted = os.path.normpath(file.absolute())
    return any(wanted in _patches(folder) for folder in _folders_above(file))


def _kustomize(place: str) -> str:
    return f"kubectl kustomize {place} | {_READ_THE_RESULT}"


def _helm(place: str) -> str:
    return f"helm template {place} | {_READ_THE_RESULT}"


def _folders_above(file: Path) -> list[Path]:
    return list(file.absolute().parents)[:_FOLDERS_ABOVE]


@cache
def _patches(folder: Path) -> frozenset[str]:
    """The files that a folder's kustomization has as patches."""
    return _named_files(folder, _PATCHES)


@cache
def _resources(folder: Path) -> frozenset[str]:
    """The files that a folder's kustomization has as resources."""
    return _named_files(folder, ("resources",))


def _named_files(folder: Path, fields: tuple[str, ...]) -> frozenset[str]:
    for name in _KUSTOMIZATIONS:
        try:
            with (folder / name).open("rb") as file:
                text = decode(file.read(_LARGEST_KUSTOMIZATION))
        except OSError:
            continue
        values = [document.value for document in read_documents(text) if isinstance(document.value, dict)]
        return frozenset(os.path.normpath(folder / path) for value in values for path in _paths(value, fields))
    return frozenset()


def _paths(kustomization: Manifest, fields: tuple[str, ...]) -> Iterator[str]:
    for field in fields:
        entries = kustomization.get(field)
        for entry in entries if isinstance(entries, list) else []:
            path = entry.get("path") if isinstance(entry, dict) else entry
            if isinstance(path, str) and "\n" not in path and "\0" not in path:
                yield path
