"""A provider of OAuth that lets everybody in as whoever is named: the least that an authenticator asks."""

from __future__ import annotations

import contextlib
import json
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit


class IdentityProvider(ThreadingHTTPServer):
    """It.

    Args:
        host: the address at which hub and browsers reach it.

    Attributes:
        account: who signs in next.
    """

    daemon_threads = True

    def __init__(self, host: str) -> None:
        super().__init__((host, 0), _Provider)
        self.account = ""
        self.address = f"http://{host}:{self.server_address[1]}"
        self.accounts: dict[str, str] = {}

    def new_ticket(self, account: str) -> str:
        """What stands for an account: a code first, then a token."""
        ticket = secrets.token_hex(8)
        self.accounts[ticket] = account
        return ticket


class _Provider(BaseHTTPRequestHandler):
    server: IdentityProvider

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/authorize":
            fields = {name: values[0] for name, values in parse_qs(url.query).items()}
            back = {"code": self.server.new_ticket(self.server.account), "state": fields["state"]}
            self.send_response(302)
            self.send_header("Location", f"{fields['redirect_uri']}?{urlencode(back)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self._send({"preferred_username": self.server.accounts[token]})

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        account = self.server.accounts.pop(form["code"][0])
        self._send({"access_token": self.server.new_ticket(account), "token_type": "Bearer"})

    def _send(self, value: dict[str, str]) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def identity_provider(host: str) -> Iterator[IdentityProvider]:
    """One that answers while the block runs.

    Args:
        host: as `IdentityProvider` has it.
    """
    with IdentityProvider(host) as provider:
        thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            provider.shutdown()
            thread.join()
