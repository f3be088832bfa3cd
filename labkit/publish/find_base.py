"""Where a base image is found: given by path, in the lab, in the engine, or in a registry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from labkit.adapters.crane import Crane
from labkit.adapters.engine import EngineUnreachable
from labkit.base.errors import LabFailed
from labkit.base.scratch import scratch_folder
from labkit.core.image_platform import ImagePlatform
from labkit.core.image_reference import ImageReference
from labkit.lab.lab import Lab
from labkit.lab.samples.build import source_label
from labkit.publish.base_content import Base, base_of_archive, base_of_engine, kept_base


def find_base(lab: Lab, reference: str, platform: ImagePlatform, path: str = "") -> Base:
    """A base image; its layers are read only where they are needed, by `with_layers`.

    Args:
        lab: its catalogue has images by their upstream names, its engine those that are here.
        reference: as the project names it, or as the SDK infers it.
        platform: what the image is for.
        path: an archive or a layout that holds it; empty to look for it.

    Raises:
        LabFailed: it is nowhere, is not an image, or is for another platform.
    """
    if path:
        base = base_of_archive(Path(path), platform.architecture, lab.configuration.cache, f"from {path}")
    else:
        base = _look_in_engine_or_pull(lab, reference, platform)
    if base.platform.pair != platform.pair:
        came_back = f"that {base.source} is for {base.platform}, and the app is for {platform}"
        remedy = "name one for the app's platform: --base ARCHIVE; or the base's platform: -p:RuntimeIdentifier=RID"
        raise LabFailed(f"Looking for the base image {reference}", came_back, remedy)
    return base


def _look_in_engine_or_pull(lab: Lab, reference: str, platform: ImagePlatform) -> Base:
    try:
        base = _look_in_engine(lab, reference)
        if base is not None and base.platform.pair == platform.pair:
            return base
        has_it = "neither the lab nor the engine has it"
        why_not = has_it if base is None else f"the engine has it for {base.platform}, and not for {platform}"
    except EngineUnreachable as error:
        why_not = f"no engine answers ({error.came_back})"
    return _pull(lab, reference, platform, why_not)


def with_layers(lab: Lab, base: Base) -> Base:
    """The same base with its layers as files."""
    if not base.in_engine:
        return base
    engine, cache = lab.engine(), lab.configuration.cache
    image = engine.image(base.in_engine)
    if image and (kept := kept_base(cache, image["Id"], base.image_format, base.source)) is not None:
        return replace(kept, digest=base.digest)
    cache.mkdir(parents=True, exist_ok=True)
    with scratch_folder(cache) as folder:
        saved = folder / "image.tar"
        with saved.open("wb") as file:
            engine.save_image(base.in_engine, file)
        whole = base_of_archive(saved, base.platform.architecture, cache, base.source)
    return replace(whole, image_format=base.image_format, digest=base.digest)


def _look_in_engine(lab: Lab, reference: str) -> Base | None:
    engine = lab.engine()
    for name, source in _names(lab, reference):
        inspected = engine.image(name)
        if inspected is not None:
            origin = source_label(inspected)
            source = f"{source}, {origin}" if origin else source
            return base_of_engine(name, inspected, engine.history(name), source)
    return None


def _names(lab: Lab, reference: str) -> list[tuple[str, str]]:
    """The names under which the engine may have an image, and how to speak of each."""
    wanted = ImageReference.parse(reference)
    ours = [
        (lab.configuration.image_reference(recipe.name), f"the lab's {recipe.name}")
        for recipe in lab.catalogue.values()
        if reference == recipe.name or (recipe.upstream and wanted == ImageReference.parse(recipe.upstream))
    ]
    return [*ours, (reference, "of the engine")]


def _pull(lab: Lab, reference: str, platform: ImagePlatform, why_not: str) -> Base:
    cache = lab.configuration.cache
    (cache / "bases").mkdir(parents=True, exist_ok=True)
    try:
        with scratch_folder(cache / "bases") as folder:
            place = folder / "image"
            Crane(lab.configuration, lab.steps).pull(reference, place, str(platform))
            return base_of_archive(place, platform.architecture, cache, "pulled from its registry")
    except LabFailed as error:
        came_back = f"{why_not}, and its registry does not give it:\n{error.came_back}"
        remedy = f"{error.remedy}; or name a base that is here: -p:ContainerBaseImage=NAME, or --base ARCHIVE"
        raise LabFailed(f"Looking for the base image {reference}", came_back, remedy) from error
