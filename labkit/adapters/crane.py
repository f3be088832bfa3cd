"""The only file that runs crane: pulling, pushing and looking at images in registries, without an engine."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

from labkit.adapters import go, go_programs
from labkit.adapters.engine_answers import InspectedConfig
from labkit.adapters.processes import TimeoutExpired, run
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.core.image_reference import ImageReference
from labkit.show.steps import Steps

SECONDS = 600.0
"""How long one transfer may take."""
_REMEDIES = (
    (
        r"connection refused|no such host|no route|network is unreachable",
        "check its name, and that it is up",
    ),
    (
        r"UNAUTHORIZED|DENIED|401|403",
        "log in to it; your account must be allowed to do this\n  docker login {registry}",
    ),
    (r"MANIFEST_UNKNOWN|NAME_UNKNOWN|404", "see which tags there are\n  labkit images"),
    (r"TOOMANYREQUESTS|429", "wait as long as it asks, log in to it, or use a mirror"),
    (r"certificate|x509|http: server gave HTTP response", "trust its certificate, or ask it by the right protocol"),
    (r"unexpected EOF|size mismatch|digest mismatch|connection reset", "the transfer broke off; try again"),
)


class RegistryImage(TypedDict, total=False):
    """An image's configuration, as a registry has it (opencontainers/image-spec:config.md)."""

    config: InspectedConfig | None
    history: Sequence[Mapping[str, str]]
    os: str


@dataclass(frozen=True)
class Crane:
    """crane, built on first use.

    Args:
        configuration: whose cache holds the program.
        steps: told when it is built.
    """

    configuration: Configuration
    steps: Steps

    def digest(self, reference: str) -> str:
        """The digest of what a reference names."""
        return self._run(["digest", reference], f"Asking for the digest of {reference}", reference).strip()

    def image_config(self, reference: str, platform: str) -> RegistryImage:
        """An image's whole configuration."""
        text = self._run(["config", "--platform", platform, reference], f"Reading {reference}", reference)
        return cast(RegistryImage, json.loads(text))

    def pull(self, reference: str, folder: Path, platform: str) -> None:
        """Pull one platform's image as an OCI layout into a folder that is not there yet.

        Args:
            reference: of the image.
            folder: is made.
            platform: such as linux/amd64.

        Raises:
            LabFailed: the registry does not answer, or has no such image.
        """
        command = ["pull", "--format=oci", "--platform", platform, reference, str(folder)]
        self._run(command, f"Pulling {reference}", reference)

    def push(self, layout: Path, reference: str) -> str:
        """Push an OCI layout of one image, or what `docker save` wrote.

        Its tag comes last, so a push that breaks off tags nothing.

        Returns:
            The digest of its manifest.
        """
        pushed = self._run(["push", str(layout), reference], f"Pushing {reference}", reference)
        return ImageReference.parse(pushed.strip()).digest

    def tag(self, reference: str, tag: str) -> None:
        """Give an image in a registry one more tag."""
        self._run(["tag", reference, tag], f"Tagging {reference} as {tag}", reference)

    def _run(self, arguments: Sequence[str], doing: str, reference: str) -> str:
        program = go.ensure(go_programs.CRANE, self.configuration.cache, self.steps.step) / "crane"
        plain = ["--insecure"] if re.match(r"(localhost|127\.\d+\.\d+\.\d+)(:|/)", reference) else []
        registry = ImageReference.parse(reference).registry
        try:
            completed = run(
                [str(program), *plain, *arguments],
                environment={**os.environ, "LC_ALL": "C.UTF-8"},
                deadline=SECONDS,
            )
        except TimeoutExpired:
            raise LabFailed(
                doing, f"timed out: nothing came for {SECONDS:.0f} s", "check that the registry answers"
            ) from None
        if completed.returncode == 0:
            return completed.stdout
        lines = completed.stderr.strip().splitlines()[-2:]
        problem = "\n".join(lines) or f"crane ended with status {completed.returncode}"
        remedies = (remedy for pattern, remedy in _REMEDIES if re.search(pattern, problem, re.IGNORECASE))
        raise LabFailed(doing, problem, next(remedies, "see what the registry says").format(registry=registry))
