"""What Docker answers, as far as the kit reads it, with Docker's own names.

Source: the Engine API (moby/moby:api/swagger.yaml). Whatever the kit does not read is there too and not named here.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, Protocol, TypedDict, cast

from labkit.core.identity.model import read_version

_TEXT_BYTES = 1 << 20
_RUNC = ("runc", "OCI Runtime (runc)")


class InspectedConfig(TypedDict, total=False):
    """An image's configuration; Docker writes null for what an image does not say."""

    User: str | None
    Env: Sequence[str] | None
    Entrypoint: Sequence[str] | None
    Cmd: Sequence[str] | None
    WorkingDir: str | None
    ExposedPorts: Mapping[str, object] | None
    Labels: Mapping[str, str] | None
    Volumes: Mapping[str, object] | None
    Tty: bool


class RootFileSystem(TypedDict, total=False):
    """The layers of an image, by the digests of what they hold."""

    Layers: Sequence[str] | None


class GraphDriver(TypedDict):
    """Where the engine's own store has an image's layers, on the engine's machine."""

    Name: str
    Data: Mapping[str, str] | None


class InspectedImage(TypedDict):
    """What `docker image inspect` tells; an image always has a configuration, be it empty."""

    Id: str
    Config: InspectedConfig
    Architecture: NotRequired[str]
    Os: NotRequired[str]
    Size: NotRequired[int]
    RepoTags: NotRequired[Sequence[str] | None]
    RepoDigests: NotRequired[Sequence[str] | None]
    RootFS: NotRequired[RootFileSystem]
    GraphDriver: NotRequired[GraphDriver]


class ListedImage(TypedDict):
    """A line of `docker images`."""

    Id: str
    RepoTags: Sequence[str] | None


class HistoryEntry(TypedDict, total=False):
    """A line of `docker history`."""

    CreatedBy: str
    Size: int


class ContainerdStore(TypedDict, total=False):
    """The containerd that the engine uses."""

    Address: str


class EngineInfo(TypedDict, total=False):
    """What `docker info` tells."""

    Architecture: str
    CgroupDriver: str
    CgroupVersion: str
    CPUShares: bool
    Containerd: ContainerdStore | None
    DockerRootDir: str
    Driver: str
    DriverStatus: Sequence[Sequence[str]] | None
    KernelVersion: str
    MemoryLimit: bool
    MemTotal: int
    OperatingSystem: str
    OSType: str
    PidsLimit: bool
    SecurityOptions: Sequence[str] | None
    ServerVersion: str


class EngineComponent(TypedDict, total=False):
    """A program that an engine is made of, such as runc."""

    Name: str
    Version: str
    Details: Mapping[str, str] | None


class EnginePlatform(TypedDict, total=False):
    """What an engine is called, such as Docker Desktop."""

    Name: str


class EngineVersion(TypedDict, total=False):
    """What `docker version` tells of the server."""

    ApiVersion: str
    Arch: str
    Components: Sequence[EngineComponent] | None
    KernelVersion: str
    Os: str
    Platform: EnginePlatform | None
    Version: str


class InspectedState(TypedDict, total=False):
    """How a container is."""

    Running: bool
    Paused: bool
    ExitCode: int
    Pid: int
    StartedAt: str


class ContainerNetwork(TypedDict, total=False):
    """A container's place in a network."""

    IPAddress: str


class NetworkSettings(TypedDict):
    """All networks of a container, by their names."""

    Networks: Mapping[str, ContainerNetwork]


class Mount(TypedDict, total=False):
    """What a container sees at a path: a volume, or a file or folder of the engine's machine, which has no name."""

    Type: str
    Name: str


class InspectedContainer(TypedDict):
    """What `docker container inspect` tells."""

    Image: str
    State: InspectedState
    Config: InspectedConfig
    NetworkSettings: NetworkSettings
    Mounts: Sequence[Mount]


class StreamEvent(TypedDict, total=False):
    """A line of what the engine sends while it pulls, pushes, loads or builds."""

    stream: str
    error: str
    errorDetail: Mapping[str, object] | None


def read_inspected(answer: Mapping[str, Any]) -> InspectedImage:
    """What was answered for an image, with a configuration, which some images lack."""
    return cast(InspectedImage, {**answer, "Config": answer.get("Config") or {}})


def image_config(image: InspectedImage | None) -> InspectedConfig:
    """An image's configuration; an empty one for an image that is not there."""
    return image["Config"] if image is not None else {}


def image_labels(image: InspectedImage | None) -> Mapping[str, str]:
    """An image's labels; none for an image that is not there."""
    return image_config(image).get("Labels") or {}


def runc_version(version: EngineVersion) -> tuple[int, int] | None:
    """Major and minor of the engine's runc; None if the engine runs another runtime, or does not say.

    Docker's component is called runc, and its version is one; podman's is "OCI Runtime (runc)", and its version begins
    with "runc version" (podman:pkg/api/handlers/compat/version.go).
    """
    components = version.get("Components") or ()
    texts = (str(part.get("Version")) for part in components if part.get("Name") in _RUNC)
    return next((read_version(text.removeprefix("runc version ")) for text in texts), None)


def is_from_podman(server: str) -> bool:
    """Whether an answer is podman's, in Docker's place.

    Args:
        server: its header of that name (podman:pkg/api/server/handler_api.go).
    """
    return server.startswith("Libpod/")


def mapped_ids(info: EngineInfo) -> int | None:
    """How many ids the containers of an engine have, from 0; None for all, which is the usual.

    The engine only says that it has a user namespace (moby/moby:daemon/info.go, fillSecurityOptions). How many ids that
    maps stands in its machine's /etc/subuid, where 65536 is the default; a rootless engine's own id comes on top.
    """
    names = {part for option in info.get("SecurityOptions") or () for part in option.split(",")}
    return 65537 if "name=rootless" in names else 65536 if "name=userns" in names else None


@dataclass(frozen=True)
class PathInImage:
    """Something at a path of an image: who owns it, its mode in octal, its text if it is a small file."""

    uid: int
    gid: int
    mode: str
    text: str | None


class WholeArchive(Protocol):
    """A file system in one archive, such as what podman exports."""

    tar: tarfile.TarFile

    def find(self, path: str) -> tarfile.TarInfo | None:
        """What lies at a path from the root."""


def read_path(archive: io.RawIOBase | io.BufferedIOBase) -> PathInImage | None:
    """What `docker cp` gives of a path: the first entry of a tar archive; None if it has none."""
    with tarfile.open(fileobj=archive, mode="r|") as tar:
        member = tar.next()
        if member is None:
            return None
        return _of_entry(tar, member)


def paths_in(files: WholeArchive, paths: Iterable[str]) -> dict[str, PathInImage | None]:
    """What lies at paths of a whole file system; None where nothing does.

    Args:
        files: the file system.
        paths: from the root.
    """
    members = {path: files.find(path) for path in paths}
    return {path: None if member is None else _of_entry(files.tar, member) for path, member in members.items()}


def _of_entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> PathInImage:
    handle = tar.extractfile(member) if member.isfile() and member.size <= _TEXT_BYTES else None
    text = handle.read().decode("utf-8", "replace") if handle else None
    return PathInImage(member.uid, member.gid, f"{member.mode & 0o7777:o}", text)


def digest_of(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str | None:
    """The sha256 of a file in what `docker cp` gives; None for anything else."""
    handle = tar.extractfile(member) if member.isfile() else None
    return hashlib.file_digest(handle, "sha256").hexdigest() if handle else None  # type: ignore[arg-type]
