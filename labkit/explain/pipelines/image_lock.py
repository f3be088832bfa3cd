"""The lock file: what was found of images, so that a pipeline needs neither their engine nor a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from labkit.base.errors import Misuse
from labkit.base.files import read_versioned, write_atomically
from labkit.core.identity.model import KnownImage
from labkit.core.image_reference import ImageReference, full_name
from labkit.explain.image_records import MalformedRecord, from_record, to_record

FILE_NAME = "labkit-explain.lock"
_VERSION = 1
_REMEDY = "write it again where the images are\n  labkit explain --lock -f FOLDER -R"
_MODE = 0o644


class ImageLock:
    """Images by any spelling of their names.

    Args:
        images: what is known of each.
    """

    def __init__(self, images: Mapping[str, KnownImage]) -> None:
        self._images = {ImageReference.parse(name).tagged(): locked for name, locked in images.items()}

    def __len__(self) -> int:
        return len(self._images)

    def find(self, name: str) -> KnownImage | None:
        """What is known of an image, None if nothing is; one with a digest is met by the digest, whatever its tag."""
        reference = ImageReference.parse(name).tagged()
        if (locked := self._images.get(reference)) is not None or not reference.digest:
            return locked
        same = (locked for other, locked in self._images.items() if other.name == reference.name)
        return next((locked for locked in same if locked.digest == reference.digest), None)


def write_lock(path: Path, images: Mapping[str, KnownImage]) -> None:
    """Write the lock file, with what decides of each image and no more.

    Raises:
        LabFailed: it cannot be written.
    """
    names = {full_name(name): locked for name, locked in images.items()}
    content = {"version": _VERSION, "images": {name: to_record(names[name]) for name in sorted(names)}}
    write_atomically(path, json.dumps(content, indent=1) + "\n", _MODE)


def read_lock(path: Path) -> ImageLock:
    """Read a lock file.

    Raises:
        Misuse: it is no lock file, or of another version.
    """
    images = read_versioned(path, f"Reading {path}", _VERSION, _REMEDY).get("images")
    if not isinstance(images, dict):
        raise Misuse(f"Reading {path}", "it has no images", _REMEDY)
    return ImageLock({name: _read_record(fields, f"{name} in {path}") for name, fields in images.items()})


def _read_record(fields: object, where: str) -> KnownImage:
    try:
        return from_record(fields, "lock file")
    except MalformedRecord as error:
        raise Misuse(f"Reading {where}", str(error), _REMEDY) from error
