"""Which engine the docker command would use: by DOCKER_HOST, a docker context, or neither.

The docker command and kind go there, so the kit has to, too. Where the command would stop, this stops with a sentence;
the SDK would fall back to this machine's own engine, or fail with an exception of Python's. On a machine without Docker
it is podman's service, if there is one.
(docker/cli:cli/command/cli.go, resolveContextName; docker/cli:cli/context/store/metadatastore.go)
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast
from urllib.parse import urlsplit

from labkit import adapters
from labkit.base.errors import MachineLacks

if TYPE_CHECKING:
    from labkit.adapters import podman

DEFAULT_SOCKET = Path("/var/run/docker.sock")
_ENGINE_PLACES = "/usr/sbin"  # Where the PATH of a user who is not root may not lead.
_DEFAULT = "default"
_TRIED = "Choosing an engine, as the docker command does"
_TCP_PORT = 2375  # docker/cli:opts/hosts.go
_SCHEMES = ("unix", "tcp", "ssh")


class DockerSettings(TypedDict, total=False):
    """What the kit and the SDK read of the docker command's config.json (docker/cli:cli/config/configfile/file.go)."""

    currentContext: str | None
    auths: Mapping[str, object] | None
    credHelpers: Mapping[str, str] | None
    credsStore: str | None
    proxies: Mapping[str, object] | None


class EngineUnreachable(MachineLacks):
    """No engine answers.

    Args:
        tried: what was being done.
        came_back: what came back.
        remedy: what to do next.
        elsewhere: whether DOCKER_HOST or a context chose the engine, so that starting this machine's own does not help.
    """

    def __init__(self, tried: str, came_back: str, remedy: str, *, elsewhere: bool = False) -> None:
        super().__init__(tried, came_back, remedy)
        self.elsewhere = elsewhere


class NoEngine(EngineUnreachable):
    """A class on a cluster gives its participants no engine."""


def no_engine(tried: str) -> NoEngine:
    """What is said where something needs an engine, and a class has none.

    Args:
        tried: what was being done.
    """
    return NoEngine(
        tried,
        "this class has no engine for its participants: an image is run as a pod here, and none is built",
        "run it as a pod, whose answer is the kubelet's and not Docker's; or have it explained, which runs nothing\n"
        "  labkit kubectl run NAME --image=IMAGE\n  labkit explain IMAGE",
        elsewhere=True,
    )


@dataclass(frozen=True)
class EngineEndpoint:
    """Where an engine is expected.

    Args:
        host: as DOCKER_HOST has it: unix:///var/run/docker.sock, tcp://HOST:PORT, ssh://HOST.
        chosen_by: what chose it: `DOCKER_HOST`, `context "NAME"`; empty if nothing did.
        remedy: what to do if nothing answers there; None where that depends on the machine.
        tls: the folder with the certificates of a context's own, if it has any.
        verify: whether the engine's own certificate is verified.
        notes: what could not be read on the way, and was skipped as the docker command skips it.
        unknown_to_docker: whether the docker command would not go there unless DOCKER_HOST says so.
    """

    host: str
    chosen_by: str = ""
    remedy: str | None = None
    tls: Path | None = None
    verify: bool = True
    notes: tuple[str, ...] = ()
    unknown_to_docker: bool = False

    @property
    def variables(self) -> dict[str, str]:
        """What makes the docker command go there, too."""
        return {"DOCKER_HOST": self.host} if self.unknown_to_docker else {}

    @property
    def is_default(self) -> bool:
        """Whether it is this machine's own, which nothing has to choose."""
        return not self.chosen_by

    @property
    def socket(self) -> Path | None:
        """Its socket on this machine, if it has one."""
        if not self.host.startswith("unix://"):
            return None
        return Path(self.host.removeprefix("unix://") or DEFAULT_SOCKET)

    def __str__(self) -> str:
        return self.host if self.is_default else f"{self.chosen_by}, {self.host}"


def choose_endpoint(environment: Mapping[str, str] = os.environ) -> EngineEndpoint:
    """The engine that the docker command would use.

    Args:
        environment: read in place of this process's own.

    Raises:
        EngineUnreachable: the command would stop, because a context is gone or broken, or an address is none.
    """
    if host := environment.get("DOCKER_HOST"):
        remedy = "correct it, or use this machine's own engine\n  unset DOCKER_HOST\n  labkit doctor"
        return EngineEndpoint(_checked(host, f"DOCKER_HOST is {host}", remedy), "DOCKER_HOST", remedy)
    folder = docker_folder(environment)
    settings, notes = _settings(folder / "config.json")
    name = environment.get("DOCKER_CONTEXT")
    leave = "unset DOCKER_CONTEXT" if name else "docker context use default"
    remedy = f"start that engine, or use this machine's own\n  {leave}\n  labkit doctor"
    name = name or settings.get("currentContext") or _DEFAULT
    if name == _DEFAULT:
        if not _has_docker(environment) and (service := adapters.podman.find_service(environment)) is not None:
            return replace(_of_podman(service), notes=notes)
        return EngineEndpoint(f"unix://{DEFAULT_SOCKET}", notes=notes)
    described = f'context "{name}"{" of DOCKER_CONTEXT" if environment.get("DOCKER_CONTEXT") else ""}'
    return replace(_of_context(name, described, folder / "contexts", remedy), notes=notes)


