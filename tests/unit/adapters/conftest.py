"""An engine and an API server that give prepared answers."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class AnswersServer(ThreadingHTTPServer):
    """Gives each path its prepared answer, and 404 to all others.

    Args:
        answers: path, without the query -> status and JSON.
        goes_on: whether an answer that is followed goes on, until the server ends.
        answer_seconds: how long each answer takes, as on a busy machine.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _AnswersHandler)
        self.answers: dict[str, tuple[int, Any]] = {}
        self.queries: list[str] = []
        self.goes_on = True
        self.answer_seconds = 0.0
        self.ended = threading.Event()
        self.warnings: list[str] = []

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_port}"


class _AnswersHandler(BaseHTTPRequestHandler):
    server: AnswersServer

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.server.queries.append(query)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.ended.wait(self.server.answer_seconds)
        if "follow=true" in query and self.server.goes_on:
            self.send_response(200)
            self.end_headers()
            self.server.ended.wait()
            return
        status, answer = self.server.answers.get(path, (404, {"message": "there is none"}))
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for warning in self.server.warnings:
            self.send_header("Warning", warning)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PATCH = do_GET

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing on stderr."""


@pytest.fixture
def server() -> Iterator[AnswersServer]:
    """A server on loopback."""
    with AnswersServer() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.ended.set()
        server.shutdown()


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """What the kit's loggers record."""
    monkeypatch.setattr(logging.getLogger("labkit"), "propagate", True)
    caplog.set_level(logging.DEBUG, "labkit")
    return caplog


def outcomes(records: pytest.LogCaptureFixture) -> list[str]:
    """What was recorded, without the seconds."""
    return [message.rpartition(", ")[0] for message in records.messages]
