"""A container image as it lies on disk, read without an engine; nothing of it is ever extracted or run."""

from __future__ import annotations

import gzip
import json
import platform
import posixpath
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar, cast

from labkit.errors import Misuse

_T = TypeVar("_T")
_Record = dict[str, Any]
_Opener = Callable[[], IO[bytes]]
_LARGEST = 16 << 20  # of an account file (containerd refuses over 10 MiB) and of a JSON document
_HEADERS = 2 << 20  # Go's archive/tar, and with it the engines, refuses an extended header over 1 MiB
_LONGEST = 4096  # Linux's PATH_MAX
_HOPS, _DOCUMENTS, _FILES = 8, 1000, 100_000
_ACCOUNTS = {"passwd": "etc/passwd", "group": "etc/group"}
_ATTESTATION = ("unknown", "unknown")
_DIGEST = re.compile(r"[a-z0-9]+:[a-f0-9]{32,}")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386", "i386": "386"}
# The OCI name that docker and buildx write is the tag alone; containerd's beside it is the whole name.
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_SAVE = "write the archive again, whole\n  docker save --output image.tar IMAGE"
_TOO_LARGE = "look at what writes that file into the image: engines refuse it as well"
_NAME = "name a tar file, or the folder of an OCI image layout"
# An engine saves what its store holds, zstd too; skopeo's docker-archive has plain layers whatever came in.
_NO_ZSTD = """write it by docker save, or by skopeo copy with plain or gzip layers
  skopeo copy oci-archive:OLD.tar docker-archive:NEW.tar
  skopeo copy --dest-compress-format gzip --dest-force-compress-format oci:OLD oci:NEW"""


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
    """

    reference: str
    user: str
    env: tuple[str, ...]
    architecture: str
    passwd: str | None
    group: str | None


class ArchiveUnreadable(Misuse):
    """A file or folder that is no image archive, or a damaged one."""


_Image = tuple[ImageContent, list[str]]  # still without its account files, and the names of its layers


class _Flaw(Exception):
    """What is wrong with an archive and, where it is not to write it again, what to do."""


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
    path, wanted, store = Path(path), (architecture or platform.machine()).lower(), _Store()
    try:
        with ExitStack() as stack:
            store.load(path, stack)
            images = _images(store, path.name, _MACHINES.get(wanted, wanted))
            return [replace(image, **_account_files(store, layers)) for image, layers in images]
    except _Flaw as flaw:
        came_back, remedy = (*flaw.args, _SAVE)[:2]
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        came_back, remedy = f"its gzip data is cut short or damaged ({error})", _SAVE
    except OSError as error:
        came_back, remedy = error.strerror or str(error), "see that it is there and that you may read it\n  ls -l"
    # What tarfile, json and pathlib raise for bytes that nobody writes on purpose.
    except (tarfile.TarError, ValueError, LookupError, ArithmeticError, RuntimeError, TypeError) as error:
        came_back, remedy = f"it is cut short or damaged ({_quoted(error)})", _SAVE
    shown = path if str(path).isprintable() else _quoted(path)
    raise ArchiveUnreadable(f"reading the image archive {shown}{store.reading}", came_back, remedy)


def _quoted(text: object) -> str:
    """Text of an archive, safe to print: no control characters, no lone surrogates, not endless."""
    return ascii(str(text)[:120])


def _clean(name: str) -> str:
    """A path without `.`, `..` and doubled slashes, from the root; empty for one that climbs out of it."""
    clean = posixpath.normpath(name.lstrip("/")) if len(name) <= _LONGEST else ".."
    return "" if clean.partition("/")[0] in (".", "..") else clean


class _Guarded:
    """Lends tarfile a file in which a header that lies can neither lead backwards nor fill the memory."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self.tell, self.seekable, self.last = source, source.tell, source.seekable, b""
        self.allowance: int | None = _HEADERS

    def read(self, size: int) -> bytes:
        if self.allowance is not None:
            self.allowance -= size
            if size < 0 or self.allowance < 0:
                raise _Flaw("a header of its tar is damaged, or larger than engines accept")
        self.last = self._source.read(size)
        return self.last

    def seek(self, offset: int) -> int:
        if self.allowance is not None and not self.tell() <= offset < 1 << 62:
            raise _Flaw("a header of its tar is damaged: it gives a size that cannot be")
        return self._source.seek(offset)


