"""What the rules speak of: an image, the settings of a pod and a container, ids, the identity of a process."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypedDict

from labkit.core.causes import Cause

IDS_IN_POD_NAMESPACE: Final = 65536
"""How many ids the kubelet maps for a pod with hostUsers: false, from 0 (kubernetes/kubernetes:
pkg/kubelet/userns/userns_manager.go; `userNamespaces.idsPerPod` of the kubelet's configuration is this by default)."""

MAX_ID: Final = 2**31 - 1
"""The largest uid and gid of the engine, containerd and the API server (moby/sys:user/user.go, maxID;
containerd/containerd:pkg/oci/spec_opts.go, WithUser; kubernetes/apimachinery:pkg/util/validation, IsValidUserID)."""

_INT64: Final = 2**63
_DIGITS_OF_INT64 = 19
_UINT32: Final = 2**32
_NUMBER = re.compile(r"([+-]?)0*([0-9]+)", re.ASCII)
_VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})(?![0-9])", re.ASCII)
DecidedBy = Literal["image", "container", "pod", "-u", "default"]


@dataclass(frozen=True, slots=True)
class Image:
    """What of an image decides who its processes run as.

    Args:
        user: Config.User, "" for none.
        passwd: the text of its /etc/passwd, None if it has none.
        group: the text of its /etc/group, None if it has none.
        home: the HOME of its Config.Env, None if that sets none.
        files_known: False if only `user` is known of the image.
        is_for_windows: whether it runs on Windows, which has no such files.
    """

    user: str = ""
    passwd: str | None = None
    group: str | None = None
    home: str | None = None
    files_known: bool = True
    is_for_windows: bool = False


def home_of(env: Iterable[str]) -> str | None:
    """The HOME that an image's environment sets; the last one counts, and an empty one does not."""
    homes = [pair.removeprefix("HOME=") for pair in env if pair.startswith("HOME=")]
    return homes[-1] or None if homes else None


@dataclass(frozen=True, slots=True)
class Settings:
    """The identity's part of a securityContext, of a pod or of a container; None for what is not set.

    The names are those of kubernetes/api:core/v1/types.go; fs_group, supplemental_groups, their policy and
    host_users are a pod's alone.
    """

    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    run_as_group: int | None = None
    fs_group: int | None = None
    supplemental_groups: tuple[int, ...] = ()
    supplemental_groups_policy: str | None = None
    host_users: bool | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a process is.

    Args:
        uid: its user id inside the container.
        gid: its group id.
        groups: its supplementary groups as /proc/self/status has them, sorted; gid is usually one of them.
        user: the name on the first passwd line with that uid, None if there is no such line.
        home: HOME; None if the pod's environment takes it from what is not known.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]
    user: str | None
    home: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no: its cause and the words of whoever says it."""

    cause: Cause
    message: str


class VerdictJson(TypedDict):
    """What kubelet or API server say: null where it is not known; with a cause and their words, if they refuse."""

    ok: bool | None
    cause: Cause | None
    message: str | None


class IdentityJson(TypedDict):
    """As whom a process runs; null for what depends on an image that is not known."""

    uid: int
    gid: int | None
    groups: list[int] | None
    user: str | None
    home: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """As whom a container will run, or who refuses it, and why.

    Args:
        ok: whether it runs; None if that depends on an image that is not known.
        kubelet_ok: whether the kubelet lets it pass; None if that depends on an image that is not known.
        decided_by: whose setting gave the user.
        because: who decided what, in order.
        refusal: by the kubelet, the runtime or the engine; None if it runs.
        kubelet_refusal: the same, if it is the kubelet's.
        runs_as: the identity; None if it does not run, or if the image's files are not known.
        uid: the user id; known for some images of which nothing but the user is known.
        gid: likewise, the group id.
        home: likewise, HOME.
        user_name: who runs on Windows, which has no uids.
        is_administrator: whether that is one who may do everything there.
        is_for_windows: whether it was answered by the rules of Windows.
    """

    ok: bool | None
    kubelet_ok: bool | None
    decided_by: DecidedBy
    because: tuple[str, ...]
    refusal: Refusal | None = None
    kubelet_refusal: Refusal | None = None
    runs_as: Identity | None = None
    uid: int | None = None
    gid: int | None = None
    home: str | None = None
    user_name: str | None = None
    is_administrator: bool = False
    is_for_windows: bool = False

    @property
    def cause(self) -> Cause | None:
        """Why it is refused; None if it is not."""
        return self.refusal.cause if self.refusal else None

    def kubelet_to_dict(self) -> VerdictJson:
        """The kubelet's verdict, JSON-ready."""
        refusal = self.kubelet_refusal
        return {
            "ok": self.kubelet_ok,
            "cause": refusal.cause if refusal else None,
            "message": refusal.message if refusal else None,
        }

    def identity_to_dict(self) -> IdentityJson | None:
        """The identity, JSON-ready."""
        who = self.runs_as
        if who is None:
            return None
        return {"uid": who.uid, "gid": who.gid, "groups": list(who.groups), "user": who.user, "home": who.home}


