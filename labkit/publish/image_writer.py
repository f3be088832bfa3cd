"""The published image put together, and written as an archive or as a layout that can be pushed."""

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.base.errors import LabFailed
from labkit.core.image_reference import full_name
from labkit.publish import base_content as media
from labkit.publish.app_files import Layer
from labkit.publish.base_content import Base, BaseLayer

AUTHOR = "labkit"


@dataclass(frozen=True)
class Image:
    """An image that has been put together and lies nowhere yet.

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
    manifest: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "manifest", self._manifest())

    @property
    def identifier(self) -> str:
        """The digest of its configuration, which the engine calls the image's id."""
        return _digest(self.configuration)

    @property
    def digest(self) -> str:
        """The digest of its manifest."""
        return _digest(self.manifest)

    @property
    def media_type(self) -> str:
        """Of its manifest."""
        return media.OCI_MANIFEST if self.image_format == "OCI" else media.DOCKER_MANIFEST

    def _manifest(self) -> bytes:
        oci = self.image_format == "OCI"
        plain, packed = (media.OCI_LAYER, "+gzip") if oci else (media.DOCKER_LAYER, ".gzip")
        layers = [(one.digest, one.size, one.compressed) for one in self.base_layers]
        layers.append((self.app_layer.digest, self.app_layer.size, True))
        return _json(
            {
                "schemaVersion": 2,
                "mediaType": self.media_type,
                "config": {
                    "mediaType": media.OCI_CONFIG if oci else media.DOCKER_CONFIG,
                    "size": len(self.configuration),
                    "digest": self.identifier,
                },
                "layers": [
                    {"mediaType": plain + packed * compressed, "size": size, "digest": digest}
                    for digest, size, compressed in layers
                ],
            }
        )


def put_together(
    base: Base, config: Mapping[str, Any], layer: Layer, image_format: str, created: str, maker: str
) -> Image:
    """The published image.

    Args:
        base: what it stands on.
        config: its `config` object.
        layer: the app's files.
        image_format: Docker or OCI.
        created: a time as RFC 3339 has it.
        maker: who made it, for the history.
    """
    before = base.configuration
    diff_ids = [*(before.get("rootfs") or {}).get("diff_ids", []), layer.diff_id]
    history = [one for one in before.get("history") or [] if isinstance(one, dict)]
    missing = len(diff_ids) - len([one for one in history if not one.get("empty_layer")])
    entry = {"author": AUTHOR, "created": created, "created_by": maker}
    configuration = {
        "config": config,
        "created": created,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "architecture": before.get("architecture", "amd64"),
        "os": before.get("os", "linux"),
        "history": [*history, *[entry] * max(missing, 0)],
    }
    return Image(_json(configuration), image_format, base.layers, layer)


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A file to write beside the path, which gets the path's name once all of it is there.

    Raises:
        LabFailed: it cannot be written; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        remedy = "free some space, or write elsewhere\n  df -h" if error.errno == errno.ENOSPC else "write elsewhere"
        raise LabFailed(f"Writing {path}", error.strerror or str(error), remedy) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_archive(image: Image, path: Path, names: Sequence[str]) -> None:
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
            write_docker_archive(tar, image, names, whole=True)


def write_docker_archive(tar: tarfile.TarFile, image: Image, names: Sequence[str], *, whole: bool) -> None:
    """Add an image's files as `docker save` names them.

    Args:
        tar: an open archive.
        image: the image.
        names: its references.
        whole: whether to add layers of the base; an engine that has them does without.
    """
    digests = [*(one.digest for one in image.base_layers), image.app_layer.digest]
    layers = [f"{digest.rpartition(':')[2]}.tar" for digest in digests]
    config = f"{image.identifier.rpartition(':')[2]}.json"
    _add_bytes(tar, "manifest.json", _json([{"Config": config, "RepoTags": list(names), "Layers": layers}]))
    _add_bytes(tar, config, image.configuration)
    for digest, source in _layers(image) if whole else [(image.app_layer.digest, image.app_layer.path)]:
        name = f"{digest.rpartition(':')[2]}.tar"
        if name not in tar.getnames():
            tar.add(source, name, filter=_anonymous)


@contextmanager
def layout(image: Image, folder: Path) -> Iterator[Path]:
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


def _index(image: Image, names: Sequence[str]) -> bytes:
    entry = {"mediaType": image.media_type, "size": len(image.manifest), "digest": image.digest}
    named = [
        {"io.containerd.image.name": full_name(name), "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
        for name in names
    ]
    manifests = [{**entry, "annotations": one} for one in named] or [entry]
    return _json({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests})


def _layers(image: Image) -> list[tuple[str, Path]]:
    files = [(one.digest, one.path) for one in image.base_layers if one.path is not None]
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
