"""A container image as it lies on disk, read without an engine; nothing of it is ever extracted or run."""

from __future__ import annotations

import gzip
import hashlib
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from labkit.archives.archive_files import LARGEST, Flaw, Record, Store, clean_path, field_of, list_of, quoted
from labkit.archives.layers import account_files
from labkit.base.errors import Misuse, remedy_of_system
from labkit.core.image_platform import image_architecture

_ATTESTATION = ("unknown", "unknown")
_DIGEST = re.compile(r"[a-z0-9]+:[a-f0-9]{32,}")
# The OCI name that docker and buildx write is the tag alone; containerd's beside it is the whole name.
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_SAVE = "write the archive again, whole\n  docker save --output image.tar IMAGE"


@dataclass(frozen=True)
class ImageContent:
    """What an archive tells of one image.

    Args:
        reference: its name; the archive's file name where it has none.
        user: Config.User to the letter; empty where the image sets none.
        env: its environment, as NAME=value.
        architecture: as the image says it: `amd64`, `arm64`; empty where it says none.
        passwd: the text of its passwd file, None where it has none.
        group: the text of its group file, None where it has none.
        system: what it runs on, as the image says it: `linux`, `windows`; empty where it says none.
    """

    reference: str
    user: str
    env: tuple[str, ...]
    architecture: str
    passwd: str | None
    group: str | None
    system: str = ""


class ArchiveUnreadable(Misuse):
    """A file or folder that is not an image archive, or a damaged one."""


class _Image(NamedTuple):
    """An image still without its account files, and the names of its parts in the archive."""

    content: ImageContent
    layers: list[str]
    config: str
    manifest: str


@dataclass(frozen=True)
class ImageParts:
    """The parts of one image of an archive.

    Args:
        configuration: all of it.
        layers: the layers' names in the archive, from the bottom.
        key: the digest of the configuration's bytes.
        manifest_digest: the digest of its manifest; empty where it has none.
        is_oci: whether its documents are OCI's, and not Docker's.
    """

    configuration: Record
    layers: list[str]
    key: str
    manifest_digest: str
    is_oci: bool


def read_archive(path: Path | str, *, architecture: str | None = None) -> list[ImageContent]:
    """Read every image of an archive, in its order.

    Args:
        path: a tar file as `docker save` writes it, or an OCI image layout as a tar file or a folder.
            A tar file may be compressed by gzip.
        architecture: the wanted one where an image is there for several; None for this machine's. Where it is
            not there the first one is read: see `ImageContent.architecture`.

    Raises:
        ArchiveUnreadable: it is no such archive or it is damaged.
    """
    path, wanted = Path(path), image_architecture(architecture)
    with _opened(path) as store:
        images = _images(store, path.name, wanted)
        return [replace(image.content, **account_files(store, image.layers)._asdict()) for image in images]


@contextmanager
def open_image(path: Path, *, architecture: str | None = None) -> Iterator[tuple[Store, ImageParts]]:
    """The files of an archive, to read layers from, and the parts of its first image.

    Args:
        path: as for `read_archive`.
        architecture: likewise.

    Raises:
        ArchiveUnreadable: it is no such archive, is damaged, or has no image.
    """
    with _opened(path) as store:
        yield store, _parts(store, path.name, image_architecture(architecture))


@contextmanager
def _opened(path: Path) -> Iterator[Store]:
    """An archive's files; whatever turns out to be wrong with them ends as ArchiveUnreadable."""
    store = Store()
    try:
        with ExitStack() as stack:
            store.load(path, stack)
            yield store
        return
    except Flaw as flaw:
        came_back, remedy = (*flaw.args, _SAVE)[:2]
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        came_back, remedy = f"its gzip data is truncated or damaged ({error})", _SAVE
    except OSError as error:
        came_back = error.strerror or str(error)
        remedy = remedy_of_system(error, "see that it is there and that you may read it\n  ls -l")
    # What tarfile, json and pathlib raise for bytes that nobody writes on purpose.
    except (tarfile.TarError, ValueError, LookupError, ArithmeticError, RuntimeError, TypeError) as error:
        came_back, remedy = f"it is truncated or damaged ({quoted(error)})", _SAVE
    shown = path if str(path).isprintable() else quoted(path)
    raise ArchiveUnreadable(f"reading the image archive {shown}{store.reading}", came_back, remedy)