def _members(source: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, _Opener]]:
    """Go through a tar once: each member, and what opens it before the next is asked for or after the last."""
    stream, tar = _Guarded(source), None

    def lend(member: tarfile.TarInfo) -> IO[bytes]:
        stream.allowance = None if stream.allowance is None else member.size
        return cast(Any, tar).extractfile(member)  # type: ignore[no-any-return]

    try:
        tar = tarfile.TarFile(fileobj=cast(Any, stream), encoding="utf-8", errors="surrogateescape")
        while member := tar.next():
            # tarfile keeps all of them, and a layer may have any number.
            tar.members, tar.pax_headers = [], {}  # type: ignore[attr-defined]
            yield member, partial(lend, member)
            stream.allowance = _HEADERS
    except tarfile.TarError as error:
        raise _Flaw(
            f"its tar is cut short or damaged ({error})" if tar else f"it is no tar, plain or by gzip ({error})"
        ) from error
    # tarfile takes a damaged header for the end; Go's reader takes zeros, or nothing at all, for it.
    if stream.last.strip(b"\0"):
        raise _Flaw("its tar is cut short or damaged")
    stream.allowance = None
    while isinstance(source, gzip.GzipFile) and source.read(1 << 16):
        pass  # up to its checksum


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    """A file's content, decompressed while it is read."""
    magic = raw.read(4)
    raw.seek(0)
    if magic == b"\x28\xb5\x2f\xfd":
        raise _Flaw("it is compressed by zstd, and zstd layers cannot be read by this Python", _NO_ZSTD)
    return cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if magic[:2] == b"\x1f\x8b" else raw


class _Store:
    """The files of an archive by name: what is looked up in it never becomes a path of this machine."""

    def __init__(self) -> None:
        self.files: dict[str, _Opener] = {}
        self.reading, self._documents = "", 0

    def load(self, path: Path, stack: ExitStack) -> None:
        """Find what is in an archive."""
        root, links = path.resolve(), dict[str, str]()
        if path.is_dir():
            for file in (root / "oci-layout", root / "index.json", *root.glob("blobs/*/*")):
                if file.is_file() and file.resolve().is_relative_to(root):
                    self.files[file.relative_to(root).as_posix()] = cast(_Opener, partial(file.resolve().open, "rb"))
        elif not path.is_file():  # opening a pipe would wait for its writer
            raise _Flaw("there is no such file" if not path.exists() else "it is neither a file nor a folder", _NAME)
        else:
            for member, lend in _members(_unpacked(stack.enter_context(path.open("rb")))):
                if member.isreg():
                    self.files[_clean(member.name)] = lend
                elif member.issym() and not member.linkname.startswith("/"):
                    # An older `docker save` writes a layer that images share once, and links to it.
                    links[_clean(member.name)] = _clean(f"{member.name}/../{member.linkname}")
                if len(self.files) + len(links) > _FILES:
                    raise _Flaw(f"it holds more than {_FILES} files; an image archive holds a few hundred")
        self.files.pop("", None)
        for _ in range(_HOPS):
            self.files |= {name: self.files[target] for name, target in links.items() if target in self.files}

    def open(self, name: str, what: str) -> IO[bytes]:
        """Open a file that must be there."""
        if name not in self.files:
            raise _Flaw(f"the {what} {_quoted(name)} is missing in it, or is a link that leaves it")
        self.reading = f" at {_quoted(name)}"
        return self.files[name]()

    def json(self, name: str, kind: type[_T], what: str) -> _T:
        """A JSON document."""
        self._documents += 1
        with self.open(name, what) as source:
            data = source.read(_LARGEST + 1)
        if len(data) > _LARGEST or self._documents > _DOCUMENTS:
            raise _Flaw(f"the {what} is larger than {_LARGEST} bytes, or it is one of more than {_DOCUMENTS}")
        try:
            return _field({what: json.loads(data)}, what, kind)
        except ValueError as error:
            raise _Flaw(f"the {what} is not JSON ({_quoted(error)})") from error