def _has_docker(environment: Mapping[str, str]) -> bool:
    """Whether this machine has an engine of Docker's, or a socket where one is expected, be it stopped."""
    places = os.pathsep.join([environment.get("PATH", os.defpath), _ENGINE_PLACES])
    return os.path.lexists(DEFAULT_SOCKET) or shutil.which("dockerd", path=places) is not None


def _of_podman(service: podman.PodmanService) -> EngineEndpoint:
    remedy = "start its service, and see what it says of itself\n  podman info\n  labkit doctor"
    host = _checked(service.host, f"{service.named_by} is {service.host}", remedy)
    return EngineEndpoint(host, service.named_by, remedy, unknown_to_docker=True)


def docker_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the docker command keeps its settings and contexts."""
    return Path(environment.get("DOCKER_CONFIG") or f"{environment.get('HOME', '')}/.docker")


def read_settings(environment: Mapping[str, str] = os.environ) -> DockerSettings:
    """The docker command's settings; without what it would warn of and skip."""
    return _settings(docker_folder(environment) / "config.json")[0]


def _settings(file: Path) -> tuple[DockerSettings, tuple[str, ...]]:
    """The docker command's settings, and why it would skip the file, if it would."""
    try:
        text = file.read_text(encoding="utf-8")
        settings = json.loads(text) if text.strip() else {}
    except (FileNotFoundError, NotADirectoryError):
        return {}, ()
    except (OSError, ValueError) as error:
        return {}, (f"{file} cannot be read: {error}",)
    if not isinstance(settings, dict):
        return {}, (f"{file} holds {json.dumps(settings)[:20]}, which is not an object",)
    wrong = [name for name, kind in _SETTINGS.items() if not isinstance(settings.get(name), kind | None)]
    if wrong:
        return {}, (f"{file}: {', '.join(wrong)} is of the wrong type",)
    return cast(DockerSettings, settings), ()


_SETTINGS = {"currentContext": str, "auths": dict, "credHelpers": dict, "credsStore": str, "proxies": dict}
"""What must be of which type; null is taken for what is not there."""


def _of_context(name: str, described: str, contexts: Path, remedy: str) -> EngineEndpoint:
    identifier = hashlib.sha256(name.encode()).hexdigest()
    file = contexts / "meta" / identifier / "meta.json"

    def broken(problem: str) -> EngineUnreachable:
        other = remedy.partition("\n")[2]
        return EngineUnreachable(
            _TRIED, f"{described} {problem}", f"use this machine's own engine\n{other}", elsewhere=True
        )

    try:
        metadata = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise broken(f"is chosen, and there is no such context in {contexts}") from None
    except (OSError, ValueError) as error:
        raise broken(f"is chosen, and its file {file} cannot be read: {error}") from None
    endpoints = metadata.get("Endpoints") if isinstance(metadata, dict) else None
    docker = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = docker.get("Host", "") if isinstance(docker, dict) else None
    if not isinstance(docker, dict) or not isinstance(host, str):
        raise broken(f"is chosen, and its file {file} names no engine")
    host = host or f"unix://{DEFAULT_SOCKET}"
    tls = contexts / "tls" / identifier / "docker"
    return EngineEndpoint(
        _checked(host, f"{described} names {host}", remedy),
        described,
        remedy,
        tls=tls if tls.is_dir() else None,
        verify=docker.get("SkipTLSVerify") is not True,
    )


def _checked(host: str, named: str, remedy: str) -> str:
    """An engine's address with a port, if it has to have one."""

    def wrong(problem: str) -> EngineUnreachable:
        other = remedy.partition("\n")[2]
        return EngineUnreachable(_TRIED, f"{named}: {problem}", f"correct it, or leave it out\n{other}", elsewhere=True)

    host = host.strip()
    if "://" not in host:
        host = f"tcp://{host}"
    try:
        parts = urlsplit(host)
        port = parts.port
    except ValueError as error:  # Such as "Port could not be cast to integer value" and "Invalid IPv6 URL".
        raise wrong(f"that is not an address: {error}") from None
    if parts.scheme not in _SCHEMES:
        raise wrong(f"the kit knows no engine at {parts.scheme}://, but at unix://, tcp:// and ssh://")
    if parts.scheme != "tcp" or port is not None:
        return host
    return f"tcp://{parts.netloc.rstrip(':') or 'localhost'}:{_TCP_PORT}{parts.path}"
