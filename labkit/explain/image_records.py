"""How what is known of an image is written down: in the lock file, and in the cache of what registries said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from labkit.core.identity.accounts import UnreadableAccounts, accounts, groups
from labkit.core.identity.model import Image, KnownImage, Origin

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
_FILES = "files"
"""False where passwd and group are not known; absent otherwise, as labkit wrote it before it asked registries."""


class MalformedRecord(ValueError):
    """A record is not one of an image."""


class ImageRecord(TypedDict):
    """An image's part of a lock file."""

    digest: str
    user: str
    passwd: list[str] | None
    group: list[str] | None
    home: str | None
    windows: bool
    env: list[str]
    onbuild: list[str]
    files: NotRequired[bool]


def to_record(known: KnownImage) -> ImageRecord:
    """An image as JSON-ready values: what decides, and no more."""
    image = known.image
    record: ImageRecord = {
        "digest": known.digest,
        "user": image.user,
        "passwd": _passwd_lines(image.passwd),
        "group": _group_lines(image.group),
        "home": image.home,
        "windows": image.is_for_windows,
        "env": list(known.env),
        "onbuild": list(known.on_build),
    }
    if not image.files_known and not image.is_for_windows:
        record["files"] = False
    return record


def from_record(fields: object, place: Origin) -> KnownImage:
    """Read what `to_record` gave.

    Raises:
        MalformedRecord: it is something else.
    """
    if not isinstance(fields, dict) or fields.keys() - {_FILES} != _TYPES.keys():
        raise MalformedRecord(f"it has not just the fields {', '.join(_TYPES)}")
    if fields.get(_FILES, False) is not False:
        raise MalformedRecord(f"{_FILES} can only be false")
    for name, types in _TYPES.items():
        value = fields[name]
        if not isinstance(value, types) or (isinstance(value, list) and not all(isinstance(v, str) for v in value)):
            raise MalformedRecord(f"{name} is of a wrong type")
    passwd, group = ("\n".join(lines) if (lines := fields[key]) is not None else None for key in ("passwd", "group"))
    image = Image(
        fields["user"],
        passwd,
        group,
        fields["home"],
        files_known=_FILES not in fields,
        is_for_windows=fields["windows"],
    )
    return KnownImage(image, fields["digest"], tuple(fields["env"]), tuple(fields["onbuild"]), place=place)


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
