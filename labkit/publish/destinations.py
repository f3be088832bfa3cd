"""Where a published image goes: an archive, a registry, the engine, and the cluster after that."""

from __future__ import annotations

import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from labkit.adapters.crane import Crane
from labkit.base.errors import LabFailed, Misuse
from labkit.core.image_reference import ImageReference
from labkit.lab.lab import Lab
from labkit.publish.image_writer import AssembledImage, layout, write_archive, write_docker_archive
from labkit.publish.rules.image_target import Target

_ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz")
_ENGINES = ("podman",)


@dataclass(frozen=True)
class Delivered:
    """Where it went.

    Args:
        digest: of the manifest, or of the configuration where there is none.
        place: a name for people to read.
    """

    digest: str
    place: str


def check_destination(target: Target, *, cluster: bool) -> None:
    """Refuse a target that makes no sense, before anything is read for it.

    Args:
        target: where the image goes.
        cluster: whether it is loaded into the lab's cluster too.

    Raises:
        Misuse: the cluster gets its images from the engine, or the engine is another than Docker.
    """
    elsewhere = target.archive or target.registry
    if cluster and elsewhere:
        raise Misuse("Publishing into the cluster", "it comes from the engine", "leave out the archive or the registry")
    if not elsewhere and target.local_registry.lower() in _ENGINES:
        raise Misuse("Publishing into Podman", "the kit's own back end knows Docker alone", "leave out LocalRegistry")


def needs_layers(target: Target, lab: Lab) -> bool:
    """Whether the base's layers are needed as files; an engine that has them already does without."""
    engine = lab.engine
    return bool(target.archive or target.registry) or engine().has_containerd_store() or engine().is_podman


def deliver(image: AssembledImage, target: Target, lab: Lab, *, cluster: bool) -> Delivered:
    """Bring an image to its place.

    Args:
        image: the image, whole where `needs_layers` wants it.
        target: where it goes.
        lab: its engine and cluster.
        cluster: whether it is loaded into the lab's cluster too.

    Raises:
        LabFailed: it could not be brought there; nothing is left half-way.
    """
    names = [f"{target.repository}:{tag}" for tag in target.tags]
    if target.archive:
        path = archive_path(target.archive, target.repository)
        write_archive(image, path, names)
        return Delivered(image.digest if image.image_format == "OCI" else image.identifier, f"archive {path}")
    if target.registry:
        return _push(image, target, lab)
    _load(image, names, lab)
    if cluster:
        lab.cluster().load({str(ImageReference.parse(name)): image.identifier for name in names})
    return Delivered(image.identifier, "the engine and the cluster" if cluster else "the engine")


def archive_path(given: str, repository: str) -> Path:
    """The file that ContainerArchiveOutputPath means: a folder, or a path without a known suffix, gets a file in it."""
    path = Path(given)
    if given.endswith("/") or path.is_dir() or not path.name.endswith(_ARCHIVE_SUFFIXES):
        return path / f"{repository}.tar.gz"
    return path


def _push(image: AssembledImage, target: Target, lab: Lab) -> Delivered:
    crane = Crane(lab.configuration, lab.steps)
    first, *others = target.tags
    reference = f"{target.registry}/{target.repository}:{first}"
    with layout(image, lab.configuration.cache) as folder:
        digest = crane.push(folder, reference)
    if digest != image.digest:
        raise LabFailed(
            f"Pushing {reference}", f"the registry reports {digest}, not {image.digest}", "look at the registry"
        )
    for tag in others:
        crane.tag(reference, tag)
    return Delivered(digest, f"registry {target.registry}")


def _load(image: AssembledImage, names: list[str], lab: Lab) -> None:
    # Podman would take a short name for one of its own, localhost/NAME; Docker shows this one short.
    in_full = [str(ImageReference.parse(name)) for name in names]
    with tempfile.TemporaryFile() as archive:
        with tarfile.open(fileobj=archive, mode="w") as tar:
            write_docker_archive(tar, image, in_full)
        archive.seek(0)
        lab.engine().load_archive(archive, names[0])
