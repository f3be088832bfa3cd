"""Writing a bundle: its parts in a folder beside it, then all in one tar, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

from labkit.base.errors import LabFailed, remedy_of_system
from labkit.lab.bundles.bundle_manifest import NAME, SUM, BundleManifest, Part, sum_line

_LEVEL = 3
"""Of gzip: the sixth level takes three times as long, and saves a twentieth."""


class BundleWriter:
    """Collects the parts of a bundle in a folder beside it.

    Args:
        folder: for the parts; it goes when the bundle is written, or is not.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.parts: list[Part] = []

    @contextlib.contextmanager
    def compressed(self, name: str, *, title: str, version: str, licence: str) -> Iterator[IO[bytes]]:
        """Write a part that is compressed by gzip on the way.

        Args:
            name: of the member.
            title: what it is.
            version: of it.
            licence: of it.
        """
        file = self._place(name)
        with file.open("wb") as raw, gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as packed:
            yield cast("IO[bytes]", packed)
        self.add(name, title=title, version=version, licence=licence)

    def add(self, name: str, *, title: str, version: str, licence: str) -> None:
        """Take a file that lies in the folder by the member's name as a part.

        Args:
            name: of the member.
            title: what it is, for people.
            version: of what is in it.
            licence: likewise.

        Raises:
            OSError: it cannot be read.
        """
        file = self.folder / name
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        size = file.stat().st_size
        self.parts.append(Part(name=name, size=size, sha256=digest, title=title, version=version, licence=licence))

    def _place(self, name: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def finish(self, manifest: BundleManifest, target: Path) -> BundleManifest:
        """Put all parts into one tar.

        Args:
            manifest: of the bundle, without its parts.
            target: the file.

        Returns:
            The manifest as it was written.
        """
        manifest = replace(manifest, parts=self.parts)
        whole = self.folder / "bundle.tar"
        with whole.open("wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
                text = json.dumps(manifest.to_dict(), indent=1).encode()
                _add(tar, NAME, io.BytesIO(text))
                _add(tar, SUM, io.BytesIO(sum_line(text)))
                for part in self.parts:
                    with (self.folder / part.name).open("rb") as content:
                        _add(tar, part.name, content)
                    (self.folder / part.name).unlink()  # The disk need not hold every part twice.
            file.flush()
            os.fsync(file.fileno())
        whole.chmod(0o644)
        whole.replace(target)
        return manifest


@contextlib.contextmanager
def writing(target: Path) -> Iterator[BundleWriter]:
    """Write a bundle; whatever stops it, nothing is left of it, and a file that was there before stays.

    Args:
        target: the file.

    Raises:
        LabFailed: it cannot be written, as on a full disk.
    """
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
        yield BundleWriter(folder)
    except OSError as error:
        raise LabFailed(
            f"Writing the bundle {target}",
            error.strerror or str(error),
            remedy_of_system(error, "free some space there, or name another place; nothing was left behind\n  df -h"),
        ) from error
    finally:
        if folder is not None:
            _remove(folder)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except KeyboardInterrupt:  # Somebody presses Ctrl-C twice.
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size = content.seek(0, os.SEEK_END)
    member.mode = 0o644
    content.seek(0)
    tar.addfile(member, content)
