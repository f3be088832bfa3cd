"""Where a published image goes: an archive, a registry, the engine, and the cluster after that."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from labkit.adapters.crane import Crane
from labkit.base.errors import LabFailed, Misuse
from labkit.core.image_reference import full_name
from labkit.lab.lab import Lab
from labkit.publish.base_content import Base
from labkit.publish.find_base import Bases
from labkit.publish.image_writer import Image, layout, write_archive, write_docker_archive
from labkit.publish.rules.publish_result import Target

_ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz")
_ENGINES = {"podman": "Podman"}


@dataclass(frozen=True)
class Delivered:
    """Where it went.

    Args:
        digest: of the manifest, or of the configuration where there is none.
        place: in words.
    """

    digest: str
    place: str


def deliver(
    target: Target,
    base: Base,
    bases: Bases,
    put: Callable[[Base], Image],
    cluster: bool,
    lab: Lab,
) -> Delivered:
    """Put the image together for its place, and bring it there.

    Args:
        target: where it goes.
        base: what it stands on.
        bases: reads the base's layers where they are needed.
        put: puts the image together on a base.
        cluster: whether it is loaded into the lab's cluster too.
        lab: its engine and cluster.

    Raises:
        Misuse: the place makes no sense.
        LabFailed: it could not be brought there; nothing is left half-way.
    """
    names = [f"{target.repository}:{tag}" for tag in target.tags]
    if cluster and (target.archive or target.registry):
        raise Misuse("Publishing into the cluster", "it comes from the engine", "leave out the archive or the registry")
    if target.archive:
        image, path = put(bases.with_layers(base)), archive_path(target.archive, target.repository)
        write_archive(image, path, names)
        return Delivered(image.digest if image.image_format == "OCI" else image.identifier, f"archive {path}")
    if target.registry:
        return _push(put(bases.with_layers(base)), target, lab)
    if target.local_registry.lower() in _ENGINES:
        raise Misuse("Publishing into Podman", "the kit's own back end knows Docker alone", "leave out LocalRegistry")
    identifier = _load(put, base, bases, names, lab)
    if cluster:
        lab.cluster().load({full_name(name): identifier for name in names})
    return Delivered(identifier, "the engine and the cluster" if cluster else "the engine")


def archive_path(given: str, repository: str) -> Path:
    """The file that ContainerArchiveOutputPath means: a folder, or a path without a known suffix, gets a file in it."""
    path = Path(given)
    if given.endswith("/") or path.is_dir() or not path.name.endswith(_ARCHIVE_SUFFIXES):
        return path / f"{repository}.tar.gz"
    return path


def _push(image: Image, target: Target, lab: Lab) -> Delivered:
    crane = Crane(lab.configuration, lab.steps)
    first, *others = target.tags
    reference = f"{target.registry}/{target.repository}:{first}"
    with layout(image, lab.configuration.cache) as folder:
        digest = crane.push(folder, reference)
    if digest != image.digest:
        raise LabFailed(
            f"Pushing {reference}", f"the registry says {digest}, not {image.digest}", "look at the registry"
        )
    for tag in others:
        crane.tag(reference, tag)
    return Delivered(digest, f"registry {target.registry}")


def _load(put: Callable[[Base], Image], base: Base, bases: Bases, names: list[str], lab: Lab) -> str:
    """Load into the engine; where it has the base's layers already, they are not sent again."""
    engine = lab.engine()
    thin = any(layer.path is None for layer in base.layers) and not engine.has_containerd_store()
    image = put(base if thin else bases.with_layers(base))
    with tempfile.TemporaryFile() as archive:
        with tarfile.open(fileobj=archive, mode="w") as tar:
            write_docker_archive(tar, image, names, whole=not thin)
        archive.seek(0)
        engine.load_archive(archive, names[0])
    return image.identifier
