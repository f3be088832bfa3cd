"""Sample images with the probe program copied in, for the threat matrix."""

from __future__ import annotations

from collections.abc import Iterable

from labkit.adapters import go, go_programs
from labkit.adapters.engine import Engine, InspectedImage, image_labels
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.locks import locked
from labkit.base.resources import CLUSTER, require
from labkit.lab.samples.build import CONTENT_LABEL, SOURCE_LABEL
from labkit.lab.samples.build_contexts import archive, collect, content_hash
from labkit.show.steps import Steps

PROGRAM = "/labkit/probe"
"""Where the probe program lies in such an image."""

_FOLDER = CLUSTER / "probe" / "image"
_TOOLS = "debian"


def probed_reference(configuration: Configuration, sample: str) -> str:
    """The reference of a sample image with the probe program in it."""
    return configuration.image_reference(f"{sample}-probed")


def ensure_probed(
    engine: Engine,
    configuration: Configuration,
    samples: Iterable[str],
    steps: Steps,
    program: go_programs.GoProgram = go_programs.PROBE,
) -> dict[str, str]:
    """Make what is missing or has changed.

    Args:
        engine: builds and keeps them.
        configuration: names them.
        samples: the names of the sample images.
        steps: told what is going on.
        program: the probe program; tests bring one that misbehaves.

    Returns:
        Reference -> id of the images with the probe program.

    Raises:
        LabFailed: a sample image has not been made.
    """
    with locked(configuration.state / "probed-images.lock", on_wait=steps.note):  # two lessons may need one at once
        return _ensure_probed(engine, configuration, samples, steps, program)


def _ensure_probed(
    engine: Engine, configuration: Configuration, samples: Iterable[str], steps: Steps, program: go_programs.GoProgram
) -> dict[str, str]:
    files = collect(require(_FOLDER), {"probe": go.ensure(program, configuration.cache, steps.step) / "probe"})
    tools = _sample(engine, configuration, _TOOLS)
    made = {}
    for name in samples:
        base, reference = _sample(engine, configuration, name), probed_reference(configuration, name)
        content = content_hash(files, base["Id"], tools["Id"])
        image = engine.image(reference)
        if image is None or image_labels(image).get(CONTENT_LABEL) != content:
            arguments = {"SAMPLE": configuration.image_reference(name), "DEBIAN": configuration.image_reference(_TOOLS)}
            labels = {CONTENT_LABEL: content, SOURCE_LABEL: image_labels(base).get(SOURCE_LABEL, "")}
            with steps.step(f"image {name}, with the probes"):
                engine.build(archive(files), reference, arguments=arguments, labels=labels)
            image = _made(engine, reference)
        made[reference] = image["Id"]
    engine.remove_stages()
    return made


def _sample(engine: Engine, configuration: Configuration, name: str) -> InspectedImage:
    return _made(engine, configuration.image_reference(name))


def _made(engine: Engine, reference: str) -> InspectedImage:
    image = engine.image(reference)
    if image is None:
        raise LabFailed(f"Looking for {reference}", "the image has not been made", "make it\n  labkit up")
    return image
