"""Reading an image through the engine's own socket, with Python alone.

`labkit explain` asks for one image and ends. The SDK behind `labkit.adapters.engine` takes longer to import than all of
that takes; so this reads what `explain` needs, and nothing else uses it. Where the engine is reached in another way (by
TCP, by SSH), the SDK does it.
(moby/moby:api/swagger.yaml; paths without a version mean the newest that the engine has)
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from labkit import adapters
from labkit.adapters.engine_answers import (
    EngineInfo,
    EngineVersion,
    InspectedImage,
    PathInImage,
    is_from_podman,
    mapped_ids,
    paths_in,
    read_inspected,
    read_path,
    runc_version,
)
from labkit.adapters.engine_endpoint import EngineUnreachable, choose_endpoint
from labkit.base.errors import LabFailed
from labkit.base.log import logged_request

_SECONDS = 10.0


def socket_path(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The engine's socket, if the docker command would use one of this machine; what is in its way, the SDK says."""
    try:
        return choose_endpoint(environment).socket
    except EngineUnreachable:
        return None


class SocketConnection(http.client.HTTPConnection):
    """HTTP over a socket of this machine.

    Args:
        path: of the socket.
        seconds: the timeout of each request.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class EngineSocket:
    """An engine that answers on a socket of this machine, with a connection for each request.

    Args:
        path: of the socket.
        labels: of the container that stands for an image while files are read from it, so that `labkit clean` finds it.
    """

    def __init__(self, path: Path, labels: Mapping[str, str]) -> None:
        self._path = path
        self._labels = labels
        self._is_podman = False

    def answers(self) -> bool:
        """Whether an engine answers there, and we may talk to it."""
        try:
            self._json("GET", "/_ping", "Connecting to the engine")
        except LabFailed:
            return False
        return True

    @property
    def is_podman(self) -> bool:
        """Whether the last answer was podman's."""
        return self._is_podman

    def version(self) -> EngineVersion:
        """What `docker version` tells of the server; nothing if it knows no such question."""
        return self._json("GET", "/version", "Asking the engine for its version") or EngineVersion()

    def close(self) -> None:
        """Nothing is left open: each request has closed its connection."""

    def runc_version(self) -> tuple[int, int] | None:
        """Major and minor of the engine's runc, None if the engine does not say."""
        return runc_version(self.version())

    def mapped_ids(self) -> int | None:
        """How many ids its containers have; None for all."""
        info: EngineInfo | None = self._json("GET", "/info", "Asking the engine about itself")
        return mapped_ids(info) if info else None

    def image(self, reference: str) -> InspectedImage | None:
        """What `docker image inspect` tells, None if the engine has no such image.

        Raises:
            LabFailed: it is no reference, or the engine has stopped answering.
        """
        answer = self._json("GET", f"/images/{quote(reference, safe='/:@')}/json", f"Inspecting {reference}")
        return None if answer is None else read_inspected(answer)

    def container_id(self, name: str) -> str | None:
        """The id of a container, None if the engine has none of that name or id.

        Raises:
            LabFailed: the engine has stopped answering.
        """
        answer = self._json("GET", f"/containers/{quote(name, safe='')}/json", f"Inspecting container {name}")
        return None if answer is None else str(answer["Id"])

    def look_inside(self, reference: str, paths: Sequence[str]) -> dict[str, PathInImage | None]:
        """Files of an image, read as `docker cp` does from a container that is never started; None where there is none.

        Raises:
            LabFailed: the engine cannot do it.
        """
        trying = f"Looking into {reference}"
        body = {"Image": reference, "Cmd": ["none"], "Labels": dict(self._labels)}
        container = (self._json("POST", "/containers/create", trying, body) or {}).get("Id")
        if not container:
            raise LabFailed(trying, "the engine has no such image any more", "see which it has\n  docker images")
        try:
            if self._is_podman:
                return self._exported(container, paths, trying)
            return {path: self._file(container, path, trying) for path in paths}
        finally:
            self._json("DELETE", f"/containers/{container}?force=1&v=1", trying)

    def _exported(self, container: str, paths: Sequence[str], trying: str) -> dict[str, PathInImage | None]:
        """The same of an engine of podman's, whose archives of a path do not tell owners."""
        with self._response("GET", f"/containers/{container}/export", trying) as response:
            pieces = iter(lambda: response.read(1 << 20), b"")
            with adapters.podman.ExportedFiles(pieces) as files:
                return paths_in(files, paths)

    def _file(self, container: str, path: str, trying: str) -> PathInImage | None:
        address = f"/containers/{container}/archive?{urlencode({'path': path})}"
        with self._response("GET", address, trying) as response:
            if response.status == http.client.NOT_FOUND:
                return None
            return read_path(response)

    def _json(self, method: str, path: str, trying: str, body: object = None) -> Any:
        """What the engine answers; None if there is nothing of that name."""
        with self._response(method, path, trying, body) as response:
            text = response.read()
            if response.status == http.client.NOT_FOUND:
                return None
            is_json = response.getheader("Content-Type", "").startswith("application/json")
            return json.loads(text) if is_json and text else None

    @contextlib.contextmanager
    def _response(self, method: str, path: str, trying: str, body: object = None) -> Iterator[http.client.HTTPResponse]:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        try:
            with contextlib.closing(SocketConnection(self._path, _SECONDS)) as connection:
                with logged_request("engine", method, path.partition("?")[0]) as attempt:
                    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
                    response = connection.getresponse()
                    attempt.status = response.status
                self._is_podman = is_from_podman(response.getheader("Server", ""))
                if response.status >= http.client.BAD_REQUEST and response.status != http.client.NOT_FOUND:
                    raise LabFailed(trying, _message(response.read()), "look at the engine\n  labkit doctor")
                yield response
        except (OSError, http.client.HTTPException, tarfile.TarError, ValueError) as error:
            raise LabFailed(trying, f"the engine stopped answering: {error}", "bring it back\n  labkit up") from error


def _message(body: bytes) -> str:
    """What an engine gives as the reason of a failure."""
    with contextlib.suppress(ValueError):
        answer = json.loads(body)
        if isinstance(answer, dict) and answer.get("message"):
            return str(answer["message"])
    return body.decode("utf-8", "replace").strip() or "it gave no reason"
