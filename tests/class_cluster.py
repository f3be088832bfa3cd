"""An API server on loopback that keeps what it is given, for the commands of a class: no kubelet, no controllers."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from labkit.adapters.kube.user_kubeconfig import ClusterAccess


class KeepingCluster(ThreadingHTTPServer):
    """The server.

    Attributes:
        kept: object by path.
        unknown: resources that this cluster does not have, as an older Kubernetes.
        denied: verb and resource that the user may not; the reviews and the requests say so.
        forbidden: a text, and what a policy says to whatever has it in it; empty for no policy.
        is_silent: whether Deployments never become ready.
        changes: the method and path of each request that changed something.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Keeper)
        self.kept: dict[str, dict[str, Any]] = {}
        self.denied: set[tuple[str, str]] = set()
        self.unknown: set[str] = set()
        self.is_silent = False
        self.forbidden = ("", "")
        self.changes: list[str] = []

    @property
    def access(self) -> ClusterAccess:
        """How it is reached."""
        address = f"http://127.0.0.1:{self.server_address[1]}"
        # No certificates are needed, and loading them takes a while.
        parameters = {"base_url": address, "trust_env": False, "verify": False, "timeout": 5}
        return ClusterAccess("paper", "default", address, parameters)

    def put(self, path: str, **parts: Any) -> None:
        """Have an object there already."""
        name = path.rpartition("/")[2]
        self.kept[path] = {**parts, "metadata": {"name": name, "labels": {}, **parts.get("metadata", {})}}

    def names(self, resource: str) -> set[str]:
        """The names of all that is kept of a resource."""
        return {path.rpartition("/")[2] for path in self.kept if path.split("/")[-2] == resource}


class _Keeper(BaseHTTPRequestHandler):
    server: KeepingCluster
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = urlsplit(self.path).path.lstrip("/")
        if _is_object(path) and self._is_denied("get", path.split("/")[-2] if "/" in path else path):
            return
        if path in self.server.kept:
            self._send(200, self.server.kept[path])
            return
        folder = path.rpartition("/")[2]
        if self._is_denied("list", folder):
            return
        selector = parse_qs(urlsplit(self.path).query).get("labelSelector", [""])[0]
        wanted = dict(part.split("=") for part in selector.split(",") if part)
        items = [
            stored
            for place, stored in self.server.kept.items()
            if place.rpartition("/")[0] == path and wanted.items() <= (stored["metadata"].get("labels") or {}).items()
        ]
        is_list = folder.endswith("s") and not _is_object(path)
        self._send(200, {"metadata": {}, "items": items}) if is_list else self._problem(404, "not found")

    def do_PATCH(self) -> None:
        self._keep(urlsplit(self.path).path.lstrip("/"))

    def do_POST(self) -> None:
        path = urlsplit(self.path).path.lstrip("/")
        if path.endswith("selfsubjectaccessreviews"):
            asked = self._body()["spec"]["resourceAttributes"]
            is_allowed = (asked["verb"], asked["resource"]) not in self.server.denied
            self._send(201, {"status": {"allowed": is_allowed}})
            return
        self._keep(path, is_new=True)

    def do_DELETE(self) -> None:
        path = urlsplit(self.path).path.lstrip("/")
        if self._is_denied("delete", path.split("/")[-2]):
            return
        self.server.changes.append(f"DELETE {path}")
        inside = f"/namespaces/{path.rpartition('/')[2]}/" if "/namespaces/" in path else "none"
        there = [place for place in self.server.kept if place == path or (path.count("/") == 3 and inside in place)]
        for place in there:
            del self.server.kept[place]
        self._send(200, {"kind": "Status"}) if there else self._problem(404, "not found")

    def _keep(self, path: str, *, is_new: bool = False) -> None:
        manifest = self._body()
        path = f"{path}/{manifest['metadata']['name']}" if is_new else path
        if path.split("/")[-2] in self.server.unknown:
            self._problem(404, "the server could not find the requested resource")
            return
        if self._is_denied("create", path.split("/")[-2]):
            return
        sign, message = self.server.forbidden
        if sign and sign in json.dumps(manifest):
            self._problem(403, message)
            return
        if "dryRun" not in self.path:
            self.server.changes.append(f"{self.command} {path}")
            if manifest["kind"] == "Deployment" and not self.server.is_silent:
                manifest["status"] = {"updatedReplicas": 1, "readyReplicas": 1}
            if manifest["kind"] == "Secret":
                data = {name: base64.b64encode(text.encode()).decode() for name, text in manifest["stringData"].items()}
                manifest["data"] = data
            self.server.kept[path] = manifest
        self._send(200, manifest)

    def _is_denied(self, verb: str, resource: str) -> bool:
        if (verb, resource) not in self.server.denied:
            return False
        self._problem(403, f'{resource} is forbidden: User "u" cannot {verb} resource "{resource}"')
        return True

    def _body(self) -> dict[str, Any]:
        value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(value, dict)
        return value

    def _problem(self, status: int, message: str) -> None:
        self._send(status, {"kind": "Status", "message": message})

    def _send(self, status: int, value: Mapping[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _is_object(path: str) -> bool:
    """Whether a path names an object, not a list: behind the plural comes a name."""
    parts = path.split("/")
    start = 2 if parts[0] == "api" else 3
    rest = parts[start:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return len(rest) != 1


@contextlib.contextmanager
def keeping_cluster() -> Iterator[KeepingCluster]:
    """A server that answers while the block runs."""
    with KeepingCluster() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
