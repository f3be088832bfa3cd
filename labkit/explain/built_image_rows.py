"""As whom the image of a Dockerfile's text would run, with settings and on the engine; nothing is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.explain import dockerfiles
from labkit.explain.image_explanations import rows_of_image
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.namespace_levels import NamespaceLevels
from labkit.explain.rows import Explanations

_NAME, _NAMESPACE = "Dockerfile", "default"


def explain_dockerfile_settings(
    finder: ImageFinder,
    text: str,
    *,
    user: str | None = None,
    group_add: Sequence[str] = (),
    pod: Mapping[str, Any] | None = None,
    container: Mapping[str, Any] | None = None,
    levels: Sequence[str] = (),
) -> Explanations:
    """The row of a Dockerfile, and those of its image with these settings, where its user is known.

    Args:
        finder: looks its base up.
        text: of the Dockerfile.
        user: as `docker run --user`.
        group_add: as `docker run --group-add`.
        pod: the pod's securityContext, with its `hostUsers`.
        container: the container's.
        levels: what namespaces enforce, as --namespace-level.

    Raises:
        Misuse: a setting is not valid.
    """
    built = dockerfiles.explain_build(dockerfiles.BaseFinder(finder, {}), text, _NAME, dockerfiles.BuildOptions())
    rows = [built.row]
    if built.image is not None:
        policy = NamespaceLevels.parse(levels).policy(_NAMESPACE, {})
        rows += rows_of_image("built", built.image, user, group_add, pod, container, policy)
    return Explanations(rows, tuple(finder.notes))