def _images(store: Store, fallback: str, wanted: str) -> list[_Image]:
    """The images of an archive."""
    saved = _saved(store, fallback) if "manifest.json" in store.files else []
    if saved and ("index.json" not in store.files or any(image.content.architecture == wanted for image in saved)):
        return saved
    # The index beside a manifest.json may have the platform that the latter has not.
    with suppress(*[Flaw] * bool(saved)):
        laid_out = _laid_out(store, fallback, wanted)
        if not saved or any(image.content.architecture == wanted for image in laid_out):
            return laid_out
    return saved


def _image(store: Store, reference: str, config: str, layers: list[str], manifest: str = "") -> _Image:
    record = store.json(config, dict, "config")
    inner, architecture = field_of(record, "config", dict), field_of(record, "architecture", str)
    env = tuple(list_of(inner, "Env", str))
    system = field_of(record, "os", str)
    user = field_of(inner, "User", str)
    content = ImageContent(reference, user, env, architecture, passwd=None, group=None, system=system)
    return _Image(content, layers, config, manifest)


def _saved(store: Store, fallback: str) -> list[_Image]:
    """The images that the manifest.json of `docker save` names."""
    entries = list_of({"manifest.json": store.json("manifest.json", list, "list")}, "manifest.json", dict)
    return [_saved_image(store, fallback, entry) for entry in entries]


def _saved_image(store: Store, fallback: str, entry: Record) -> _Image:
    tags, layers = list_of(entry, "RepoTags", str), list_of(entry, "Layers", str)
    config = clean_path(field_of(entry, "Config", str))
    return _image(store, (*tags, fallback)[0], config, [clean_path(layer) for layer in layers])


def _laid_out(store: Store, fallback: str, wanted: str) -> list[_Image]:
    """The images that the index.json of a layout names; entries of one name are one image for several platforms."""
    if not {"oci-layout", "index.json"} <= set(store.files):
        raise Flaw("it has neither the manifest.json of docker save nor the oci-layout and index.json of an OCI layout")
    groups: dict[tuple[str, int], list[Record]] = {}
    seen: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for entry in list_of(store.json("index.json", dict, "index"), "manifests", dict):
        notes, on = field_of(entry, "annotations", dict), _platform(entry)
        name = next(filter(None, (field_of(notes, key, str) for key in _NAMES)), fallback)
        if on[:2] != _ATTESTATION:
            groups.setdefault((name, seen[name, on]), []).append(entry)
            seen[name, on] += 1
    return [_pick(store, name, entries, wanted) for (name, _), entries in groups.items()]


def _platform(entry: Record) -> tuple[str, ...]:
    on = field_of(entry, "platform", dict)
    return tuple(field_of(on, key, str) for key in ("os", "architecture", "variant", "os.version"))


def _blob(entry: Record) -> str:
    digest = field_of(entry, "digest", str)
    if not _DIGEST.fullmatch(digest):
        raise Flaw(f"it names a blob by a digest of a wrong form, {quoted(digest)}")
    return "blobs/" + digest.replace(":", "/")


def _pick(store: Store, reference: str, entries: list[Record], wanted: str) -> _Image:
    """An image for the wanted platform, else for the first that is there; an index may name more than is there."""
    first: _Image | None = None
    there = [(*_platform(entry)[:2], _blob(entry)) for entry in entries]
    for system, machine, blob in sorted(
        there, key=lambda candidate: (candidate[0] not in ("linux", ""), candidate[1] not in (wanted, ""))
    ):
        if (system, machine) == _ATTESTATION or blob not in store.files:
            continue
        manifest = store.json(blob, dict, "manifest")
        if "manifests" in manifest:
            image = _pick(store, reference, list_of(manifest, "manifests", dict), wanted)
        else:
            layers = [_blob(layer) for layer in list_of(manifest, "layers", dict)]
            image = _image(store, reference, _blob(field_of(manifest, "config", dict)), layers, blob)
        if image.content.architecture == wanted:
            return image
        first = first or image
        if machine:
            break
    if first is None:
        raise Flaw(f"none of the manifests that it names for {quoted(reference)} is there")
    return first


def _parts(store: Store, fallback: str, wanted: str) -> ImageParts:
    """The parts of an archive's first image."""
    image = next(iter(_images(store, fallback, wanted)), None)
    if image is None:
        raise Flaw("there is no image in it")
    with store.open(image.config, "config") as source:
        key = f"sha256:{hashlib.sha256(source.read(LARGEST)).hexdigest()}"
    media_type = (
        field_of(store.json(image.manifest, dict, "manifest"), "mediaType", str) if image.manifest else "docker"
    )
    digest = image.manifest.removeprefix("blobs/").replace("/", ":", 1)
    return ImageParts(store.json(image.config, dict, "config"), image.layers, key, digest, "docker" not in media_type)
