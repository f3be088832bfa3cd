"""The images that a class on a cluster runs: built by this machine's engine from the lab's own Debian.

All that a Dockerfile installs from Python comes with its context as wheels, fetched here by pip and checked by the
lock's hashes. So no index, mirror, certificate or proxy of this machine gets into an image.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit.adapters import go, go_programs
from labkit.adapters.engine import Engine, image_labels
from labkit.adapters.npm import fetch_packages
from labkit.adapters.processes import run_program
from labkit.base.configuration import LABEL
from labkit.base.errors import LabFailed, Misuse
from labkit.base.resources import CHECKOUT, CLUSTER, IS_CHECKOUT, require
from labkit.base.scratch import scratch_folder
from labkit.core.image_platform import image_architecture
from labkit.lab.lab import Lab
from labkit.lab.samples.build import CONTENT_LABEL
from labkit.lab.samples.build_contexts import archive, collect, content_hash
from labkit.lab.samples.recorded_images import record_images, record_layers
from labkit.show import counted

CLASS_IMAGES = CLUSTER / "class"
CLASS_IMAGE_LABEL = "labkit.class-image"
"""The label on these images in place of the lab's, which they would inherit: `labkit clean` is not meant for them."""

_PYTHON = "3.13"
"""Of Debian trixie, which they are built on."""
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
# PEP 600, from the newest that trixie's glibc runs; the second is the old name of the last.
_PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
_REMEDY = "pip's index must be reachable; then bring the class up again"


@dataclass(frozen=True)
class ClassImage:
    """An image of a class.

    Args:
        name: the name of its folder in cluster/class, with a Dockerfile and, if it has Python, a requirements.lock.
        programs: the kit's own that are in it.
        more: further files of its context, by path; given the lab and an empty folder.
        has_python: whether the kit is in it, with all that its lock names.
    """

    name: str
    programs: tuple[go_programs.GoProgram, ...] = ()
    more: Callable[[Lab, Path], Mapping[str, Path]] = lambda _lab, _folder: {}
    has_python: bool = True

    @property
    def folder(self) -> Path:
        """Where its Dockerfile lies."""
        return CLASS_IMAGES / self.name


def _recorded_facts(lab: Lab, folder: Path) -> dict[str, Path]:
    """What the lab's images say of themselves, for a participant who has no engine to ask."""
    file = folder / "images.json"
    file.write_text(json.dumps(record_images(lab), sort_keys=True), encoding="utf-8")
    layers = record_layers(lab, folder)
    # The probes of the threat lessons, for where there is an engine: nothing is compiled in a class.
    built = go.ensure(go_programs.PROBE, lab.configuration.cache, lab.steps.step)
    programs = {f"facts/programs/{built.name}/{program.name}": program for program in built.iterdir()}
    return {"facts/images.json": file, **{f"facts/{place}": layer for place, layer in layers.items()}, **programs}


def _proxy_packages(_lab: Lab, folder: Path) -> dict[str, Path]:
    """configurable-http-proxy, which comes from npm."""
    modules = fetch_packages(require(CLASS_IMAGES / "hub" / "package-lock.json"), folder / "npm")
    # npm's own note of what it did has times in it.
    files = (file for file in modules.rglob("*") if file.is_file() and not file.is_symlink())
    return {f"node_modules/{file.relative_to(modules)}": file for file in files if file.name != ".package-lock.json"}


def _sample_images(lab: Lab, folder: Path) -> dict[str, Path]:
    """The lab's images as one archive, for an engine that pulls nothing."""
    file = folder / "images.tar"
    with file.open("wb") as target:
        lab.engine().save_images(map(lab.configuration.image_reference, lab.catalogue), target)
    return {file.name: file}


HUB = ClassImage("hub", more=_proxy_packages)
PARTICIPANT = ClassImage("participant", (go_programs.KUBECTL, go_programs.CRANE), _recorded_facts)
ENGINE = ClassImage("engine", more=_sample_images, has_python=False)


