"""Making the sample images, each once for what its recipe is now."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from labkit.adapters import debian, go, go_programs
from labkit.adapters.engine import Engine, InspectedImage, image_labels
from labkit.adapters.engine.pull_errors import is_gone
from labkit.adapters.processes import run_program
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.fetching import fetching
from labkit.base.scratch import scratch_folder
from labkit.lab.samples.build_contexts import archive, archive_of_dockerfile, collect, content_hash
from labkit.lab.samples.catalogue import Recipe
from labkit.lab.samples.digest_lock import gone_digest, locked_reference, read_lock
from labkit.lab.samples.sources import Decision, Source
from labkit.show.steps import Steps

CONTENT_LABEL = "labkit.content"
SOURCE_LABEL = "labkit.source"
UPSTREAM_LABEL = "labkit.upstream"
_SUITE = "trixie"
_WRAP = "ARG UPSTREAM\nFROM ${UPSTREAM}\n"


class _Made(NamedTuple):
    """A sample image that is in the engine: the hash of what it was made from, and its id."""

    content: str
    image_id: str


class _Pulled(NamedTuple):
    """An upstream image in the engine: by which name, of which digest, from where, and whether we brought it."""

    reference: str
    digest: str
    source: str
    is_ours: bool


@dataclass
class ImageBuilder:
    """Makes sample images: what is there is read off the engine's images, once.

    Args:
        engine: builds and keeps them.
        configuration: names them.
        catalogue: the recipes; none of them builds on itself.
        decision: where images come from.
        steps: told what is going on.
        locked: digests of upstream images; what is locked is pulled by its digest.
    """

    engine: Engine
    configuration: Configuration
    catalogue: Mapping[str, Recipe]
    decision: Decision
    steps: Steps
    locked: Mapping[str, str] = field(default_factory=read_lock)
    _made: dict[str, _Made] = field(default_factory=dict)

    def ensure_all(self) -> None:
        """Make what is missing or has changed."""
        for recipe in self.catalogue.values():
            self.ensure(recipe)
        self.engine.remove_stages()

    def ids(self) -> dict[str, str]:
        """Reference -> id of every sample image that has been made."""
        ids = {self.configuration.image_reference(name): self._id(name) for name in self.catalogue}
        return {reference: image_id for reference, image_id in ids.items() if image_id}

    def _id(self, name: str) -> str | None:
        if name in self._made:
            return self._made[name].image_id
        image = self.engine.image(self.configuration.image_reference(name))
        return image["Id"] if image else None

    def ensure(self, recipe: Recipe) -> str:
        """Make one image, and what it is built on, if it is missing or has changed.

        Returns:
            The hash of all that it was made from.
        """
        if recipe.name in self._made:
            return self._made[recipe.name].content
        bases = {base: self.ensure(self.catalogue[base]) for base in self._bases(recipe)}
        reference = self.configuration.image_reference(recipe.name)
        files = self._files(recipe)
        content = content_hash(files, self.decision.source, *self._upstreams(recipe), *bases.values(), recipe.name)
        image = self.engine.image(reference)
        if image is None or (image["Config"].get("Labels") or {}).get(CONTENT_LABEL) != content:
            with self.steps.step(f"image {recipe.name} ({self.decision.source})"):
                self._make(recipe, reference, files, {CONTENT_LABEL: content, SOURCE_LABEL: self.decision.source})
            image = self.engine.image(reference)
        if image is not None:
            self._made[recipe.name] = _Made(content, image["Id"])
        return content

    def _is_upstream(self, recipe: Recipe) -> bool:
        return self.decision.source is Source.UPSTREAM and recipe.upstream is not None

    def _bases(self, recipe: Recipe) -> tuple[str, ...]:
        return () if self._is_upstream(recipe) else recipe.bases

    def _upstreams(self, recipe: Recipe) -> tuple[str, ...]:
        if not self._is_upstream(recipe) or recipe.upstream is None:
            return ()
        return (locked_reference(self.decision.reference(recipe.upstream), recipe.upstream, self.locked),)

    def _files(self, recipe: Recipe) -> dict[str, Path]:
        extra = {}
        if recipe.app and not self._is_upstream(recipe):
            built = go.ensure(go_programs.SAMPLE_APP, self.configuration.cache, self.steps.step)
            extra["sampleapp"] = built / "sampleapp"
        return collect(recipe.folder, extra)

    def _make(self, recipe: Recipe, reference: str, files: Mapping[str, Path], labels: dict[str, str]) -> None:
        if self._is_upstream(recipe):
            self._wrap_upstream(recipe, reference, labels)
        elif recipe.rootfs:
            self._import_debian(reference, labels)
        else:
            arguments = {_argument(base): self.configuration.image_reference(base) for base in recipe.bases}
            self.engine.build(archive(files), reference, arguments=arguments, labels=labels)

    def _wrap_upstream(self, recipe: Recipe, reference: str, labels: dict[str, str]) -> None:
        """Pull an upstream image and give it the lab's name and labels; its own name goes if we brought it."""
        (upstream,) = self._upstreams(recipe)
        pulled = self._pull(recipe, upstream)
        derived = recipe.folder / "Dockerfile.upstream"
        try:
            self.engine.build(
                archive_of_dockerfile(derived.read_text(encoding="utf-8") if derived.is_file() else _WRAP),
                reference,
                arguments={"UPSTREAM": pulled.reference},
                labels={**labels, SOURCE_LABEL: pulled.source, UPSTREAM_LABEL: pulled.digest},
            )
        finally:
            if pulled.is_ours:
                self.engine.remove_image(pulled.reference)

    def _pull(self, recipe: Recipe, reference: str) -> _Pulled:
        """Pull an upstream image; one that is locked is taken from a mirror by its tag if it is the same all the same.

        A classroom's mirror serves what another lab had wrapped: its digests are its own, and the labels say which
        upstream image it was, or that it is a stand-in. What an image is does not change on the way.
        """
        is_ours = self.engine.image(reference) is None
        try:
            digest = self.engine.pull(reference)
        except LabFailed as error:
            wanted = self.locked.get(recipe.upstream or "", "")
            if not wanted or not reference.endswith(f"@{wanted}") or not is_gone(error.came_back):
                raise
            if self.decision.mirror:
                pulled = self._pull(recipe, reference.removesuffix(f"@{wanted}"))
                if pulled.source == Source.STAND_IN or pulled.digest.endswith(f"@{wanted}"):
                    return pulled
                if pulled.is_ours:
                    self.engine.remove_image(pulled.reference)
            raise gone_digest(error.tried, error.came_back, str(recipe.upstream)) from error
        labels = image_labels(self.engine.image(reference))
        source = labels.get(SOURCE_LABEL, self.decision.source)
        return _Pulled(reference, labels.get(UPSTREAM_LABEL, digest), source, is_ours)

    def _import_debian(self, reference: str, labels: dict[str, str]) -> None:
        debian.add_programs("mmdebstrap")
        with scratch_folder() as folder:
            rootfs = str(folder / "rootfs.tar")
            with fetching():
                # Not --quiet, which hides what apt could not fetch, and why.
                run_program(
                    ["mmdebstrap", "--variant=minbase", _SUITE, rootfs, debian.mirror()],
                    doing="Making a Debian root file system",
                    remedy="the Debian mirror must be reachable; see all of it with\n"
                    f"  mmdebstrap --variant=minbase {_SUITE} /tmp/rootfs.tar",
                    environment={**os.environ, "TMPDIR": str(folder)},
                    last_lines=12,
                )
            self.engine.import_rootfs(rootfs, reference, labels=labels, changes=['CMD ["bash"]'])


def source_label(image: InspectedImage | None) -> str | None:
    """Where a made image came from; None if there is no such image, or it is not the lab's."""
    return image_labels(image).get(SOURCE_LABEL)


def _argument(base: str) -> str:
    return base.upper().replace("-", "_")
