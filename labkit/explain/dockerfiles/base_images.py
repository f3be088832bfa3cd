"""What is known of the images that a Dockerfile names in FROM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from labkit.base.errors import Misuse
from labkit.core.image_reference import full_name
from labkit.explain.dockerfiles.built_stage import BaseImage
from labkit.explain.image_lookup import ImageFinder


class BaseFinder:
    """Looks base images up: in what was given, in archives, in the engine.

    Args:
        finder: looks images up.
        variables: of environments that were given, by the image's name.
    """

    def __init__(self, finder: ImageFinder, variables: Mapping[str, Mapping[str, str]]) -> None:
        self._finder = finder
        self._variables = {full_name(name): dict(values) for name, values in variables.items()}

    def __call__(self, name: str) -> BaseImage | None:
        """What is known of an image; None for nothing."""
        image = self._finder.find(name)
        given = self._variables.get(full_name(name))
        if image is None:
            return None if given is None else BaseImage(None, given, image=None)
        own = dict(pair.split("=", 1) for pair in self._finder.environment(name) if "=" in pair)
        return BaseImage(image.user, {**own, **(given or {})}, self._finder.triggers(name), image)


def parse_variables(triples: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read REF=NAME=VALUE triples.

    Raises:
        Misuse: one is no such triple.
    """
    variables: dict[str, dict[str, str]] = {}
    for triple in triples:
        reference, *rest = triple.split("=", 2)
        if not reference or len(rest) != 2 or not rest[0]:
            remedy = "for example\n  --image-env mcr.microsoft.com/dotnet/aspnet:10.0=APP_UID=1654"
            raise Misuse(f"Reading --image-env {triple!r}", "it is not NAME=VARIABLE=VALUE", remedy)
        variables.setdefault(reference, {})[rest[0]] = rest[1]
    return variables
