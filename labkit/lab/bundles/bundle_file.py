"""Reading a bundle: nothing of it is used before all of it was read once and every sum was right."""

from __future__ import annotations

import contextlib
import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from labkit.archives.archive_files import Flaw, members
from labkit.base.errors import remedy_of_system
from labkit.lab.bundles.bundle_manifest import (
    LARGEST_MANIFEST,
    NAME,
    SUM,
    BundleManifest,
    Part,
    read_manifest,
    refuse,
    sum_line,
)

_READ_AT_FIRST = 2
"""The manifest and its sum are read when a bundle is opened."""

_PIECE = 1 << 20
_BLOCK = 512  # of a tar
_NAME_ONE = "name a file that labkit bundle save has made\n  labkit bundle show FILE"


@dataclass
class Bundle:
    """An open bundle; only its manifest was read.

    Args:
        path: of the file.
        file: open; nothing is ever written to it.
        manifest: what it says of itself.
    """

    path: Path
    file: IO[bytes]
    manifest: BundleManifest
    _offsets: dict[str, int] = field(default_factory=dict)

    def check(self) -> None:
        """Read all of it once: each member is the part that the manifest names, with its size and its sum.

        Raises:
            BundleRefused: it is not so.
        """
        with _refused(self.path):
            self.file.seek(0)
            left, end = iter(self.manifest.parts), 0
            for number, (member, lend) in enumerate(members(self.file)):
                end = member.offset_data + -(-member.size // _BLOCK) * _BLOCK
                if number < _READ_AT_FIRST:
                    continue
                part = self._compare(member, next(left, None))
                self._sum(part, lend())
                self._offsets[part.name] = member.offset_data
            if (missing := next(left, None)) is not None:
                refuse(self.path, f"it ends before its part {missing.name}: it is truncated")
            self.file.seek(end)
            # What ends a tar; without it more may have followed.
            if self.file.read(2 * _BLOCK) != bytes(2 * _BLOCK):
                refuse(self.path, "its end is missing: it is truncated")

    def _compare(self, member: tarfile.TarInfo, part: Part | None) -> Part:
        """The part that a member is."""
        name = ascii(member.name[:80])
        if not member.isreg():
            refuse(self.path, f"its member {name} is not a file but a link, a folder or a device", "do not use it")
        if part is None or member.name != part.name:
            refuse(self.path, f"its member {name} is not the part that its {NAME} names there", "do not use it")
        if member.size != part.size:
            refuse(self.path, f"its part {part.name} has {member.size} bytes, and should have {part.size}")
        return part

    def _sum(self, part: Part, content: IO[bytes]) -> None:
        digest, left = hashlib.sha256(), part.size
        while left and (piece := content.read(min(left, _PIECE))):
            digest.update(piece)
            left -= len(piece)
        if left:
            refuse(self.path, f"it ends within its part {part.name}: it is truncated")
        if digest.hexdigest() != part.sha256:
            refuse(self.path, f"its part {part.name} is damaged: its checksum is not the one in its {NAME}")

    def open_part(self, part: Part) -> PartReader:
        """Open a part of a bundle that was checked; it is summed again while it is read."""
        self.file.seek(self._offsets[part.name])
        return PartReader(self, part)


class PartReader:
    """The bytes of a part, from its beginning to its end; no other part may be open meanwhile."""

    def __init__(self, bundle: Bundle, part: Part) -> None:
        self._bundle, self._part = bundle, part
        self._left = part.size
        self._digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes; none at the end.

        Raises:
            BundleRefused: the end was reached, and the part is not what it was when the bundle was checked.
        """
        with _refused(self._bundle.path):
            piece = self._bundle.file.read(self._left if size < 0 else min(size, self._left))
        self._digest.update(piece)
        self._left -= len(piece)
        if (not piece and self._left) or (not self._left and self._digest.hexdigest() != self._part.sha256):
            refuse(self._bundle.path, f"its part {self._part.name} changed while it was read")
        return piece

    def pieces(self) -> Iterator[bytes]:
        """All that is left, a piece at a time."""
        while self._left:
            yield self.read(_PIECE)


@contextlib.contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a bundle and read its manifest.

    Raises:
        BundleRefused: it is no bundle, or of another version of the format.
    """
    with contextlib.ExitStack() as stack:
        with _refused(path):
            if not path.is_file():  # Opening a pipe would wait for its writer.
                reason = "it is not a file" if path.exists() else "there is no such file"
                refuse(path, reason, _NAME_ONE)
            file = stack.enter_context(path.open("rb"))
            manifest = _read_first(path, file)
        yield Bundle(path, file, manifest)


def _read_first(path: Path, file: IO[bytes]) -> BundleManifest:
    texts = []
    try:
        for name, (member, lend) in zip((NAME, SUM), members(file), strict=False):
            if member.name != name or not member.isreg():
                break
            if member.size > LARGEST_MANIFEST:
                refuse(path, f"its {name} is larger than {LARGEST_MANIFEST >> 20} MiB", _NAME_ONE)
            texts.append(lend().read())
    except Flaw:
        if texts:
            raise
    if not texts:
        refuse(path, f"it is not a bundle: it does not begin with a {NAME}", _NAME_ONE)
    if len(texts) < _READ_AT_FIRST or texts[1] != sum_line(texts[0]):
        refuse(path, f"its {NAME} is truncated or damaged: its checksum is not the one in {SUM}")
    return read_manifest(texts[0], path)


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Whatever turns out to be wrong with a file ends as BundleRefused."""
    try:
        yield
    except Flaw as flaw:
        refuse(path, str(flaw.args[0]))
    except (tarfile.TarError, EOFError) as error:
        refuse(path, f"it is truncated or damaged ({str(error)[:120]!a})")
    except OSError as error:
        remedy = remedy_of_system(error, "see that it is there and that you may read it\n  ls -l")
        refuse(path, error.strerror or str(error), remedy)
