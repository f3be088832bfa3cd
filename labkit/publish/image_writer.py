"""Assembling the published image, and writing it as an archive or as a layout that can be pushed."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from labkit.base.errors import LabFailed, remedy_of_system
from labkit.core.image_reference import ImageReference
from labkit.publish.app_files import Layer
from labkit.publish.base_content import Base, BaseLayer

AUTHOR = "labkit"
_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
_OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class AssembledImage:
    """An image that is complete and not written anywhere yet.

    Args:
        configuration: all of it, as bytes.
        image_format: Docker or OCI.
        base_layers: of the base.
        app_layer: the app's.
    """

    configuration: bytes
    image_format: str
    base_layers: Sequence[BaseLayer]
    app_layer: Layer

    @cached_property
    def identifier(self) -> str:
        """The digest of its configuration, which the engine calls the image's id."""
        return _digest(self.configuration)

    @cached_property
    def digest(self) -> str:
        """The digest of its manifest."""
        return _digest(self.manifest)

    @property
    def media_type(self) -> str:
        """Of its manifest."""
        return _OCI_MANIFEST if self.image_format == "OCI" else _DOCKER_MANIFEST

    @property
    def is_whole(self) -> bool:
        """Whether all its layers are files; else only the engine has those of the base."""
        return all(layer.path is not None for layer in self.base_layers)

    @cached_property
    def manifest(self) -> bytes:
        """Its manifest, as bytes."""
        oci = self.image_format == "OCI"
        plain, packed = (_OCI_LAYER, "+gzip") if oci else (_DOCKER_LAYER, ".gzip")
        layers = [(layer.digest, layer.size, layer.compressed) for layer in self.base_layers]
        layers.append((self.app_layer.digest, self.app_layer.size, True))
        return _json(
            {
                "schemaVersion": 2,
                "mediaType": self.media_type,
                "config": {
                    "mediaType": _OCI_CONFIG if oci else _DOCKER_CONFIG,
                    "size": len(self.configuration),
                    "digest": self.identifier,
                },
                "layers": [
                    {"mediaType": plain + packed * compressed, "size": size, "digest": digest}
                    for digest, size, compressed in layers
                ],
            }
        )


def assemble(
    base: Base, config: Mapping[str, Any], layer: Layer, image_format: str, created: str, maker: str
) -> AssembledImage:
    """Put an image together.

    Args:
        base: the base image.
        config: the image's `config` object.
        layer: the app's files.
        image_format: Docker or OCI.
        created: a time as RFC 3339 has it.
        maker: who made it, for the history.
    """
    before = base.configuration
    diff_ids = [*(before.get("rootfs") or {}).get("diff_ids", []), layer.diff_id]
    history = [entry for entry in before.get("history") or [] if isinstance(entry, dict)]
    missing = len(diff_ids) - len([entry for entry in history if not entry.get("empty_layer")])
    made = {"author": AUTHOR, "created": created, "created_by": maker}
    configuration = {
        "config": config,
        "created": created,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "architecture": before.get("architecture", "amd64"),
        "os": before.get("os", "linux"),
        "history": [*history, *[made] * max(missing, 0)],
    }
    return AssembledImage(_json(configuration), image_format, base.layers, layer)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary file beside the path, which gets the path's name once it is complete.

    Raises:
        LabFailed: it cannot be written; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        remedy = remedy_of_system(
            error, "free some space, or write elsewhere\n  df -h" if error.errno == errno.ENOSPC else "write elsewhere"
        )
        raise LabFailed(f"Writing {path}", error.strerror or str(error), remedy) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_archive(image: AssembledImage, path: Path, names: Sequence[str]) -> None:
    """Write an image as `docker save` does, or as an OCI layout in a tar file, by the image's format.

    Raises:
        LabFailed: the disk is full, or the place cannot be written; no partial file stays under that name.
    """
    with written_whole(path) as temporary, tarfile.open(temporary, "w") as tar:
        if image.image_format == "OCI":
            _add_bytes(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
            _add_bytes(tar, "index.json", _index(image, names))
            _add_bytes(tar, _blob(image.digest), image.manifest)
            _add_bytes(tar, _blob(image.identifier), image.configuration)
            for digest, source in _layers(image):
                tar.add(source, _blob(digest), filter=_anonymous)
        else:
            write_docker_archive(tar, image, names)


def write_docker_archive(tar: tarfile.TarFile, image: AssembledImage, names: Sequence[str]) -> None:
    """Add an image's files as `docker save` names them; layers of the base that only the engine has are left out.

    Args:
        tar: an open archive.
        image: the image.
        names: its references.
    """
    digests = [*(layer.digest for layer in image.base_layers), image.app_layer.digest]
    layers = [f"{digest.rpartition(':')[2]}.tar" for digest in digests]
    config = f"{image.identifier.rpartition(':')[2]}.json"
    _add_bytes(tar, "manifest.json", _json([{"Config": config, "RepoTags": list(names), "Layers": layers}]))
    _add_bytes(tar, config, image.configuration)
    for digest, source in _layers(image):
        name = f"{digest.rpartition(':')[2]}.tar"
        if name not in tar.getnames():
            tar.add(source, name, filter=_anonymous)


@contextmanager
def layout(image: AssembledImage, folder: Path) -> Iterator[Path]:
    """An OCI layout in a folder of its own, for as long as it is needed."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="layout-") as place:
        root = Path(place)
        (root / "blobs" / "sha256").mkdir(parents=True)
        (root / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
        (root / "index.json").write_bytes(_index(image, ()))
        (root / _blob(image.digest)).write_bytes(image.manifest)
        (root / _blob(image.identifier)).write_bytes(image.configuration)
        for digest, source in _layers(image):
            if not (root / _blob(digest)).exists():
                _link(source, root / _blob(digest))
        yield root


def _link(source: Path, target: Path) -> None:
    """A second name for a file, or a copy where the two lie on different disks."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _index(image: AssembledImage, names: Sequence[str]) -> bytes:
    entry = {"mediaType": image.media_type, "size": len(image.manifest), "digest": image.digest}
    references = [ImageReference.parse(name) for name in names]
    named = [
        {"io.containerd.image.name": str(reference), "org.opencontainers.image.ref.name": reference.tag}
        for reference in references
    ]
    manifests = [{**entry, "annotations": annotations} for annotations in named] or [entry]
    return _json({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests})


def _layers(image: AssembledImage) -> list[tuple[str, Path]]:
    """Its layers that are files, by digest, from the bottom."""
    files = [(layer.digest, layer.path) for layer in image.base_layers if layer.path is not None]
    return [*files, (image.app_layer.digest, image.app_layer.path)]


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime, entry.mode, entry.type, entry.linkname = 0, 0o644, tarfile.REGTYPE, ""
    return entry


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
