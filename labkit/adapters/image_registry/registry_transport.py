"""HTTP with a registry: within a deadline and a size, and not to places where a registry has no business.

A manifest's image name may be a stranger's, and so may be the registry that it names. So its redirects and its token
server may not lead to this machine or its link-local network (cloud metadata), except for a registry of this machine.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import ssl
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urljoin, urlsplit

from labkit.adapters.image_registry.docker_logins import Login
from labkit.adapters.image_registry.registry_failures import timed_out, unreachable, untrusted
from labkit.base.log import logged_request

_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_PIECE = 1 << 16
_CERTIFICATES = Path("/etc/docker/certs.d")
_AGENT = "labkit-explain"
_REQUEST_SECONDS = 10.0
_NOT_THERE = "where no registry has any business"


class _Refused(Exception):
    """An address that is not asked."""


class _GuardedConnection(http.client.HTTPConnection):
    """A connection that looks whom it has reached before anything is sent."""

    may_be_loopback = False
    is_loopback = False

    def connect(self) -> None:
        super().connect()
        if getattr(self, "_tunnel_host", None):
            return  # What has been reached is the user's proxy.
        address = _address(self.sock.getpeername()[0])
        self.is_loopback = address.is_loopback
        if address.is_link_local or (address.is_loopback and not self.may_be_loopback):
            self.close()
            raise _Refused(str(address))


class _GuardedTlsConnection(http.client.HTTPSConnection, _GuardedConnection):
    """The same with TLS; it looks before the first byte of TLS."""


@dataclass(frozen=True)
class HttpAnswer:
    """An answer of HTTP, whole.

    Args:
        status: of HTTP.
        headers: of the answer.
        body: its content.
    """

    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class RegistryTransport:
    """Requests to one registry, and to where it leads.

    Args:
        host: its host, with a port where there is one.
        name: of the registry, as people write it.
        seconds: how long all requests together may take.
    """

    host: str
    name: str
    seconds: float = _REQUEST_SECONDS
    _until: float = field(init=False)
    _scheme: str = field(init=False)
    _is_loopback: bool = field(init=False)

    def __post_init__(self) -> None:
        self._until = time.monotonic() + self.seconds
        self._is_loopback = _is_local_name(_hostname(self.host))
        self._scheme = "http" if self._is_loopback else "https"

    def extend(self, seconds: float) -> None:
        """Give the requests that follow more time."""
        self.seconds, self._until = seconds, time.monotonic() + seconds

    def address(self, path: str) -> str:
        """The address of a path in the registry's API."""
        return f"{self._scheme}://{self.host}/v2/{path}"

    def secure(self, answer: bytes) -> bool:
        """Go over to TLS where a registry of this machine asks for it (net/http:server.go); whether that is new."""
        was_plain, wants_tls = self._scheme == "http", b"HTTP request to an HTTPS server" in answer
        self._scheme = "https" if wants_tls else self._scheme
        return was_plain and wants_tls

    def fetch(
        self,
        address: str,
        headers: Mapping[str, str],
        limit: int,
        *,
        method: str = "GET",
        content: bytes | None = None,
        into: IO[bytes] | None = None,
    ) -> HttpAnswer:
        """Make a request, follow redirects, and read the answer.

        Args:
            address: as `address` gives it, or that of a token server.
            headers: of the request; Authorization is not given to another host.
            limit: the most bytes that are read.
            method: of HTTP.
            content: what is sent along.
            into: a file that gets the content of a successful answer instead of `body`.

        Raises:
            RegistryFailed: no answer came, one that is too large, or a redirect to where it may not lead.
        """
        own = urlsplit(address).netloc
        for _ in range(_MOST_REDIRECTS + 1):
            parts = urlsplit(address)
            sent = dict(headers) if parts.netloc == own else {k: v for k, v in headers.items() if k != "Authorization"}
            with self._response(address, method, sent, content) as response:
                location = response.getheader("Location") if response.status in _REDIRECTS else None
                if location is None:
                    body = self._read(response, limit, into if response.status < 300 else None)
                    return HttpAnswer(response.status, response.headers, body)
            address, content = urljoin(address, location), None
        raise untrusted(self.name, "sends one from address to address")

    def _read(self, response: http.client.HTTPResponse, limit: int, into: IO[bytes] | None) -> bytes:
        length = response.getheader("Content-Length") or ""
        too_large = untrusted(self.name, f"answers with more than the {limit >> 20} MiB that are read")
        if length.isdecimal() and int(length) > limit and response.length:
            raise too_large
        pieces, size = list[bytes](), 0
        while piece := response.read1(_PIECE):
            size += len(piece)
            if size > limit:
                raise too_large
            if time.monotonic() > self._until:
                raise timed_out(self.name, self.seconds)
            if into is None:
                pieces.append(piece)
            else:
                into.write(piece)
        if response.length:
            raise unreachable(self.name, ConnectionError("the answer broke off"))
        return b"".join(pieces)

    @contextlib.contextmanager
    def _response(
        self, address: str, method: str, headers: Mapping[str, str], content: bytes | None
    ) -> Iterator[http.client.HTTPResponse]:
        parts = urlsplit(address)
        connection = self._connection(address)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            with contextlib.closing(connection):
                with logged_request(f"registry {parts.netloc}", method, parts.path) as attempt:
                    connection.request(method, path, content, {"User-Agent": _AGENT, **headers})
                    response = connection.getresponse()
                    attempt.status = response.status
                if parts.netloc == self.host:
                    self._is_loopback = self._is_loopback or connection.is_loopback
                with response:  # It holds the socket open where the connection has let go of it.
                    yield response
        except _Refused as error:
            raise untrusted(self.name, f"leads to {address[:200]!r} ({error}), {_NOT_THERE}") from None
        except TimeoutError:
            raise timed_out(self.name, self.seconds) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise unreachable(parts.netloc, error) from error

    def _connection(self, address: str) -> _GuardedConnection:
        parts = urlsplit(address)
        host = parts.hostname or ""
        try:
            port = parts.port
        except ValueError:
            host, port = "", None
        plain_allowed = self._is_loopback and parts.scheme == "http" and _is_local_name(host)
        if not host or parts.username is not None or not (parts.scheme == "https" or plain_allowed):
            raise untrusted(self.name, f"leads to {address[:200]!r}, which is not an https address")
        is_allowed = parts.netloc == self.host or (self._is_loopback and _is_local_name(host))
        if _is_inside(host) and not is_allowed:
            raise untrusted(self.name, f"leads to {address[:200]!r}, {_NOT_THERE}")
        left = self._until - time.monotonic()
        if left <= 0:
            raise timed_out(self.name, self.seconds)
        connection: _GuardedConnection
        if parts.scheme == "http":
            connection = _GuardedConnection(host, port, timeout=left)
        else:
            connection = self._secure_connection(host, port, left)
        connection.may_be_loopback = self._is_loopback or parts.netloc == self.host
        return connection

    def _secure_connection(self, host: str, port: int | None, seconds: float) -> _GuardedConnection:
        context = ssl.create_default_context()
        for file in sorted((_CERTIFICATES / self.host).glob("*.crt")):
            with contextlib.suppress(OSError):
                context.load_verify_locations(file)
        proxy = urllib.request.getproxies().get("https") or urllib.request.getproxies().get("all")
        if not proxy or urllib.request.proxy_bypass(host) or _is_inside(host):
            return _GuardedTlsConnection(host, port, timeout=seconds, context=context)
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        connection = _GuardedTlsConnection(parts.hostname or "", parts.port, timeout=seconds, context=context)
        connection.set_tunnel(host, port or 443, _proxy_login(parts.username, parts.password))
        return connection


def _proxy_login(user: str | None, password: str | None) -> dict[str, str]:
    if not user:
        return {}
    return {"Proxy-Authorization": Login(unquote(user), unquote(password or "")).basic}


def _hostname(host: str) -> str:
    return urlsplit(f"//{host}").hostname or ""


def _is_local_name(host: str) -> bool:
    try:
        return _address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_inside(host: str) -> bool:
    """Whether a host is this machine or link-local by its name alone."""
    try:
        return _is_local_name(host) or _address(host).is_link_local or _address(host).is_unspecified
    except ValueError:
        return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address
