"""What a manifest of workloads does not need, imported when it is first used (PEP 562).

Most calls of `labkit explain` name such manifests and nothing else: no image, Dockerfile or archive, no user of an
image, no level of a namespace, and nothing for a pipeline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.explain import dockerfiles, pipelines
    from labkit.explain.built_image_rows import explain_dockerfile_settings
    from labkit.explain.file_kinds import is_dockerfile
    from labkit.explain.given_users import GivenUsers, parse_users
    from labkit.explain.image_explanations import explain_image, read_archives
    from labkit.explain.namespace_levels import NamespaceLevels

__all__ = [
    "GivenUsers",
    "NamespaceLevels",
    "dockerfiles",
    "explain_dockerfile_settings",
    "explain_image",
    "is_dockerfile",
    "parse_users",
    "pipelines",
    "read_archives",
]

__getattr__ = imported_when_used(
    __name__,
    {
        "GivenUsers": "given_users",
        "NamespaceLevels": "namespace_levels",
        "dockerfiles": "dockerfiles",
        "explain_dockerfile_settings": "built_image_rows",
        "explain_image": "image_explanations",
        "is_dockerfile": "file_kinds",
        "parse_users": "given_users",
        "pipelines": "pipelines",
        "read_archives": "image_explanations",
    },
    package="labkit.explain",
)
