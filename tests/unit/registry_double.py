"""A registry on loopback that answers as a test wants it to, well or badly."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
Handler = Callable[[BaseHTTPRequestHandler], None]


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def layer(files: Mapping[str, str]) -> bytes:
    """A layer with some files."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(content.getvalue(), mtime=0)


def write_layout(folder: Path, config: Mapping[str, Any], *layers: bytes) -> None:
    """An OCI layout of one image, such as a registry gets it pushed."""

    def written(content: bytes, kind: str) -> dict[str, Any]:
        digest = digest_of(content)
        path = folder / "blobs" / "sha256" / digest.partition(":")[2]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {"mediaType": kind, "digest": digest, "size": len(content)}

    whole = {
        "os": "linux",
        "architecture": "amd64",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [digest_of(gzip.decompress(content)) for content in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": written(json.dumps(whole).encode(), CONFIG),
        "layers": [written(content, "application/vnd.oci.image.layer.v1.tar+gzip") for content in layers],
    }
    index = {"schemaVersion": 2, "manifests": [written(json.dumps(manifest).encode(), MANIFEST)]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


@dataclass
class RegistryDouble:
    """What it holds and what it was asked.

    Args:
        host: HOST:PORT.
        answers: by path, with status, content type and content.
        handlers: by path: what answers otherwise.
        requests: method, path and Authorization of each request.
        token: without it as a bearer's, nobody gets anything, if it is set.
    """

    host: str
    answers: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    handlers: dict[str, Handler] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    token: str = ""

    def add_blob(self, repository: str, content: bytes) -> str:
        digest = digest_of(content)
        self.answers[f"/v2/{repository}/blobs/{digest}"] = (200, "application/octet-stream", content)
        return digest

    def add_manifest(self, repository: str, manifest: Mapping[str, Any], tag: str = "") -> str:
        content = json.dumps(manifest).encode()
        digest = digest_of(content)
        for version in filter(None, (digest, tag)):
            self.answers[f"/v2/{repository}/manifests/{version}"] = (200, str(manifest["mediaType"]), content)
        return digest

    def add_image(
        self,
        name: str,
        user: str | None,
        *,
        layers: tuple[bytes, ...] = (),
        config: Mapping[str, Any] | None = None,
        **of_image: Any,
    ) -> str:
        """An image, by repository:tag; gives its digest."""
        repository, _, tag = name.partition(":")
        whole = {"os": "linux", "architecture": "amd64", "config": {"User": user, **(config or {})}, **of_image}
        content = json.dumps(whole).encode()
        blobs = [{"digest": self.add_blob(repository, blob), "size": len(blob)} for blob in layers]
        descriptor = {"mediaType": CONFIG, "digest": self.add_blob(repository, content), "size": len(content)}
        return self.add_manifest(repository, {"mediaType": MANIFEST, "config": descriptor, "layers": blobs}, tag)

    def add_index(self, name: str, images: Mapping[str, str]) -> str:
        """An index of images by platform."""
        repository, _, tag = name.partition(":")
        entries = []
        for platform, digest in images.items():
            system, architecture, *variant = platform.split("/")
            described = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
            entries.append({"digest": digest, "platform": described})
        return self.add_manifest(repository, {"mediaType": INDEX, "manifests": entries}, tag)

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, _, _ = request.path.partition("?")
        authorization = request.headers.get("Authorization") or ""
        self.requests.append((request.command, request.path, authorization))
        if path in self.handlers:
            self.handlers[path](request)
        elif path == "/token":
            send(request, 200, json.dumps({"token": self.token}).encode())
        elif self.token and authorization != f"Bearer {self.token}":
            challenge = f'Bearer realm="http://{self.host}/token",service="double"'
            send(request, 401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', {"WWW-Authenticate": challenge})
        elif path in self.answers:
            status, kind, content = self.answers[path]
            send(request, status, content, {"Content-Type": kind, "Docker-Content-Digest": digest_of(content)})
        else:
            send(request, 404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')


def send(
    request: BaseHTTPRequestHandler, status: int, content: bytes = b"", headers: Mapping[str, str] | None = None
) -> None:
    """Answer a request."""
    request.send_response(status)
    for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
        request.send_header(name, value)
    request.end_headers()
    if request.command != "HEAD":
        with contextlib.suppress(OSError):
            request.wfile.write(content)


@contextlib.contextmanager
def running_registry() -> Iterator[RegistryDouble]:
    """A registry on a free port of loopback."""

    class Requests(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            double.answer(self)

        do_HEAD = do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Requests) as server:
        server.daemon_threads = True
        double = RegistryDouble(f"127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield double
        finally:
            server.shutdown()
            thread.join()