def _field(record: _Record, key: str, kind: type[_T]) -> _T:
    """A field of a JSON object; an absent or a null one is empty, as Go has it."""
    value = record.get(key)
    if value is not None and not isinstance(value, kind):
        raise _Flaw(f"{key} in it is a JSON {type(value).__name__}, not a {kind.__name__}")
    return kind() if value is None else value


def _list(record: _Record, key: str, kind: type[_T]) -> list[_T]:
    return [_field({f"an entry of {key}": value}, f"an entry of {key}", kind) for value in _field(record, key, list)]


def _images(store: _Store, fallback: str, wanted: str) -> list[_Image]:
    """The images of an archive."""
    saved = _saved(store, fallback) if "manifest.json" in store.files else []
    if saved and ("index.json" not in store.files or any(image.architecture == wanted for image, _ in saved)):
        return saved
    # The index beside a manifest.json may have the platform that the latter has not.
    with suppress(*[_Flaw] * bool(saved)):
        laid_out = _laid_out(store, fallback, wanted)
        if not saved or any(image.architecture == wanted for image, _ in laid_out):
            return laid_out
    return saved


def _image(store: _Store, reference: str, config: str, layers: list[str]) -> _Image:
    record = store.json(config, dict, "config")
    inner, architecture = _field(record, "config", dict), _field(record, "architecture", str)
    env = tuple(_list(inner, "Env", str))
    return ImageContent(reference, _field(inner, "User", str), env, architecture, None, None), layers


def _saved(store: _Store, fallback: str) -> list[_Image]:
    """The images that the manifest.json of `docker save` names."""
    entries = _list({"manifest.json": store.json("manifest.json", list, "list")}, "manifest.json", dict)
    found = [(_list(it, "RepoTags", str), _field(it, "Config", str), _list(it, "Layers", str)) for it in entries]
    return [
        _image(store, (*tags, fallback)[0], _clean(config), [_clean(layer) for layer in layers])
        for tags, config, layers in found
    ]


def _laid_out(store: _Store, fallback: str, wanted: str) -> list[_Image]:
    """The images that the index.json of a layout names; entries of one name are one image for several platforms."""
    if not {"oci-layout", "index.json"} <= set(store.files):
        raise _Flaw(
            "it has neither the manifest.json of docker save nor the oci-layout and index.json of an OCI layout"
        )
    groups: dict[tuple[str, int], list[_Record]] = {}
    seen: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for entry in _list(store.json("index.json", dict, "index"), "manifests", dict):
        notes, on = _field(entry, "annotations", dict), _platform(entry)
        name = next(filter(None, (_field(notes, key, str) for key in _NAMES)), fallback)
        if on[:2] != _ATTESTATION:
            groups.setdefault((name, seen[name, on]), []).append(entry)
            seen[name, on] += 1
    return [_pick(store, name, entries, wanted) for (name, _), entries in groups.items()]


def _platform(entry: _Record) -> tuple[str, ...]:
    on = _field(entry, "platform", dict)
    return tuple(_field(on, key, str) for key in ("os", "architecture", "variant", "os.version"))


def _blob(entry: _Record) -> str:
    digest = _field(entry, "digest", str)
    if not _DIGEST.fullmatch(digest):
        raise _Flaw(f"it names a blob by a digest of a wrong form, {_quoted(digest)}")
    return "blobs/" + digest.replace(":", "/")


def _pick(store: _Store, reference: str, entries: list[_Record], wanted: str) -> _Image:
    """An image for the wanted platform, else for the first that is there; an index may name more than is there."""
    first: _Image | None = None
    there = [(*_platform(entry)[:2], _blob(entry)) for entry in entries]
    for system, machine, blob in sorted(there, key=lambda it: (it[0] not in ("linux", ""), it[1] not in (wanted, ""))):
        if (system, machine) == _ATTESTATION or blob not in store.files:
            continue
        manifest = store.json(blob, dict, "manifest")
        if "manifests" in manifest:
            image = _pick(store, reference, _list(manifest, "manifests", dict), wanted)
        else:
            layers = [_blob(layer) for layer in _list(manifest, "layers", dict)]
            image = _image(store, reference, _blob(_field(manifest, "config", dict)), layers)
        if image[0].architecture == wanted:
            return image
        first = first or image
        if machine:
            break
    if first is None:
        raise _Flaw(f"none of the manifests that it names for {_quoted(reference)} is there")
    return first