@dataclass(frozen=True, slots=True)
class Versions:
    """What differs by version; the defaults are those of the newest releases that the kit was compared with.

    Args:
        kubernetes: (major, minor) of the kubelet; since 1.34 it refuses image uids out of range
            (kubernetes/kubernetes pull request 130871).
        engine_runc: (major, minor) of the engine's runc; before 1.3 it read passwd and group once more at start
            (opencontainers/runc pull request 3999).
        engine_ids: how many ids the engine's user namespace maps, from 0; None if it has none of its own.
    """

    kubernetes: tuple[int, int] = (1, 37)
    engine_runc: tuple[int, int] = (1, 1)
    engine_ids: int | None = None


def read_version(text: str) -> tuple[int, int] | None:
    """Major and minor of a version such as "v1.33.2", "1.1.5+ds1" or "1.3"; None if it is none."""
    match = _VERSION.match(text)
    return (int(match[1]), int(match[2])) if match else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What the engine or the runtime makes of a user: an identity, or else a refusal.

    Args:
        because: who decided what, in order.
        identity: of the process.
        refusal: in the words of the engine or the runtime.
    """

    because: tuple[str, ...]
    identity: Identity | None = None
    refusal: Refusal | None = None


class CannotResolve(Exception):
    """The engine or the runtime cannot make an identity of what it was given."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(cause, message)


# --- numbers as Go's strconv reads them, for the engine and the runtime read users with it ---


def read_number(text: str) -> int | None:
    """A decimal number with an optional sign, as strconv.ParseInt(text, 10, 64) accepts it.

    Returns:
        None if it is not a number; for one beyond 64 bits some number that is beyond them as well.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, digits = match.groups()
    value = int(digits) if len(digits) <= _DIGITS_OF_INT64 else _INT64 + 1
    return -value if sign == "-" else value


def fits_int64(value: int) -> bool:
    """Whether ParseInt gives it without a range error."""
    return -_INT64 <= value < _INT64


def field_number(text: str) -> int:
    """A number of a passwd or group line: 0 for none, the nearest of 64 bits for one beyond them.

    moby/sys:user/user.go, parseParts: "conversion errors ignored because of some misbehaving configuration files".
    """
    if text.isascii() and text.isdigit() and len(text) < _DIGITS_OF_INT64:
        return int(text)
    value = read_number(text)
    return 0 if value is None else max(-_INT64, min(value, _INT64 - 1))


def as_uint32(value: int) -> int:
    """An id as the OCI configuration carries it: what is beyond 32 bits is cut off."""
    return value % _UINT32


def is_valid_id(value: int) -> bool:
    """Whether a uid or gid is in the range that every component accepts."""
    return 0 <= value <= MAX_ID


Origin = Literal["given", "archive", "lock file", "engine", "registry"]


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


@dataclass(frozen=True)
class KnownImage:
    """What is known of an image, whoever told it.

    Args:
        image: what decides who its processes run as.
        digest: of its manifest or index in a registry; empty if it is not known.
        env: its environment, as NAME=value.
        on_build: its ONBUILD instructions.
        architecture: as the image gives it; empty where it gives none.
        notes: what could not be read of it.
        place: where that was found.
    """

    image: Image
    digest: str = ""
    env: tuple[str, ...] = ()
    on_build: tuple[str, ...] = ()
    architecture: str = ""
    notes: tuple[str, ...] = ()
    place: Origin = "engine"

    @property
    def origin(self) -> ImageOrigin:
        """Where it was found."""
        return ImageOrigin(self.place, self.digest, self.image.user)


ROOT_BY_NAME: Final = "root"
SENTENCE_ON_ROOT: Final = "root is uid 0, unless the image's passwd file, which is not known, says otherwise"


def names_an_account(user: str) -> bool:
    """Whether a USER has a name in it that only the image's files resolve; root's number everybody knows."""
    name, _, group = user.partition(":")
    return any(text and read_number(text) is None for text in ("" if name == ROOT_BY_NAME else name, group))
