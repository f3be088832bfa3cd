"""The base image, from the engine, an archive, a layout or a registry: its configuration, and its layers as files."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from labkit.archives.archive import ArchiveUnreadable, open_image
from labkit.archives.archive_files import Flaw, Store
from labkit.base.errors import LabFailed, remedy_of_system
from labkit.base.files import read_own_json
from labkit.base.scratch import scratch_folder
from labkit.core.image_platform import ImagePlatform, image_architecture
from labkit.core.image_reference import ImageReference
from labkit.show import counted

if TYPE_CHECKING:
    from labkit.adapters.engine import HistoryEntry, InspectedImage

_DOCUMENT = "base.json"
_COPY = 1 << 20


@dataclass(frozen=True)
class BaseLayer:
    """One layer of the base.

    Args:
        path: the file; None where only the engine has it.
        digest: of the file's bytes.
        size: in bytes.
        compressed: whether it is gzip.
    """

    path: Path | None
    digest: str
    size: int
    compressed: bool


@dataclass(frozen=True)
class Base:
    """A base image.

    Args:
        configuration: all of it, with `config`, `rootfs` and `history`.
        image_format: Docker or OCI.
        digest: of its manifest where it has one, else of its configuration.
        layers: in order, from the bottom.
        source: where it was read.
        in_engine: its name in the engine, where only the engine has its layers; else empty.
    """

    configuration: Mapping[str, Any]
    image_format: str
    digest: str
    layers: Sequence[BaseLayer]
    source: str
    in_engine: str = ""

    @property
    def config(self) -> Mapping[str, Any] | None:
        """Its `config` object."""
        config = self.configuration.get("config")
        return config if isinstance(config, dict) else None

    @property
    def platform(self) -> ImagePlatform:
        """What it is for; this machine where it does not say."""
        system = str(self.configuration.get("os") or "linux")
        return ImagePlatform(system, str(self.configuration.get("architecture") or image_architecture()))


def base_of_engine(name: str, inspected: InspectedImage, history: Sequence[HistoryEntry], source: str) -> Base:
    """A base whose layers stay in the engine.

    Args:
        name: its name there.
        inspected: what `docker image inspect` tells of it.
        history: what `docker history` does, the newest first.
        source: where it was read.
    """
    config = {name: value for name, value in inspected["Config"].items() if value not in (None, [], {}, "")}
    diff_ids = list(inspected.get("RootFS", {}).get("Layers") or ())
    entries = [
        {"created_by": step.get("CreatedBy") or "", **({"empty_layer": True} if not step.get("Size") else {})}
        for step in reversed(history)
    ]
    # A step of size 0 may have made a layer after all; where the numbers differ the history is left out, as it may be.
    if len([entry for entry in entries if not entry.get("empty_layer")]) != len(diff_ids):
        entries = [{"created_by": source} for _ in diff_ids]
    configuration = {
        "architecture": inspected.get("Architecture", "amd64"),
        "os": inspected.get("Os", "linux"),
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": entries,
    }
    digests = [ImageReference.parse(reference).digest for reference in inspected.get("RepoDigests") or ()]
    digest = (digests or [inspected["Id"]])[0]
    layers = [BaseLayer(path=None, digest=diff_id, size=0, compressed=False) for diff_id in diff_ids]
    return Base(configuration, "Docker", digest, layers, source, name)


def base_of_archive(path: Path, architecture: str, cache: Path, source: str) -> Base:
    """A base from an archive of `docker save` or an OCI layout; its layers are checked and kept in the cache.

    Args:
        path: the archive, or a layout's folder.
        architecture: the wanted one, as images name it.
        cache: the kit's cache folder.
        source: where it came from.

    Raises:
        LabFailed: it is not an image, is damaged, or holds another image than it names; or the cache is full.
    """
    try:
        with open_image(path, architecture=architecture) as (store, parts):
            image_format = "OCI" if parts.is_oci else "Docker"
            base = kept_base(cache, parts.key, image_format, source)
            if base is None:
                _keep(store, parts.configuration, parts.layers, _kept(cache, parts.key))
                base = kept_base(cache, parts.key, image_format, source)
    except ArchiveUnreadable as error:
        raise LabFailed(f"Reading the base image {path}", error.came_back, error.remedy) from error
    if base is None:
        raise LabFailed(f"Reading the base image {path}", "it is gone from the cache", "try it again")
    return replace(base, digest=parts.manifest_digest) if parts.manifest_digest else base


def kept_base(cache: Path, key: str, image_format: str, source: str) -> Base | None:
    """A base that is whole in the cache; None if it is not there.

    Args:
        cache: the kit's cache folder.
        key: the digest of the image's configuration, which the engine calls the image's id.
        image_format: Docker or OCI.
        source: where it came from.
    """
    kept = _kept(cache, key)
    try:
        document = read_own_json(kept / _DOCUMENT)
        layers = [
            BaseLayer(kept / layer["file"], layer["digest"], layer["size"], layer["compressed"])
            for layer in document["layers"]
        ]
    except (KeyError, TypeError):
        return None
    return Base(document["configuration"], image_format, key, layers, source)


def _kept(cache: Path, key: str) -> Path:
    return cache / "bases" / key.replace(":", "-")


def _keep(store: Store, configuration: Mapping[str, Any], names: Sequence[str], kept: Path) -> None:
    """Copy the layers into the cache, whole or not at all."""
    diff_ids = (configuration.get("rootfs") or {}).get("diff_ids") or []
    if len(diff_ids) != len(names):
        raise Flaw(f"its configuration names {counted(len(diff_ids), 'layer')}, and there are {len(names)}")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with scratch_folder(kept.parent) as folder:
            staged = folder / "base"
            staged.mkdir()
            layers = [
                _keep_layer(store, name, diff_id, staged / f"layer-{number}")
                for number, (name, diff_id) in enumerate(zip(names, diff_ids, strict=True))
            ]
            document = {"configuration": configuration, "layers": layers}
            (staged / _DOCUMENT).write_text(json.dumps(document), encoding="utf-8")
            shutil.rmtree(kept, ignore_errors=True)
            staged.rename(kept)
    except OSError as error:
        remedy = remedy_of_system(error, "free some space, and see that you may write there\n  df -h")
        raise LabFailed(f"Copying the base image into {kept.parent}", error.strerror or str(error), remedy) from error


def _keep_layer(store: Store, name: str, diff_id: str, file: Path) -> dict[str, str | int | bool]:
    with store.open(name, "layer") as source, file.open("wb") as target:
        digest, compressed = _copy(source, target)
    promised = f"sha256:{name.rpartition('/')[2]}" if name.startswith("blobs/sha256/") else diff_id
    if digest != promised and not compressed:
        raise Flaw(f"its layer {name} does not match its digest, {promised}")
    return {"file": file.name, "digest": digest, "size": file.stat().st_size, "compressed": compressed}


def _copy(source: IO[bytes], target: IO[bytes]) -> tuple[str, bool]:
    digest, first = hashlib.sha256(), b""
    while chunk := source.read(_COPY):
        first = first or chunk[:2]
        digest.update(chunk)
        target.write(chunk)
    return f"sha256:{digest.hexdigest()}", first == b"\x1f\x8b"
