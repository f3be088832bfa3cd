"""An API server on loopback: has the objects it is given, and writes down what it is asked. For tests and benches."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


class PaperCluster(ThreadingHTTPServer):
    """The server.

    Args:
        lists: the objects of each list, by its path.
        forbidden: the paths that the user may not read.
        answers: status and body of a path, whatever else there is.
    """

    daemon_threads = True

    def __init__(
        self,
        lists: Mapping[str, Sequence[Mapping[str, Any]]],
        forbidden: Sequence[str] = (),
        answers: Mapping[str, tuple[int, bytes]] | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lists = lists
        self.forbidden = forbidden
        self.answers = answers or {}
        self.asked: list[tuple[str, str, str]] = []
        self.expired: set[str] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def write_kubeconfig(self, file: Path, **user: Any) -> Path:
        """A kubeconfig whose current context is `paper`, namespace shop."""
        document = {
            "current-context": "paper",
            "clusters": [{"name": "c", "cluster": {"server": self.address}}],
            "users": [{"name": "u", "user": user or {"token": "t"}}],
            "contexts": [{"name": "paper", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
        }
        file.write_text(json.dumps(document), encoding="utf-8")
        return file


class _Handler(BaseHTTPRequestHandler):
    server: PaperCluster
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body that is sent behind its headers would wait for 40 ms

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append((self.command, parts.path, parts.query))
        if parts.path in self.server.answers:
            self._send(*self.server.answers[parts.path])
        elif parts.path in self.server.forbidden:
            self._problem(403, f'User "u" cannot list resource at {parts.path}')
        elif parts.path in self.server.lists:
            self._page(parts.path, query)
        else:
            self._problem(404, "the server could not find the requested resource")

    def _page(self, path: str, query: Mapping[str, str]) -> None:
        begin, limit = int(query.get("continue", "0")), int(query.get("limit", "0"))
        if begin and path in self.server.expired:
            self.server.expired.discard(path)
            body = {"kind": "Status", "message": "expired", "metadata": {"continue": str(begin)}}
            self._send(410, json.dumps(body).encode())
            return
        objects = self.server.lists[path]
        end = min(begin + limit, len(objects)) if limit else len(objects)
        metadata = {"continue": str(end)} if end < len(objects) else {}
        self._send(200, json.dumps({"metadata": metadata, "items": objects[begin:end]}).encode())

    def _problem(self, status: int, message: str) -> None:
        self._send(status, json.dumps({"kind": "Status", "message": message}).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _other(self) -> None:
        self.server.asked.append((self.command, self.path, ""))
        self._problem(405, "no")

    do_POST = do_PUT = do_PATCH = do_DELETE = _other


@contextlib.contextmanager
def paper_cluster(*arguments: Any, **options: Any) -> Iterator[PaperCluster]:
    """A server that answers while the block runs."""
    with PaperCluster(*arguments, **options) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def pod(name: str, owner: tuple[str, str] | None = None, **parts: Any) -> dict[str, Any]:
    """A pod of namespace shop, with one container `app`.

    Args:
        name: its name.
        owner: kind and uid of its owner, whose name is that uid's.
        parts: uid (as whom it runs), image, context (the container's), spec, annotations, labels, waiting.
    """
    metadata: dict[str, Any] = {"name": name, "namespace": "shop", "uid": f"uid-{name}"}
    metadata |= {key: parts[key] for key in ("annotations", "labels") if key in parts}
    if owner is not None:
        reference = {"kind": owner[0], "name": owner[1], "uid": owner[1], "controller": True}
        metadata["ownerReferences"] = [reference]
    image = parts.get("image", "app:1")
    status: dict[str, Any] = {"name": "app", "imageID": f"{image}@sha256:aa", "state": {"running": {}}}
    if "uid" in parts:
        status["user"] = {"linux": {"uid": parts["uid"], "gid": parts["uid"], "supplementalGroups": [parts["uid"]]}}
    if "waiting" in parts:
        reason, message = parts["waiting"]
        status["state"] = {"waiting": {"reason": reason, "message": message}}
    container = {"name": "app", "image": image, "securityContext": parts.get("context", {})}
    return {
        "metadata": metadata,
        "spec": {"containers": [container], **parts.get("spec", {})},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


def workload(name: str, spec: Mapping[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """A Deployment, or whatever the list that it stands in holds, of namespace shop; its uid is its name."""
    template = {"spec": {"containers": [{"name": "app", "image": "app:1"}], **(spec or {})}}
    return {"metadata": {"name": name, "namespace": "shop", "uid": name, **metadata}, "spec": {"template": template}}
