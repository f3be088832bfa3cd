"""Where a base image is found: given by path, in the lab, in the engine, or in a registry."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from labkit.adapters.crane import Crane
from labkit.adapters.engine import EngineUnreachable
from labkit.archives.architecture import image_architecture
from labkit.base.errors import LabError, LabFailed
from labkit.core.image_reference import full_name
from labkit.lab.lab import Lab
from labkit.lab.samples.build import source_label
from labkit.publish.base_content import Base, base_of_archive, base_of_engine, kept_base


class Bases:
    """Finds base images.

    Args:
        lab: its catalogue knows images by their upstream names, its engine those that are here.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._in_engine = ""

    def find(self, reference: str, path: str = "") -> Base:
        """A base image; its layers are read only where they are needed.

        Args:
            reference: as the project names it, or as the SDK infers it.
            path: an archive or a layout that holds it; empty to look for it.

        Raises:
            LabFailed: it is nowhere, or is no image.
        """
        architecture, cache = image_architecture(None), self.lab.configuration.cache
        if path:
            return base_of_archive(Path(path), architecture, cache, f"from {path}")
        try:
            if (found := self._look_in_engine(reference)) is not None:
                return found
            why_not = "neither the lab nor the engine has it"
        except EngineUnreachable as error:
            why_not = f"no engine answers ({error.came_back})"
        return self._pull(reference, why_not)

    def with_layers(self, base: Base) -> Base:
        """The same base with its layers as files."""
        if all(layer.path is not None for layer in base.layers) or not self._in_engine:
            return base
        engine, cache = self.lab.engine(), self.lab.configuration.cache
        identifier = str((engine.image(self._in_engine) or {}).get("Id"))
        if (kept := kept_base(cache, identifier, base.image_format, base.source)) is not None:
            return replace(kept, digest=base.digest)
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=cache, prefix=".save-", suffix=".tar") as saved:
            engine.save_image(self._in_engine, saved)
            saved.flush()
            whole = base_of_archive(Path(saved.name), image_architecture(None), cache, base.source)
        return Base(whole.configuration, base.image_format, base.digest, whole.layers, base.source)

    def _look_in_engine(self, reference: str) -> Base | None:
        engine = self.lab.engine()
        for name, source in self._names(reference):
            inspected = engine.image(name)
            if inspected is not None:
                self._in_engine = name
                origin = source_label(inspected)
                return base_of_engine(inspected, engine.history(name), f"{source}, {origin}" if origin else source)
        return None

    def _names(self, reference: str) -> list[tuple[str, str]]:
        """The names under which the engine may have an image, and how to speak of each."""
        wanted = full_name(reference)
        ours = [
            (self.lab.configuration.image_reference(recipe.name), f"the lab's {recipe.name}")
            for recipe in self.lab.catalogue.values()
            if reference == recipe.name or (recipe.upstream and wanted == full_name(recipe.upstream))
        ]
        return [*ours, (reference, "of the engine")]

    def _pull(self, reference: str, why_not: str) -> Base:
        settings = self.lab.configuration
        crane, architecture = Crane(settings, self.lab.steps), image_architecture(None)
        (settings.cache / "bases").mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=settings.cache / "bases", prefix=".pull-") as folder:
                place = Path(folder) / "image"
                crane.pull(reference, place, f"linux/{architecture}")
                return base_of_archive(place, architecture, settings.cache, "pulled from its registry")
        except LabFailed as error:
            came_back = f"{why_not}, and its registry does not give it:\n{error.came_back}"
            remedy = f"{error.remedy}; or name a base that is here: -p:ContainerBaseImage=NAME, or --base ARCHIVE"
            raise LabFailed(f"Looking for the base image {reference}", came_back, remedy) from error


__all__ = ["Bases", "LabError"]
