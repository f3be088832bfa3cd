"""The lock file: what was found of images, so that a pipeline needs neither their engine nor a network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.base.errors import Misuse
from labkit.base.files import write_atomically
from labkit.core.identity.accounts import UnreadableAccounts, accounts, groups
from labkit.core.identity.model import Image
from labkit.core.image_reference import ImageReference

FILE_NAME = "labkit-explain.lock"
_VERSION = 1
_REMEDY = "write it again where the images are\n  labkit explain --lock -f FOLDER -R"
_MODE = 0o644
_TYPES: Mapping[str, tuple[type, ...]] = {
    "digest": (str,),
    "user": (str,),
    "passwd": (list, type(None)),
    "group": (list, type(None)),
    "home": (str, type(None)),
    "windows": (bool,),
    "env": (list,),
    "onbuild": (list,),
}


@dataclass(frozen=True)
class LockedImage:
    """What is known of an image.

    Args:
        image: what decides who its processes run as.
        digest: of its manifest; empty if it is not known.
        env: its environment, as NAME=value.
        on_build: its ONBUILD instructions.
    """

    image: Image
    digest: str = ""
    env: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()


class ImageLock:
    """Images by any spelling of their names.

    Args:
        images: what is known of each.
    """

    def __init__(self, images: Mapping[str, LockedImage]) -> None:
        self._images = {ImageReference.parse(name).tagged(): locked for name, locked in images.items()}

    def __len__(self) -> int:
        return len(self._images)

    def find(self, name: str) -> LockedImage | None:
        """What is known of an image, None if nothing is."""
        return self._images.get(ImageReference.parse(name).tagged())


def write_lock(path: Path, images: Mapping[str, LockedImage]) -> None:
    """Write the lock file, with what decides of each image and no more.

    Raises:
        LabFailed: it cannot be written.
    """
    names = {str(ImageReference.parse(name).tagged()): locked for name, locked in images.items()}
    content = {"version": _VERSION, "images": {name: _to_dict(names[name]) for name in sorted(names)}}
    write_atomically(path, json.dumps(content, indent=1) + "\n", _MODE)


def read_lock(path: Path) -> ImageLock:
    """Read a lock file.

    Raises:
        Misuse: it is no lock file, or of another version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Misuse(f"Reading {path}", error.strerror or str(error), _REMEDY) from error
    except (ValueError, RecursionError) as error:
        raise Misuse(f"Reading {path}", f"it is not JSON: {error}", _REMEDY) from error
    version = content.get("version") if isinstance(content, dict) else None
    if version != _VERSION:
        reason = f"it is of version {version!r}, and this labkit knows version {_VERSION}"
        raise Misuse(f"Reading {path}", reason, _REMEDY)
    images = content.get("images")
    if not isinstance(images, dict):
        raise Misuse(f"Reading {path}", "it has no images", _REMEDY)
    return ImageLock({name: _from_dict(fields, f"{name} in {path}") for name, fields in images.items()})


def _to_dict(locked: LockedImage) -> dict[str, Any]:
    image = locked.image
    return {
        "digest": locked.digest,
        "user": image.user,
        "passwd": _passwd_lines(image.passwd),
        "group": _group_lines(image.group),
        "home": image.home,
        "windows": image.is_for_windows,
        "env": list(locked.env),
        "onbuild": list(locked.on_build),
    }


def _passwd_lines(text: str | None) -> list[str] | None:
    """The lines with the fields that a rule reads: no password, no comment, no shell."""
    if text is None:
        return None
    try:
        return [f"{line.name}:x:{line.uid}:{line.gid}::{line.home}:" for line in accounts(text)]
    except UnreadableAccounts:
        return text.split("\n")


def _group_lines(text: str | None) -> list[str] | None:
    if text is None:
        return None
    return [f"{line.name}:x:{line.gid}:{','.join(line.members)}" for line in groups(text)]


def _from_dict(fields: object, where: str) -> LockedImage:
    if not isinstance(fields, dict) or fields.keys() != _TYPES.keys():
        raise Misuse(f"Reading {where}", f"it has not just the fields {', '.join(_TYPES)}", _REMEDY)
    for name, types in _TYPES.items():
        value = fields[name]
        if not isinstance(value, types) or (isinstance(value, list) and not all(isinstance(v, str) for v in value)):
            raise Misuse(f"Reading {where}", f"{name} is of a wrong type", _REMEDY)
    passwd, group = ("\n".join(lines) if (lines := fields[name]) is not None else None for name in ("passwd", "group"))
    image = Image(fields["user"], passwd, group, fields["home"], is_for_windows=fields["windows"])
    return LockedImage(image, fields["digest"], tuple(fields["env"]), tuple(fields["onbuild"]))
