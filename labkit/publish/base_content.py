"""The base image, from the engine, an archive, a layout or a registry: its configuration, and its layers as files."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, cast

from labkit.archives.archive import parts_of_image
from labkit.archives.archive_files import Flaw, Store
from labkit.base.errors import LabFailed

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
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
        source: where it was read, in words.
    """

    configuration: Mapping[str, Any]
    image_format: str
    digest: str
    layers: Sequence[BaseLayer]
    source: str

    @property
    def config(self) -> Mapping[str, Any] | None:
        """Its `config` object."""
        found = self.configuration.get("config")
        return found if isinstance(found, dict) else None


def base_of_engine(inspect: Mapping[str, Any], history: Sequence[Mapping[str, Any]], source: str) -> Base:
    """A base of which the engine keeps the layers.

    Args:
        inspect: the JSON of `docker image inspect`.
        history: what `docker history` tells, the newest first.
        source: where it was read, in words.
    """
    config = {name: value for name, value in (inspect.get("Config") or {}).items() if value not in (None, [], {}, "")}
    diff_ids = list((inspect.get("RootFS") or {}).get("Layers") or [])
    entries = [
        {"created_by": one.get("CreatedBy") or "", **({"empty_layer": True} if not one.get("Size") else {})}
        for one in reversed(history)
    ]
    # A layer may be empty and yet be one; where the two do not agree the history is left out, as it may be.
    if len([one for one in entries if not one.get("empty_layer")]) != len(diff_ids):
        entries = [{"created_by": source} for _ in diff_ids]
    configuration = {
        "architecture": inspect.get("Architecture", "amd64"),
        "os": inspect.get("Os", "linux"),
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": entries,
    }
    digests = [one.partition("@")[2] for one in inspect.get("RepoDigests") or []]
    digest = (digests or [str(inspect.get("Id", ""))])[0]
    layers = [BaseLayer(None, diff_id, 0, False) for diff_id in diff_ids]
    return Base(configuration, "Docker", digest, layers, source)


def base_of_archive(path: Path, architecture: str, cache: Path, source: str) -> Base:
    """A base from an archive of `docker save` or an OCI layout; its layers are checked and kept in the cache.

    Args:
        path: the archive, or a layout's folder.
        architecture: the wanted one, as images name it.
        cache: the kit's cache folder.
        source: where it came from, in words.

    Raises:
        LabFailed: it is no image, is damaged, or holds another image than it says.
    """
    store = Store()
    try:
        with ExitStack() as stack:
            store.load(path, stack)
            parts = parts_of_image(store, path.name, architecture)
            image_format = "OCI" if parts.is_oci else "Docker"
            if kept_base(cache, parts.key, image_format, source) is None:
                _keep(store, parts.configuration, parts.layers, _kept(cache, parts.key))
    except Flaw as flaw:
        raise LabFailed(f"Reading the base image {path}", str(flaw.args[0]), "give an image's archive") from flaw
    except (ValueError, LookupError, EOFError, TypeError, zlib.error, tarfile.TarError) as error:
        raise LabFailed(f"Reading the base image {path}", f"it is no image ({error})", "give an archive") from error
    base = kept_base(cache, parts.key, image_format, source)
    return replace(base, digest=parts.manifest_digest) if base and parts.manifest_digest else cast(Base, base)


def kept_base(cache: Path, key: str, image_format: str, source: str) -> Base | None:
    """A base that the cache has whole, None if it has it not.

    Args:
        cache: the kit's cache folder.
        key: the digest of the image's configuration, which the engine calls the image's id.
        image_format: Docker or OCI.
        source: where it came from, in words.
    """
    kept = _kept(cache, key)
    try:
        document = json.loads((kept / _DOCUMENT).read_text(encoding="utf-8"))
        layers = [
            BaseLayer(kept / one["file"], one["digest"], one["size"], one["compressed"]) for one in document["layers"]
        ]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Base(document["configuration"], image_format, key, layers, source)


def _kept(cache: Path, key: str) -> Path:
    return cache / "bases" / key.replace(":", "-")


def _keep(store: Store, configuration: Mapping[str, Any], names: Sequence[str], kept: Path) -> None:
    """Copy the layers into the cache, whole or not at all."""
    diff_ids = (configuration.get("rootfs") or {}).get("diff_ids") or []
    if len(diff_ids) != len(names):
        raise Flaw(f"its configuration names {len(diff_ids)} layers, and {len(names)} are there")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".base-") as folder:
        written = []
        for number, (name, diff_id) in enumerate(zip(names, diff_ids, strict=True)):
            file = Path(folder) / f"layer-{number}"
            with store.open(name, "layer") as source, file.open("wb") as target:
                digest, compressed = _copy(source, target)
            promised = f"sha256:{name.rpartition('/')[2]}" if name.startswith("blobs/sha256/") else diff_id
            if digest != promised and not compressed:
                raise Flaw(f"its layer {name} is not what it promises, {promised}")
            written.append({"file": file.name, "digest": digest, "size": file.stat().st_size, "compressed": compressed})
        document = {"configuration": configuration, "layers": written}
        (Path(folder) / _DOCUMENT).write_text(json.dumps(document), encoding="utf-8")
        shutil.rmtree(kept, ignore_errors=True)
        Path(folder).rename(kept)
        Path(folder).mkdir()  # TemporaryDirectory wants to remove its own.


def _copy(source: IO[bytes], target: IO[bytes]) -> tuple[str, bool]:
    digest, first = hashlib.sha256(), b""
    while chunk := source.read(_COPY):
        first = first or chunk[:2]
        digest.update(chunk)
        target.write(chunk)
    return f"sha256:{digest.hexdigest()}", first == b"\x1f\x8b"
