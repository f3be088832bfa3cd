"""The only file that asks the instructor's machine: by TLS with a known certificate, in bounded time and size."""

from __future__ import annotations

import contextlib
import hmac
import http.client
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from labkit.base.addresses import fingerprint_of
from labkit.base.errors import LabFailed, Misuse
from labkit.base.log import logged_request

LEAST_DIGITS = 20
"""Of a fingerprint: 80 bits, which nobody makes another certificate for, and which can be typed from a screen."""

_FINGERPRINT = re.compile(rf"sha256:[0-9a-f]{{{LEAST_DIGITS},64}}")
_ANSWER_BYTES = 4096
_SECONDS = 8.0


class NoAnswer(LabFailed):
    """Nothing answers there now; it may do so later."""


@dataclass(frozen=True)
class ClassAnswer:
    """What the instructor's machine answers.

    Args:
        status: of HTTP.
        problem: why it refuses, as it says; empty if it does not.
    """

    status: int
    problem: str


@dataclass(frozen=True)
class ClassClient:
    """Requests to the instructor's machine.

    Args:
        host: its address.
        port: of it.
        fingerprint: what its certificate's begins with, as sha256:HEX; empty for plain HTTP, on loopback and to
            the hub of a class on a cluster, by the cluster's own network.
        seconds: how long a request may take, whatever the other side does.
    """

    host: str
    port: int
    fingerprint: str
    seconds: float = _SECONDS

    @property
    def _doing(self) -> str:
        return f"Asking the class at {self.host}:{self.port}"

    def look(self) -> None:
        """Connect, and see whether the certificate is the one that is expected; nothing is sent.

        Raises:
            NoAnswer: nothing answers.
            LabFailed: somebody else answers.
        """
        with self._connection():
            pass

    def ask(self, method: str, path: str, code: str, content: bytes = b"") -> ClassAnswer:
        """Make a request. Before the certificate was seen, nothing is sent.

        Args:
            method: of HTTP.
            path: of the address.
            code: the class's.
            content: what is sent.

        Raises:
            NoAnswer: nothing answers, or no HTTP.
            LabFailed: somebody else answers.
        """
        headers = {"Authorization": f"Bearer {code}", "Content-Type": "application/json", "Connection": "close"}
        with logged_request("class", method, "/participants") as attempt, self._connection() as connection:
            connection.request(method, path, content or None, headers)
            with connection.getresponse() as response:
                attempt.status = response.status
                return ClassAnswer(response.status, _problem(response.status, response.read(_ANSWER_BYTES)))

    @contextlib.contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        """A connection that ends in time, also where the other side sends a byte now and then."""
        try:
            with contextlib.ExitStack() as stack:
                connection = http.client.HTTPConnection(self.host, self.port)
                stack.callback(connection.close)
                connection.sock = socket.create_connection((self.host, self.port), self.seconds)
                end = threading.Timer(self.seconds, _break_off, [connection])
                end.daemon = True
                end.start()
                stack.callback(end.cancel)
                if self.fingerprint:
                    self._secure(connection)
                yield connection
        except (OSError, http.client.HTTPException, ValueError) as error:
            remedy = "check that you are on the same network, and that the instructor's `labkit class watch` runs"
            raise NoAnswer(self._doing, str(error) or type(error).__name__, remedy) from error

    def _secure(self, connection: http.client.HTTPConnection) -> None:
        """Go over to TLS. The fingerprint stands in place of names, authorities and dates: a clock may be wrong."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection.sock = secured = context.wrap_socket(connection.sock, do_handshake_on_connect=False)
        secured.do_handshake()
        seen = fingerprint_of(secured.getpeercert(binary_form=True) or b"")
        if not hmac.compare_digest(seen[: len(self.fingerprint)], self.fingerprint):
            remedy = "somebody else may be answering: compare the two with your instructor before you go on"
            raise LabFailed(self._doing, f"its certificate has another fingerprint, {seen}; nothing was sent", remedy)


def require_fingerprint(text: str, remedy: str) -> str:
    """A fingerprint as it was typed, in small letters.

    Raises:
        Misuse: it is none, or too short to tell certificates apart.
    """
    text = text.strip().lower()
    if not _FINGERPRINT.fullmatch(text):
        came_back = f"sha256: and at least {LEAST_DIGITS} of its 64 hexadecimal digits are expected"
        raise Misuse("Reading the fingerprint", came_back, remedy)
    return text


def _break_off(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        with contextlib.suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)


def _problem(status: int, body: bytes) -> str:
    """Why it refuses, in its own sentence where it has one that can be shown."""
    if status < 300:
        return ""
    try:
        sentence = json.loads(body)["problem"]
    except (ValueError, KeyError, TypeError, RecursionError):
        sentence = None
    if not isinstance(sentence, str) or not sentence.isprintable():
        return f"it answers {status}"
    return sentence[:200]
