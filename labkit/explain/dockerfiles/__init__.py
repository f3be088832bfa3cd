"""Dockerfiles as the builders read them: which USER each stage ends with, or why the build stops. Nothing is built.
Compose files, which name them, are read here as well.

What this package offers is imported when it is first used (PEP 562): most calls of `labkit explain` read no Dockerfile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.explain.dockerfiles.base_images import BaseFinder, parse_variables
    from labkit.explain.dockerfiles.compose_files import explain_compose
    from labkit.explain.dockerfiles.compose_services import is_compose
    from labkit.explain.dockerfiles.dockerfile_rows import (
        DockerfileQuestion,
        explain_build,
        explain_dockerfile_text,
        explain_dockerfiles,
        read_dockerfile,
    )
    from labkit.explain.dockerfiles.expansion import Builder
    from labkit.explain.dockerfiles.folder_files import builder_files
    from labkit.explain.dockerfiles.stage_evaluator import BuildOptions
    from labkit.explain.dockerfiles.stages import parse_build_args

__all__ = [
    "BaseFinder",
    "BuildOptions",
    "Builder",
    "DockerfileQuestion",
    "builder_files",
    "explain_build",
    "explain_compose",
    "explain_dockerfile_text",
    "explain_dockerfiles",
    "is_compose",
    "parse_build_args",
    "parse_variables",
    "read_dockerfile",
]

__getattr__ = imported_when_used(
    __name__,
    {
        "BaseFinder": "base_images",
        "BuildOptions": "stage_evaluator",
        "Builder": "expansion",
        "DockerfileQuestion": "dockerfile_rows",
        "builder_files": "folder_files",
        "explain_build": "dockerfile_rows",
        "explain_compose": "compose_files",
        "explain_dockerfile_text": "dockerfile_rows",
        "explain_dockerfiles": "dockerfile_rows",
        "is_compose": "compose_services",
        "read_dockerfile": "dockerfile_rows",
        "parse_build_args": "stages",
        "parse_variables": "base_images",
    },
)
