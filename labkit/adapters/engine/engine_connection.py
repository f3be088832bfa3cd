"""The connection to an engine, and what an engine says of itself."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import urlsplit

import docker
import requests
from docker.tls import TLSConfig
from docker.utils import config, kwargs_from_env

from labkit.adapters import podman
from labkit.adapters.engine.engine_errors import doing, unreachable
from labkit.adapters.engine_answers import EngineInfo, EngineVersion, is_from_podman, mapped_ids, runc_version
from labkit.adapters.engine_endpoint import EngineEndpoint, choose_endpoint, read_settings
from labkit.base.configuration import LABEL, Configuration
from labkit.base.log import logged_request
from labkit.core.causes import Cause
from labkit.core.identity.engine_messages import cause_in_user_namespace, cause_of_engine_error

_CONNECT_SECONDS = 10
_LOOK_SECONDS = 30.0
_LOOK = re.compile(r"/_ping|/info|/version|/networks|/volumes|/\w+(/.+)?/json|/(networks|volumes)/.+")
"""The paths of requests that only ask, which an engine answers at once (moby/moby:api/swagger.yaml)."""
_CHANGE_SECONDS = 120.0
"""How long an engine may take to make, start, stop or remove something, be its disk ever so busy."""
_WORK_SECONDS = 600.0
"""How long it may say nothing while it builds, loads, saves or commits: a step of a build may print nothing."""
_WORK = re.compile(r"/build|/commit|/images/(load|create|get|.+/(get|push))|/containers/.+/(archive|export)|/system/df")
_AS_LONG_AS_IT_RUNS = re.compile(r"/containers/.+/(attach|wait)|/exec/.+/start|/distribution/.+")
"""What lasts as long as a container or a registry does; whoever asks has a deadline of their own."""


def _load_general_config(_: object = None) -> dict[str, object]:
    """The docker command's settings, as the SDK asks for them.

    The SDK's own function gives whatever the file holds, and fails later, by an exception of Python's, on what the
    docker command warns of and skips.
    """
    # It reads the file itself where it is given nothing.
    return {"auths": {}, **read_settings()}


cast(Any, config).load_general_config = _load_general_config


def timeout_of(method: str, path: str) -> float | None:
    """How many seconds an engine may send nothing while it answers a request; None for as long as it likes.

    Args:
        method: the request's.
        path: its path, with the version of the API or without.
    """
    path = re.sub(r"^/v[\d.]+(?=/)", "", path)
    if _AS_LONG_AS_IT_RUNS.fullmatch(path):
        return None
    if _WORK.fullmatch(path):
        return _WORK_SECONDS
    return _LOOK_SECONDS if method in ("GET", "HEAD") and _LOOK.fullmatch(path) else _CHANGE_SECONDS


class _LoggedApi(docker.APIClient):
    """The SDK's low-level client, with a record of each request."""

    is_podman = False
    """Whether the last answer was podman's."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        path = urlsplit(request.url or "").path
        options["timeout"] = options.get("timeout") or timeout_of(request.method or "", path)
        with logged_request("engine", request.method or "", path) as attempt:
            response = super().send(request, **options)
            attempt.status = response.status_code
        self.is_podman = is_from_podman(response.headers.get("Server", ""))
        return response

    def _disable_socket_timeout(self, socket: object) -> None:
        """Leave a stream its timeout, which the SDK would take away."""

    def _result(self, response: requests.Response, json: bool = False, binary: bool = False) -> Any:
        answer = super()._result(response, json, binary)  # type: ignore[misc]
        if json and not isinstance(answer, dict | list):
            raise docker.errors.DockerException(f"{str(answer)[:80]!r} is not an engine's answer")
        return answer


class _LoggedClient(docker.DockerClient):
    """The SDK's client, on such a low-level one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.api = _LoggedApi(*arguments, **options)


