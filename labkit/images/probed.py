"""Sample images with the probe program copied in, for the threat matrix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from labkit.engine import Engine
from labkit.errors import LabFailed
from labkit.host import programs
from labkit.images.build import CONTENT_LABEL, SOURCE_LABEL
from labkit.images.contexts import archive, collect, content_hash
from labkit.settings import CHECKOUT, Settings
from labkit.show.progress import Steps

PROGRAM = "/labkit/probe"
"""Where the probe program lies in such an image."""

_FOLDER = CHECKOUT / "cluster" / "probe" / "image"
_TOOLS = "debian"


def probed_reference(settings: Settings, sample: str) -> str:
    """The reference of a sample image with the probe program in it."""
    return settings.image_reference(f"{sample}-probed")


def ensure_probed(
    engine: Engine,
    settings: Settings,
    samples: Iterable[str],
    steps: Steps,
    program: programs.GoProgram = programs.PROBE,
) -> dict[str, str]:
    """Make what is missing or has changed.

    Args:
        engine: builds and keeps them.
        settings: names them.
        samples: the names of the sample images.
        steps: told what is going on.
        program: the probe program; tests bring one that misbehaves.

    Returns:
        Reference -> id of the images with the probe program.

    Raises:
        LabFailed: a sample image has not been made.
    """
    files = collect(_FOLDER, {"probe": programs.ensure(program, settings.cache, steps.step) / "probe"})
    tools = _sample(engine, settings, _TOOLS)
    made = {}
    for name in samples:
        base, reference = _sample(engine, settings, name), probed_reference(settings, name)
        content = content_hash(files, base["Id"], tools["Id"])
        image = engine.image(reference)
        if image is None or _labels(image).get(CONTENT_LABEL) != content:
            arguments = {"SAMPLE": settings.image_reference(name), "DEBIAN": settings.image_reference(_TOOLS)}
            labels = {CONTENT_LABEL: content, SOURCE_LABEL: _labels(base).get(SOURCE_LABEL, "")}
            with steps.step(f"image {name}, with the probes"):
                engine.build(archive(files), reference, arguments=arguments, labels=labels)
            image = engine.image(reference) or {}
        made[reference] = str(image["Id"])
    return made


def _sample(engine: Engine, settings: Settings, name: str) -> dict[str, Any]:
    reference = settings.image_reference(name)
    image = engine.image(reference)
    if image is None:
        raise LabFailed(f"Looking for {reference}", "the image has not been made", "make it\n  labkit up")
    return image


def _labels(image: dict[str, Any]) -> dict[str, str]:
    return (image.get("Config") or {}).get("Labels") or {}
