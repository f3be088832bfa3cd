"""The connection to an engine, and what an engine says of itself."""

from __future__ import annotations

from typing import Any, Self, cast
from urllib.parse import urlsplit

import docker
import requests
from docker.errors import DockerException

from labkit.adapters.engine.engine_errors import EngineUnreachable, doing, why_unreachable
from labkit.adapters.engine_answers import EngineInfo, EngineVersion, runc_version
from labkit.base.configuration import Configuration
from labkit.base.log import logged_request

_CONNECT_SECONDS = 10


class _LoggedApi(docker.APIClient):
    """The SDK's low-level client, with a record of each request."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        with logged_request("engine", request.method or "", urlsplit(request.url or "").path) as attempt:
            response = super().send(request, **options)
            attempt.status = response.status_code
        return response


class _LoggedClient(docker.DockerClient):
    """The SDK's client, on such a low-level one."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.api = _LoggedApi(*arguments, **options)


class EngineConnection:
    """A connection to an engine that answers; close it, or use it in a `with`."""

    def __init__(self, client: docker.DockerClient, configuration: Configuration) -> None:
        self._client = client
        # The SDK's low-level API is typed in parts only.
        self._api: Any = client.api
        self._configuration = configuration
        # The images that steps of builds on this connection made, by the beginning of their ids.
        self._steps: set[str] = set()

    @classmethod
    def connect(cls, configuration: Configuration) -> Self:
        """Connect to the engine that the docker command would use.

        Raises:
            EngineUnreachable: nothing answers, or we may not talk to it.
        """
        try:
            client = _LoggedClient.from_env(timeout=_CONNECT_SECONDS)
            client.ping()
        except (DockerException, requests.exceptions.RequestException) as error:
            raise EngineUnreachable("Connecting to the engine", *why_unreachable(error)) from None
        # Builds and runs take their time; what must not hang has a deadline of its own.
        cast(Any, client.api).timeout = None
        return cls(client, configuration)

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

    def runc_version(self) -> tuple[int, int] | None:
        """Major and minor of the engine's runc, None if the engine does not say."""
        return runc_version(self.version())

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
