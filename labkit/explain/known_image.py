"""What is known of an image, whoever told it, and how that is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from labkit.core.identity.accounts import UnreadableAccounts, accounts, groups
from labkit.core.identity.model import Image, read_number

Origin = Literal["given", "archive", "lock file", "engine", "registry"]

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


class ImageOrigin(NamedTuple):
    """Where an image was found.

    Args:
        place: of it.
        digest: in a registry; empty if it is not known.
        user: its USER.
    """

    place: Origin
    digest: str = ""
    user: str = ""


class MalformedRecord(ValueError):
    """A record is not one of an image."""


@dataclass(frozen=True)
class KnownImage:
    """What is known of an image.

    Args:
        image: what decides who its processes run as.
        digest: of its manifest or index in a registry; empty if it is not known.
        env: its environment, as NAME=value.
        on_build: its ONBUILD instructions.
        architecture: as the image gives it; empty where it gives none.
        notes: what could not be read of it.
        origin: where that was found.
    """

    image: Image
    digest: str = ""
    env: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()
    architecture: str = ""
    notes: tuple[str, ...] = ()
    origin: Origin = "engine"

    def to_record(self) -> dict[str, Any]:
        """As JSON-ready values: what decides, and no more."""
        image = self.image
        return {
            "digest": self.digest,
            "user": image.user,
            "passwd": _passwd_lines(image.passwd),
            "group": _group_lines(image.group),
            "home": image.home,
            "windows": image.is_for_windows,
            "env": list(self.env),
            "onbuild": list(self.on_build),
            **({} if image.files_known or image.is_for_windows else {_FILES: False}),
        }

    @classmethod
    def from_record(cls, fields: object, origin: Origin) -> KnownImage:
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
        passwd, group = (
            "\n".join(lines) if (lines := fields[key]) is not None else None for key in ("passwd", "group")
        )
        image = Image(
            fields["user"],
            passwd,
            group,
            fields["home"],
            files_known=_FILES not in fields,
            is_for_windows=fields["windows"],
        )
        return cls(image, fields["digest"], tuple(fields["env"]), tuple(fields["onbuild"]), origin=origin)


def names_an_account(user: str) -> bool:
    """Whether a USER has a name in it that only the image's files resolve; root's number everybody knows."""
    name, _, group = user.partition(":")
    return any(text and read_number(text) is None for text in ("" if name == "root" else name, group))


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
