"""Saving a bundle: what this machine's lab is made of, as one file for machines of the same kind."""

from __future__ import annotations

import platform
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from labkit.adapters import go
from labkit.adapters.engine import Engine, image_labels
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed, Misuse, did_you_mean
from labkit.base.locks import locked
from labkit.base.resources import kit_version
from labkit.core.image_platform import image_architecture
from labkit.lab.bundles.bundle_manifest import (
    FORMAT,
    IMAGES,
    BundledImage,
    BundleManifest,
    default_name,
    kit_content,
    kubernetes_version,
    python_version,
)
from labkit.lab.bundles.bundle_writer import BundleWriter, writing
from labkit.lab.bundles.bundled_packages import add_packages, can_bundle_packages, debian_release
from labkit.lab.bundles.bundled_programs import bundled_programs, version_and_licence
from labkit.lab.bundles.bundled_wheels import add_wheels, can_bundle_wheels
from labkit.lab.cluster_kinds.node_image import NodeImage
from labkit.lab.lab import Lab
from labkit.lab.samples.build import CONTENT_LABEL, UPSTREAM_LABEL, ImageBuilder
from labkit.lab.samples.sources import Decision, Source, decide
from labkit.show import counted

KINDS = {
    "images": "the sample images",
    "node": "the image of the cluster's node",
    "programs": "the programs that are compiled from Go modules",
    "wheels": "the Python packages, for this machine's Python",
    "packages": "the Debian packages of the engine and of Python, for this machine's release",
}
"""What a bundle may hold, and what each is."""

_LICENCE_LABEL = "org.opencontainers.image.licenses"


def read_kinds(text: str | None) -> tuple[str, ...]:
    """What is to go into a bundle.

    Args:
        text: keys of `KINDS`, with commas between them; None for all that this kit has.

    Raises:
        Misuse: there is no such kind, or none is named.
    """
    if text is None:
        has = {"wheels": can_bundle_wheels, "packages": can_bundle_packages}
        return tuple(kind for kind in KINDS if kind not in has or has[kind]())
    names = [name.strip() for name in text.split(",") if name.strip()]
    saving = "Saving a bundle"
    if not names:
        raise Misuse(saving, "--with names nothing", f"name some of {', '.join(KINDS)}, or leave --with out for all")
    for name in names:
        if name not in KINDS:
            remedy = did_you_mean(name, KINDS, f"name some of {', '.join(KINDS)}")
            raise Misuse(saving, f"there is no {name!r} to put into it", remedy)
    return tuple(kind for kind in KINDS if kind in names)


def target_file(path: Path) -> Path:
    """The file that a bundle is written to; in a folder it gets its usual name.

    Raises:
        Misuse: there is no such folder.
    """
    target = path / default_name() if path.is_dir() else path
    if not target.parent.is_dir():
        raise Misuse(f"Writing the bundle {target}", "there is no such folder", f"make it\n  mkdir -p {target.parent}")
    return target


def save_bundle(lab: Lab, target: Path, kinds: Sequence[str]) -> BundleManifest:
    """Write a bundle; what the lab lacks of it is made first.

    Args:
        lab: whose images.
        target: the file; it appears whole or not at all.
        kinds: keys of `KINDS`.

    Raises:
        LabError: what could not be made or written.
    """
    with locked(lab.configuration.state / "lock", on_wait=lab.steps.note), writing(target) as writer:
        engine = lab.engine()
        decision = decide(engine, lab.configuration)
        images = _make_images(lab, engine, decision, kinds)
        if "programs" in kinds:
            _add_programs(lab, writer)
        if images:
            with lab.steps.step("the images, saved"):
                _add_images(engine, lab.configuration, images, writer)
        if "wheels" in kinds:
            with lab.steps.step("the Python packages, fetched"):
                add_wheels(writer)
        if "packages" in kinds:
            with lab.steps.step("the Debian packages, fetched"):
                add_packages(writer)
        manifest = BundleManifest(
            format=FORMAT,
            system=platform.system().lower(),
            architecture=image_architecture(),
            kit=kit_version(),
            content=kit_content(),
            kubernetes=kubernetes_version(),
            source=decision.source,
            mirror=decision.mirror,
            python=python_version() if "wheels" in kinds else "",
            debian=debian_release() if "packages" in kinds else "",
            images=list(images.values()),
        )
        with lab.steps.step("the bundle, written"):
            return writer.finish(manifest, target)


def _make_images(lab: Lab, engine: Engine, decision: Decision, kinds: Sequence[str]) -> dict[str, BundledImage]:
    """Make what is missing of the images; reference -> what is written of it."""
    samples = ImageBuilder(engine, lab.configuration, lab.catalogue, decision, lab.steps)
    names: list[str] = []
    if "images" in kinds:
        samples.ensure_all()
        names += lab.catalogue
    if "node" in kinds:
        NodeImage(engine, lab.configuration, decision, lab.steps).ensure(samples)
        names.append("node")
    references = {name: lab.configuration.image_reference(name) for name in names}
    return {reference: _bundled(engine, name, reference) for name, reference in references.items()}


def _bundled(engine: Engine, name: str, reference: str) -> BundledImage:
    image = engine.image(reference)
    if image is None:
        raise LabFailed(f"Looking for {reference}", "it was made, and is gone", "make it again\n  labkit up")
    labels = image_labels(image)
    stand_in = labels.get("labkit.source") == Source.STAND_IN
    return BundledImage(
        name=name,
        reference=_bundle_reference(name),
        content=labels.get(CONTENT_LABEL, ""),
        size=image.get("Size", 0),
        version=labels.get(UPSTREAM_LABEL) or image["Id"].removeprefix("sha256:")[:12],
        licence=labels.get(_LICENCE_LABEL) or ("of its Debian packages" if stand_in else "upstream's"),
    )


def _bundle_reference(name: str) -> str:
    """What an image is called in a bundle: no lab's name has a dot, so it is in no lab's way."""
    return f"localhost/labkit.bundle/{name}:lab"


def _add_images(
    engine: Engine, configuration: Configuration, images: Mapping[str, BundledImage], writer: BundleWriter
) -> None:
    title = f"{counted(len(images), 'image')}, as docker save writes them"
    try:
        for reference, image in images.items():
            engine.tag(reference, image.reference)
        with writer.compressed(IMAGES, title=title, version="", licence="see each image") as packed:
            engine.save_images([image.reference for image in images.values()], packed)
    finally:
        for image in images.values():
            engine.remove_image(image.reference)


def _add_programs(lab: Lab, writer: BundleWriter) -> None:
    for name, program in bundled_programs().items():
        built = go.ensure(program, lab.configuration.cache, lab.steps.step)
        version, licence = version_and_licence(program)
        with writer.compressed(name, title=program.name, version=version, licence=licence) as packed:
            _write_files(built, packed)


def _write_files(folder: Path, target: IO[bytes]) -> None:
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(folder.iterdir()):
            member = tarfile.TarInfo(path.name)
            member.size, member.mode = path.stat().st_size, 0o755
            with path.open("rb") as content:
                tar.addfile(member, content)
