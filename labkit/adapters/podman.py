"""What is podman's own, where it answers in Docker's place: where it listens, how it is known, what its command is.

Nothing here asks an engine or runs a program. What podman answers differently is in docs/podman.md.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OLDEST = 5
"""The first version that the lab takes. Tried with 4.3.1 (Debian 12's): each run wants a higher limit of open files
than it may have and fails where CAP_SYS_RESOURCE is missing, and no setting that a client of its API can send changes
that; 5.4.2 can be set right."""

CLIENT = "podman"
"""Its command, which takes the place of docker's: kind runs it, and docker's loses why a run failed."""

_ENGINE_COMPONENT = "Podman Engine"  # podman:pkg/api/handlers/compat/version.go
_SYSTEM_SOCKET = "/run/podman/podman.sock"
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


def client_variables(host: str) -> dict[str, str]:
    """What makes podman's command, also where kind runs it, use the engine that the kit uses.

    Without it the command of an ordinary user is an engine of its own, whoever answers in DOCKER_HOST
    (podman:docs/source/markdown/podman.1.md, CONTAINER_HOST).

    Args:
        host: where the engine answers, as DOCKER_HOST has it.
    """
    return {"CONTAINER_HOST": host}


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