def ensure_class_image(lab: Lab, image: ClassImage) -> str:
    """Build an image if it is missing, or if what it is made of has changed.

    Args:
        lab: whose engine builds it, and whose Debian it stands on.
        image: which.

    Returns:
        Its reference.

    Raises:
        Misuse: this kit was installed without its checkout.
        LabFailed: it cannot be built, or what belongs in it cannot be fetched.
    """
    engine, reference = lab.engine(), lab.configuration.image_reference(f"class-{image.name}")
    debian = engine.image(base := lab.configuration.image_reference("debian"))
    if debian is None:
        raise LabFailed(f"Building {reference}", f"{base} has not been made", "make it\n  labkit up")
    with scratch_folder() as scratch:
        files = _context(lab, image, scratch)
        content = content_hash(files, debian["Id"])
        if image_labels(engine.image(reference)).get(CONTENT_LABEL) != content:
            with lab.steps.step(f"image {image.name} of a class"):
                _build(engine, reference, files, base, {CLASS_IMAGE_LABEL: image.name, CONTENT_LABEL: content})
    return reference


def remove_class_images(lab: Lab) -> list[str]:
    """Remove the images of classes that a lab has made; what a cluster's nodes have of them stays there.

    With them goes what builds that were broken off, and an older labkit, have left without a name.

    Args:
        lab: whose engine has them.

    Returns:
        What was removed, as it is told.
    """
    engine = lab.engine()
    references = [lab.configuration.image_reference(f"class-{image.name}") for image in (HUB, PARTICIPANT, ENGINE)]
    told = [f"image {reference}" for reference in references if engine.remove_image(reference)]
    nameless = engine.remove_nameless(CLASS_IMAGE_LABEL)
    return told + ([f"{counted(nameless, 'image')} of a class without a name"] if nameless else [])


def _build(engine: Engine, reference: str, files: Mapping[str, Path], base: str, labels: Mapping[str, str]) -> None:
    # The lab's own label would be put on it otherwise, and inherited from the base.
    before = engine.image(reference)
    made = engine.build(archive(files), reference, arguments={"DEBIAN": base}, labels={**labels, LABEL: ""})
    engine.remove_stages()
    if before is not None and before["Id"] != made and CLASS_IMAGE_LABEL in image_labels(before):
        engine.remove_image(before["Id"])  # It has lost its name, and a lab removes only those with its own label.


def _context(lab: Lab, image: ClassImage, scratch: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    if image.has_python:
        wheels = fetch_wheels(require(image.folder / "requirements.lock"), lab.configuration.cache)
        files = {f"wheels/{file.name}": file for file in sorted(wheels.iterdir())}
        own = build_own_wheel(scratch / "own")
        files[f"wheels/{own.name}"] = own
    for program in image.programs:
        built = go.ensure(program, lab.configuration.cache, lab.steps.step)
        files |= {f"programs/{file.name}": file for file in sorted(built.iterdir())}
    context = collect(image.folder, {**files, **image.more(lab, scratch)})
    return {name: file for name, file in context.items() if "__pycache__" not in file.parts}


def fetch_wheels(lock: Path, cache: Path) -> Path:
    """The wheels of a lock for the Python of these images, each checked by its hash; fetched once.

    Args:
        lock: the file.
        cache: where they are kept.

    Returns:
        The folder with them.

    Raises:
        LabFailed: pip could not.
    """
    machine = _MACHINES.get(image_architecture(), image_architecture())
    key = hashlib.sha256(lock.read_bytes() + machine.encode()).hexdigest()[:16]
    folder = cache / "class-wheels" / key
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(folder.parent) as scratch:
        target = scratch / "wheels"
        platforms = [option for name in _PLATFORMS for option in ("--platform", f"{name}_{machine}")]
        python = ["--python-version", _PYTHON, "--implementation", "cp", "--abi", f"cp{_PYTHON.replace('.', '')}"]
        options = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check", "--quiet"]
        more = ["--abi", "abi3", "--abi", "none", *platforms, "--platform", "any"]
        argv = [sys.executable, "-m", "pip", "download", *options, *python, *more, "--dest", str(target)]
        run_program([*argv, "-r", str(lock)], doing=f"Fetching the wheels of {lock}", remedy=_REMEDY)
        target.rename(folder)
    return folder


def build_own_wheel(folder: Path) -> Path:
    """A wheel of this labkit, with the kit's files in it.

    Args:
        folder: where to.

    Raises:
        Misuse: this kit was installed without its checkout.
        LabFailed: pip could not.
    """
    if not IS_CHECKOUT:
        raise Misuse(
            "Building the wheel of labkit",
            "this labkit was installed without its checkout, and pyproject.toml lies there",
            "build the class's images from a checkout",
        )
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    argv = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", str(folder), str(CHECKOUT)]
    run_program(argv, doing="Building the wheel of labkit", remedy="make the environment again\n  make environment")
    return next(folder.glob("labkit-*.whl"))
