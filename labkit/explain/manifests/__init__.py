"""Manifests as kubectl reads them: bytes to documents, documents to the pods that they describe.

What concerns folders that Helm or kustomize build is imported when it is first used (PEP 562): most calls of
`labkit explain` name files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.explain.manifests.built_folders import (
        bases_of_kustomizations,
        build_kind,
        folders_of_manifests,
        how_it_is_built,
        is_kustomization_or_chart,
        is_part_of_a_build,
        is_patch,
        is_resource,
        remedy_for_template,
    )
    from labkit.explain.manifests.folder_builds import build_folder

__all__ = [
    "bases_of_kustomizations",
    "build_folder",
    "build_kind",
    "folders_of_manifests",
    "how_it_is_built",
    "is_kustomization_or_chart",
    "is_part_of_a_build",
    "is_patch",
    "is_resource",
    "remedy_for_template",
]

__getattr__ = imported_when_used(__name__, {**dict.fromkeys(__all__, "built_folders"), "build_folder": "folder_builds"})
