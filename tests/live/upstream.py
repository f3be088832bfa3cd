"""A registry on loopback that plays upstream, with the faults that upstream has, chosen by repository."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from labkit.lab.clean import remove_images
from labkit.lab.lab import Lab
from labkit.show.steps import Silent

FAULTS = ("hang", "denied", "missing", "limited", "broken", "cut")
_NAME = "labkit-upstream"
_ANSWERS = {
    "denied": (401, "UNAUTHORIZED", "authentication required"),
    "missing": (404, "MANIFEST_UNKNOWN", "manifest unknown"),
    "limited": (429, "TOOMANYREQUESTS", "toomanyrequests: You have reached your pull rate limit"),
    "broken": (500, "UNKNOWN", "internal error"),
}


def lab_of(lab: Lab, state: Path) -> Lab:
    """A lab for images from upstream, which has none yet, whatever another run has left.

    Args:
        lab: the lab that is up.
        state: the new one's.
    """
    own = Lab(replace(lab.configuration, name=_NAME, state=state), Silent())
    remove_images(own.engine())
    return own


@contextmanager
def faulty(registry: str) -> Iterator[str]:
    """A proxy before a registry: what lies under one of FAULTS meets that fault; gives its address."""
    ending = threading.Event()

    class FaultyDoor(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # a body that is sent behind its headers would wait for 40 ms

        def do_GET(self) -> None:
            fault = self.path.split("/")[2] if self.path.startswith("/v2/") and len(self.path) > 4 else ""
            if fault == "hang":
                ending.wait(60)
                self.close_connection = True
                return
            if fault in _ANSWERS:
                status, code, message = _ANSWERS[fault]
                self._answer(status, f'{{"errors":[{{"code":"{code}","message":"{message}"}}]}}'.encode())
                return
            self._pass_on(cut=fault == "cut" and "/blobs/" in self.path)

        do_HEAD = do_GET

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if status == 429:
                self.send_header("Retry-After", "1")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def _pass_on(self, *, cut: bool) -> None:
            upstream = http.client.HTTPConnection(registry, timeout=10)
            kept = {name: self.headers[name] for name in ("Accept",) if self.headers[name]}
            upstream.request(self.command, self.path, headers=kept)
            answer = upstream.getresponse()
            body = answer.read()
            upstream.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                    self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body[: len(body) // 2] if cut else body)
            self.close_connection = cut

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), FaultyDoor)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        ending.set()
        server.shutdown()
        server.server_close()


@contextmanager
def dying(registry: str, after: int) -> Iterator[str]:
    """A proxy before a registry that takes so many writes and then closes every connection; gives its address."""
    writes = iter(range(after))

    class DyingDoor(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # a body that is sent behind its headers would wait for 40 ms

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.command not in ("GET", "HEAD") and next(writes, None) is None:
                self.close_connection = True
                return
            upstream = http.client.HTTPConnection(registry, timeout=10)
            names = ("Accept", "Content-Type", "Content-Range")
            kept = {name: self.headers[name] for name in names if self.headers[name]}
            upstream.request(self.command, self.path, body=body or None, headers=kept)
            answer = upstream.getresponse()
            content = answer.read()
            upstream.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "date", "server", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_HEAD = do_POST = do_PUT = do_PATCH = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), DyingDoor)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