class _Node(NamedTuple):
    """What lies at a path: a file, folder, link, hard link to a path that is not watched yet, or other."""

    kind: str
    target: str = ""
    size: int = 0
    data: bytes = b""


_OTHER = _Node("other")


class _Tree:
    """What layers make of the few paths that matter."""

    def __init__(self, watched: set[str]) -> None:
        self._watched = watched
        self._nodes: dict[str, _Node] = {}

    def walk(self, path: str, passed: set[str]) -> str | None:
        """Where a path leads, within the image's root; `passed` gets what decides it. None for too many links."""
        done: list[str] = []
        todo, hops = path.split("/")[::-1], 0
        while todo:
            part = todo.pop()
            if part == "..":
                del done[-1:]
            elif part not in ("", "."):
                done.append(part)
                at = "/".join(done)
                passed.add(at)
                node = self._nodes.get(at)
                if node and node.kind == "link":
                    hops += 1
                    if hops > _HOPS or len(node.target) > _LONGEST:
                        return None
                    done = [] if node.target.startswith("/") else done[:-1]
                    todo += node.target.split("/")[::-1]
        return "/".join(done)

    def _drop(self, top: str, keep: set[str]) -> None:
        for path in [path for path in self._nodes if f"{path}/".startswith(top) and path not in keep]:
            del self._nodes[path]

    def apply(self, source: IO[bytes]) -> None:
        """Lay one more layer over it."""
        own: set[str] = set()  # a whiteout hides what lower layers have, never what its own layer has
        for member, lend in _members(source):
            folder, _, base = _clean(member.name).rpartition("/")
            parent = self.walk(folder, set())
            if not base or parent is None:
                continue
            path = f"{parent}/{base}".lstrip("/")
            if base == ".wh..wh..opq":
                self._drop(parent and f"{parent}/", own | {parent})
            elif base.startswith(".wh."):
                self._drop(path.removesuffix(base) + base[4:] + "/", own)
            elif path in self._watched:
                node = self._node(member, lend)
                if not node.kind == self._nodes.get(path, _OTHER).kind == "folder":
                    self._drop(f"{path}/", set())
                above = [path[: slash.start()] for slash in re.finditer("/", path)]
                self._nodes |= {path: node, **dict.fromkeys(above, _Node("folder"))}
                own.update(above, [path])

    def _node(self, member: tarfile.TarInfo, lend: _Opener) -> _Node:
        if member.isreg():
            return _Node("file", size=member.size, data=lend().read() if member.size <= _LARGEST else b"")
        if member.islnk():
            target = self.walk(_clean(member.linkname), set()) or ""
            return self._nodes.get(target, _OTHER) if target in self._watched else _Node("hard", target)
        return _Node("link", member.linkname) if member.issym() else _Node("folder") if member.isdir() else _OTHER

    def find(self, path: str, passed: set[str]) -> _Node:
        """What lies where a path leads."""
        node = self._nodes.get(self.walk(path, passed) or "", _OTHER)
        if node.kind == "hard":
            self.walk(node.target, passed)
        return node


def _account_files(store: _Store, layers: list[str]) -> dict[str, Any]:
    """The texts of the account files in the file system that layers make."""
    watched, passed = set[str](), {"etc", *_ACCOUNTS.values()}
    found: dict[str, _Node] = {}
    # Only a link of which the target was not watched needs the layers to be read once more.
    for _ in range(_HOPS + 1):
        if passed <= watched:
            break
        watched |= passed
        tree = _Tree(watched)
        for layer in layers:
            with store.open(layer, "layer") as raw:
                tree.apply(_unpacked(raw))
        passed = set()
        found = {key: tree.find(path, passed) for key, path in _ACCOUNTS.items()}
    for key, node in found.items():
        if node.size > _LARGEST:
            raise _Flaw(f"its {key} file has {node.size} bytes, and no more than {_LARGEST} are read", _TOO_LARGE)
    return {
        key: node.data.decode("utf-8", "surrogateescape") if node.kind == "file" else None
        for key, node in found.items()
    }
