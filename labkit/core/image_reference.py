"""Names of images, taken apart as docker does it.

Source: distribution/reference:normalize.go (ParseNormalizedNamed, splitDockerDomain, TagNameOnly).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_DOCKER_HUB = "docker.io"
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A name of an image, with the registry and the folder that docker lets one leave out: its text is the full name.

    Args:
        registry: its host, with a port where there is one; docker.io where the name gave none.
        repository: its path there; what docker.io has at its top lies in library/.
        tag: the tag; empty for none.
        digest: the digest, such as sha256:...; empty for none.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """Take any text apart; whether an image can have such a name is for the engine to say.

        Args:
            text: such as alpine, library/alpine:3.23, localhost:5000/app@sha256:...
        """
        name, _, digest = text.partition("@")
        registry, slash, rest = name.partition("/")
        # Whatever cannot be a folder of docker.io is a host.
        if not slash or not (set(".:") & set(registry) or registry == "localhost" or registry != registry.lower()):
            registry, rest = _DOCKER_HUB, name
        folder, slash, last = rest.rpartition("/")
        last, _, tag = last.partition(":")
        repository = folder + slash + last
        if registry in (_DOCKER_HUB, "index.docker.io"):
            registry, repository = _DOCKER_HUB, repository if slash else f"library/{repository}"
        return cls(registry, repository, tag, digest)

    @property
    def path(self) -> str:
        """All but the registry: the name by which another registry may have the same image."""
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def short_name(self) -> str:
        """A name for a container of it: the last part of the repository, in what Kubernetes allows; "app" if none."""
        last = self.repository.rpartition("/")[2]
        return _NOT_IN_A_NAME.sub("-", last.lower()).strip("-")[:40].strip("-") or "app"

    def tagged(self) -> ImageReference:
        """The same; with the tag latest if it has neither tag nor digest, as docker pulls it."""
        return self if self.tag or self.digest else replace(self, tag="latest")

    def spellings(self) -> tuple[str, ...]:
        """The names that mean the same image: in full, and as docker lets one shorten them, with latest and without."""
        short = self.repository.removeprefix("library/") if self.registry == _DOCKER_HUB else ""
        names = dict.fromkeys(filter(None, (self.name, self.registry == _DOCKER_HUB and self.repository, short)))
        tag = self.tag or ("" if self.digest else "latest")
        digest = f"@{self.digest}" if self.digest else ""
        versions = [f"{f':{tag}' if tag else ''}{digest}", *([digest] if tag == "latest" or digest else [])]
        return tuple(f"{name}{version}" for name in names for version in dict.fromkeys(versions))

    def __str__(self) -> str:
        return f"{self.registry}/{self.path}"


def full_name(name: str) -> str:
    """A name as docker completes it, by which several spellings of it are one."""
    return str(ImageReference.parse(name).tagged())
