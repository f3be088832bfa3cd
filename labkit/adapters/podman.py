"""What is podman's own, where it answers in Docker's place: where it listens, how it is known, what its command is,
and how files are read out of it.

Nothing here asks an engine or runs a program. What podman answers differently is in docs/podman.md.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from labkit.core.path_walk import walk_path

OLDEST = 5
"""The first version that the lab takes. Tried with 4.3.1 (Debian 12's): each run wants a higher limit of open files
than it may have and fails where CAP_SYS_RESOURCE is missing, and no setting that a client of its API can send changes
that; 5.4.2 can be set right."""

CLIENT = "podman"
"""Its command, which takes the place of docker's: kind runs it, and docker's loses why a run failed."""

HOST_PIDS = "pid,hpid"
"""What `podman top` is asked for: ps itself runs in the container's pid namespace there (podman-top(1))."""

NOT_EXECUTED = ("Error: runc: ", "Error: crun: ")
"""How podman begins what it writes in place of a command's output when it cannot run one by `podman exec`."""

NOT_FOUND = "OCI runtime attempted to invoke a command that was not found"
NOT_ALLOWED = ("OCI permission denied", "but it is not a regular file")
"""What podman adds to a runtime's message, be it runc's or crun's (podman:libpod/define/errors.go), and what crun
says of a folder (containers/crun:src/libcrun/utils.c)."""

_PREPARING = re.compile(r"^preparing container [0-9a-f]+ for attach: ")
_ENGINE_COMPONENT = "Podman Engine"  # podman:pkg/api/handlers/compat/version.go
_SYSTEM_SOCKET = "/run/podman/podman.sock"
_DOCKER_LIBRARY = "docker.io/library/"
_WSL_SOCKETS = "/mnt/wsl/podman-sockets"


@dataclass(frozen=True)
class PodmanService:
    """Where podman offers Docker's API.

    Args:
        host: as DOCKER_HOST has it.
        named_by: what names it, for people.
    """

    host: str
    named_by: str


def is_podman(version: Mapping[str, Any]) -> bool:
    """Whether it was podman that answered /version in Docker's place.

    Args:
        version: the answer.
    """
    return any(part.get("Name") == _ENGINE_COMPONENT for part in version.get("Components") or ())


def plain_refusal(message: str) -> str:
    """Why podman does not start a container, in the words that Docker and podman have in common.

    Args:
        message: as it came: podman makes the process ready when somebody attaches to it, and says so first.
    """
    return _PREPARING.sub("", message)


def host_pids(shown: Mapping[str, Sequence[object]]) -> dict[int, int]:
    """The pids that a container's processes have outside, by those that they have inside.

    Args:
        shown: what podman shows of `HOST_PIDS`.
    """
    rows = [[str(field) for field in row] for row in shown.get("Processes") or () if isinstance(row, Sequence)]
    return {int(inside): int(outside) for inside, outside, *_ in rows if inside.isdecimal() and outside.isdecimal()}


def registry_question(reference: str) -> str:
    """The path of podman's own API by which it asks a registry about an image that it may not have.

    Args:
        reference: in full.
    """
    return f"/v{OLDEST}.0.0/libpod/manifests/{quote(reference, safe='')}/json"


def is_registrys_answer(message: str) -> bool:
    """Whether a no of podman's to that is the registry's, and not the network's on the way to it.

    Args:
        message: podman's (containers/image:docker/docker_client.go, detectProperties).
    """
    return "pinging container registry" not in message


def removal(container: str) -> str:
    """The path of podman's own API by which it ends and removes a container, and those that live in its namespaces.

    Asked as Docker is, podman refuses to remove one whose pid namespace another has; Docker ends the other with it.

    Args:
        container: its name or id.
    """
    return f"/v{OLDEST}.0.0/libpod/containers/{quote(container, safe='')}?force=true&depend=true&volumes=true&timeout=0"


def own_name(reference: str) -> str | None:
    """What `podman build` calls an image of a short name, and looks for first; None if the name is no short one.

    Args:
        reference: in full, as Docker and the node understand it.
    """
    short = reference.removeprefix(_DOCKER_LIBRARY)
    return f"localhost/{short}" if short != reference else None


def client_variables(host: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What makes podman's command, also where kind runs it, use the engine that the kit uses.

    Without it the command of an ordinary user is an engine of its own, whoever answers in DOCKER_HOST
    (podman:docs/source/markdown/podman.1.md, CONTAINER_HOST). Where it is the same one, it is better off without: over
    a socket, what `podman exec` prints was once lost on a busy machine, and kind could not read its node's version.

    Args:
        host: where the engine answers, as DOCKER_HOST has it.
        environment: of this process.
    """
    folder = (
        Path(_SYSTEM_SOCKET).parent if os.geteuid() == 0 else Path(environment.get("XDG_RUNTIME_DIR", "/"), "podman")
    )
    own = os.path.realpath(folder / "podman.sock")
    is_own = sys.platform == "linux" and host.startswith("unix://") and os.path.realpath(host[len("unix://") :]) == own
    return {} if is_own else {"CONTAINER_HOST": host}


def find_service(environment: Mapping[str, str], root: Path = Path("/")) -> PodmanService | None:
    """Where podman offers Docker's API on this machine to this user, in the order in which its own command looks.

    That is CONTAINER_HOST, the default of `podman system connection`, the user's own socket, the system's, and what
    Podman Desktop shares with other Linux systems under Windows.

    Args:
        environment: of this process.
        root: the folder below which the system's sockets lie; another one in tests.
    """
    if host := environment.get("CONTAINER_HOST"):
        return PodmanService(host, "CONTAINER_HOST")
    services = (*_connections(environment), *_sockets(environment, root))
    return next((service for service in services if _is_usable(service, root)), None)


def _is_usable(service: PodmanService, root: Path) -> bool:
    """Whether it is a socket that we may talk to; what is elsewhere is believed."""
    scheme, _, place = service.host.partition("://")
    return scheme != "unix" or os.access(root / place.lstrip("/"), os.R_OK | os.W_OK)


def _sockets(environment: Mapping[str, str], root: Path) -> Iterator[PodmanService]:
    """The sockets of podman's services (podman-system-service(1)) and of Podman Desktop's machine under Windows."""
    if own := environment.get("XDG_RUNTIME_DIR"):
        yield PodmanService(f"unix://{own}/podman/podman.sock", "podman's socket of this user")
    yield PodmanService(f"unix://{_SYSTEM_SOCKET}", "podman's socket of this system")
    for socket in sorted((root / _WSL_SOCKETS.lstrip("/")).glob("*/podman-*.sock")):
        yield PodmanService(f"unix:///{socket.relative_to(root)}", "Podman Desktop's machine")


def _connections(environment: Mapping[str, str]) -> Iterator[PodmanService]:
    """The connection that podman's command would use, as far as the kit can: a socket, TCP, or podman's own machine.

    (podman-system-connection(1); containers/common:pkg/config/connections.go)
    """
    home = environment.get("HOME", "")
    folder = Path(environment.get("XDG_CONFIG_HOME") or f"{home}/.config") / "containers"
    file = Path(environment.get("PODMAN_CONNECTIONS_CONF") or folder / "podman-connections.json")
    try:
        held = json.loads(file.read_text(encoding="utf-8"))["Connection"]
        name = environment.get("CONTAINER_CONNECTION") or held["Default"]
        connection = held["Connections"][name]
        uri = str(connection["URI"])
    except (OSError, ValueError, KeyError, TypeError):
        return  # Podman itself says what is wrong with it.
    named_by = f'podman connection "{name}"'
    if uri.startswith(("unix://", "tcp://")):
        yield PodmanService(uri, named_by)
    elif connection.get("IsMachine"):
        for socket in _machine_sockets(environment, str(name).removesuffix("-root")):
            yield PodmanService(f"unix://{socket}", named_by)


def _machine_sockets(environment: Mapping[str, str], machine: str) -> list[str]:
    """Where a machine of podman's forwards its API to (podman:pkg/machine/machine_common.go, and each provider's)."""
    own = environment.get("TMPDIR", "/tmp") if sys.platform == "darwin" else environment.get("XDG_RUNTIME_DIR", "/tmp")
    shared = f"{environment.get('HOME', '')}/.local/share/containers/podman/machine/podman.sock"
    return [f"{own.rstrip('/')}/podman/{machine}-api.sock", shared]


class ExportedFiles:
    """A container's files as podman exports them, with their true owners.

    What podman gives as the archive of a path belongs to the container's user, whatever it is, and the link at its end
    is followed (seen with 5.4.2); Docker's does neither. An export is whole: a fifth of a second per 100 MB.

    Args:
        pieces: of the export, which is a tar archive.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with this
        try:
            for piece in pieces:
                self._file.write(piece)
            self._file.seek(0)
            self.tar = tarfile.open(fileobj=self._file)  # noqa: SIM115
            self._members = {posixpath.normpath(f"/{member.name}"): member for member in self.tar}
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.tar.close()
        self._file.close()

    def find(self, path: str, *, follow: bool = False) -> tarfile.TarInfo | None:
        """What lies at a path; None if nothing does, or if its links lead nowhere.

        Args:
            path: from the root; links on the way are followed.
            follow: whether a link at its end is, too.
        """
        end = walk_path("/", path, posixpath.join, self._link_target, follow=follow).end
        member = self._members.get(end or "")
        return self.tar.getmember(member.linkname) if member is not None and member.islnk() else member

    def _link_target(self, place: str) -> str | None:
        member = self._members.get(place)
        return member.linkname if member is not None and member.issym() else None