class EngineConnection:
    """A connection to an engine that answers; close it, or use it in a `with`."""

    def __init__(
        self, client: docker.DockerClient, configuration: Configuration, endpoint: EngineEndpoint | None = None
    ) -> None:
        self._client = client
        self._endpoint = endpoint
        # The SDK's low-level API is typed in parts only.
        self._api: Any = client.api
        self._configuration = configuration
        # The images that steps of builds on this connection made, by the beginning of their ids.
        self._steps: set[str] = set()

    @classmethod
    def connect(cls, configuration: Configuration) -> Self:
        """Connect to the engine that the docker command would use.

        Raises:
            EngineUnreachable: nothing answers, we may not talk to it, or the command would not know where to look.
        """
        endpoint = choose_endpoint()
        try:
            if endpoint.socket is not None:
                _try_socket(endpoint.socket)  # Where nobody answers, the SDK would leave a socket of its own open.
            client = _LoggedClient(timeout=_CONNECT_SECONDS, **_options(endpoint))
            client.ping()
        except Exception as error:  # An address or a certificate that is none is any of Python's own, such as OSError.
            raise unreachable(error, endpoint) from None
        # Builds and runs take their time: each request has the timeout of its kind, see `timeout_of`.
        cast(Any, client.api).timeout = None
        return cls(client, configuration, endpoint)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def info(self) -> EngineInfo:
        """What `docker info` tells."""
        with doing("Asking the engine about itself"):
            return cast(EngineInfo, self._api.info())

    def version(self) -> EngineVersion:
        """What `docker version` tells of the server."""
        with doing("Asking the engine for its version"):
            return cast(EngineVersion, self._api.version())

    @property
    def is_podman(self) -> bool:
        """Whether it is podman that answers in Docker's place."""
        return bool(getattr(self._api, "is_podman", False))

    @property
    def name(self) -> str:
        """What the engine is called."""
        return podman.CLIENT if self.is_podman else "Docker"

    @property
    def client(self) -> str:
        """The command that one types for this engine, and that kind runs."""
        return podman.CLIENT if self.is_podman else "docker"

    def client_environment(self) -> dict[str, str]:
        """The environment in which that command, be it run by kind, uses this engine and no other."""
        if self._endpoint is None:
            return dict(os.environ)
        own = podman.client_variables(self._endpoint.host) if self.is_podman else {}
        return {**os.environ, **self._endpoint.variables, **own}

    def runc_version(self) -> tuple[int, int] | None:
        """Major and minor of the engine's runc, None if the engine does not say."""
        return runc_version(self.version())

    def mapped_ids(self) -> int | None:
        """How many ids its containers have; None for all."""
        return mapped_ids(self.info())

    def cause_of(self, message: str) -> Cause | None:
        """The cause that its words for a refusal stand for; None if they are none that the kit knows."""
        return cause_in_user_namespace(cause_of_engine_error(message), message, lambda: self.mapped_ids() is not None)

    def _architecture(self) -> str:
        return str(self.version().get("Arch", "amd64"))

    def has_containerd_store(self) -> bool:
        """Whether images live in containerd's store, where an image may hold several platforms."""
        return any("io.containerd.snapshotter" in part for _, part in self.info().get("DriverStatus") or [])

    def disk_usage(self) -> int:
        """Bytes that images, containers and volumes take, shared layers counted once."""
        with doing("Measuring the engine's disk"):
            usage = self._api.df()
        containers = sum(int(container.get("SizeRw") or 0) for container in usage.get("Containers") or [])
        volumes = sum(int((volume.get("UsageData") or {}).get("Size") or 0) for volume in usage.get("Volumes") or [])
        return int(usage.get("LayersSize") or 0) + containers + max(volumes, 0)

    def _labelled(self, kind: str, find: Callable[[object], Any], more: Sequence[str] = ()) -> list[str]:
        """The names of things that carry this lab's label.

        Args:
            kind: what they are, for the error.
            find: lists them, given the filters.
            more: other labels that they have to carry.
        """
        with doing(f"Listing the lab's {kind}"):
            listed = find({"label": [f"{LABEL}={self._configuration.name}", *more]})
        return [str(entry["Names"][0]).lstrip("/") if entry.get("Names") else str(entry["Name"]) for entry in listed]


def _try_socket(path: Path) -> None:
    """Raise what the system says if nobody listens on a socket; what an engine that has stopped left is such a one."""
    with socket.socket(socket.AF_UNIX) as attempt:
        attempt.settimeout(_CONNECT_SECONDS)
        attempt.connect(str(path))


def _options(endpoint: EngineEndpoint) -> Mapping[str, object]:
    """The SDK's options for an engine."""
    if endpoint.is_default or endpoint.chosen_by == "DOCKER_HOST":
        return {**kwargs_from_env(os.environ), "base_url": endpoint.host}
    if endpoint.tls is None:
        return {"base_url": endpoint.host}
    certificate = (str(endpoint.tls / "cert.pem"), str(endpoint.tls / "key.pem"))
    authority = str(endpoint.tls / "ca.pem")
    tls = TLSConfig(client_cert=certificate, ca_cert=authority, verify=endpoint.verify)
    return {"base_url": endpoint.host, "tls": tls}
