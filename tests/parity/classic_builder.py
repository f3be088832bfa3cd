"""What the engine's own builder makes of a Dockerfile: really built, over the engine's socket, and removed again."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import re
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

from labkit.adapters.engine_socket import SocketConnection
from tests.parity.dockerfile_cases import BASES, DockerfileCase

_SECONDS = 120
_STEP = re.compile(r" ---> ([0-9a-f]{12})")


@dataclass(frozen=True)
class Built:
    """What became of a build.

    Args:
        ok: whether it went through.
        user: the image's Config.User; empty where it did not.
        message: the builder's words where it did not.
    """

    ok: bool
    user: str = ""
    message: str = ""


class ClassicBuilder:
    """Builds Dockerfiles with the engine's classic builder. A context manager, whose end removes all images again.

    Args:
        path: the engine's socket.
        labels: for every image.
        prefix: what stands before the names of the bases.
    """

    def __init__(self, path: Path, labels: Mapping[str, str], prefix: str) -> None:
        self._connection = SocketConnection(path, _SECONDS)
        self._labels, self._prefix = dict(labels), prefix
        self._made: dict[str, None] = {}

    def __enter__(self) -> Self:
        for name, base in BASES.items():
            lines = ["FROM scratch", *(f"ENV {pair}" for pair in base["env"]), f"USER {base['user'] or chr(34) * 2}"]
            lines += [f"ONBUILD {line}" for line in base["on_build"]]
            built = self.build(DockerfileCase("\n".join(lines).encode()), tag=self._prefix + name)
            assert built == Built(True, base["user"]), built
        return self

    def __exit__(self, *_: object) -> None:
        for name in (*(self._prefix + base for base in BASES), *reversed(self._made)):
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._ask("DELETE", f"/images/{quote(name, safe='')}?force=1")
        self._connection.close()

    def build(self, case: DockerfileCase, tag: str = "", *, labelled: bool = True) -> Built:
        """Build a Dockerfile without files beside it.

        Args:
            case: the Dockerfile.
            tag: a name for the image.
            labelled: whether the builder adds labels, which is an instruction more.
        """
        query = {"version": "1", "rm": "1", "forcerm": "1", "buildargs": json.dumps(case.arguments)}
        query |= {"target": case.target} if case.target else {}
        query |= {"t": tag} if tag else {}
        query |= {"labels": json.dumps(self._labels)} if labelled else {}
        status, data = self._ask("POST", f"/build?{urlencode(query)}", _context(case.dockerfile))
        if status != http.client.OK:
            return Built(False, message=str(json.loads(data)["message"]))
        return self._outcome([json.loads(line) for line in data.splitlines()])

    def build_all(self, cases: Iterable[DockerfileCase]) -> list[Built]:
        """Build many, one after another."""
        return [self.build(case) for case in cases]

    def _outcome(self, lines: list[dict[str, Any]]) -> Built:
        identifier = ""
        for line in lines:
            self._made |= dict.fromkeys(_STEP.findall(line.get("stream", "")))
            if "error" in line:
                return Built(False, message=str(line["error"]))
            identifier = line.get("aux", {}).get("ID", identifier)
        status, data = self._ask("GET", f"/images/{identifier}/json")
        assert status == http.client.OK, data
        self._made[identifier] = None
        return Built(True, json.loads(data)["Config"].get("User") or "")

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        try:
            self._connection.request(method, path, body, {"Content-Type": "application/x-tar"} if body else {})
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            # A builder that crashes closes the connection; the next request opens one again.
            self._connection.close()
            raise


def _context(dockerfile: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(dockerfile)
        tar.addfile(info, io.BytesIO(dockerfile))
    return packed.getvalue()
