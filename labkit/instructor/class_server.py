"""The class's server: a door on loopback for the page, and one with TLS for the class, where that is asked for."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.web import Application

from labkit.base.addresses import WATCH_PORT, is_loopback, read_address, split_address
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.signals import ending_signals
from labkit.course.course_overview import Course
from labkit.instructor.class_handlers import ClassDesk, class_application
from labkit.instructor.class_secrets import ClassCertificate, class_certificate, class_secrets
from labkit.instructor.flood_limits import Crowd, Pace, neighbourhood
from labkit.instructor.record_source import RecordSource
from labkit.instructor.shared_records import MOST_BYTES, SharedRecords

_CONNECTION_SECONDS = 15.0
"""How long a connection may last, whatever it does. A request takes a few milliseconds."""

_MOST_CONNECTIONS, _MOST_OF_ONE = 400, 128
_CONNECTIONS_A_SECOND, _AT_ONCE = 50.0, 250
_HEADER_BYTES = 8192
_BACKLOG = 128


class BoundedServer(HTTPServer):
    """A server that is not kept busy by a few: each connection is short, and there are only so many from one address.

    tornado bounds headers, bodies and the time for each (tornado:tornado/http1connection.py), but not the time for
    TLS, nor that for reading an answer, nor how many there are.
    """

    def initialize(self, *arguments: Any, **options: Any) -> None:
        """Make it as tornado does, with nobody connected."""
        super().initialize(*arguments, **options)
        self._pace = Pace(_CONNECTIONS_A_SECOND, _AT_ONCE)
        self._crowd: Crowd[IOStream] = Crowd(_MOST_CONNECTIONS, _MOST_OF_ONE, "oldest")
        self._ends: dict[IOStream, asyncio.TimerHandle] = {}

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Take a connection, or drop it before a byte of it is read."""
        neighbours = neighbourhood(address[0])
        if not self._pace.allows(neighbours):
            stream.close()
            return
        leaving = self._crowd.add(stream, neighbours)
        if leaving is not None:
            leaving.close()
        self._ends[stream] = asyncio.get_running_loop().call_later(_CONNECTION_SECONDS, stream.close)
        super().handle_stream(stream, address)

    def on_close(self, server_conn: Any) -> None:
        """Make room: tornado calls this when a connection has ended, however."""
        super().on_close(server_conn)
        self._crowd.remove(server_conn.stream)
        if (end := self._ends.pop(server_conn.stream, None)) is not None:
            end.cancel()


def bounded_server(application: Application, context: ssl.SSLContext | None) -> BoundedServer:
    """A server with all its limits.

    Args:
        application: what it serves.
        context: of TLS; None for plain HTTP.
    """
    return BoundedServer(
        application,
        ssl_options=context,
        no_keep_alive=True,
        max_header_size=_HEADER_BYTES,
        max_body_size=MOST_BYTES,
        max_buffer_size=2 * MOST_BYTES,
        body_timeout=_CONNECTION_SECONDS,
        idle_connection_timeout=_CONNECTION_SECONDS,
    )


@dataclass(frozen=True)
class ClassAddresses:
    """What the instructor needs to know.

    Args:
        page: the page's address, with its token.
        door: HOST:PORT at which laptops share.
        line: what each laptop types.
        fingerprint: of the certificate; empty on loopback.
        page_in_room: the page's address beyond this machine; empty if there is none.
    """

    page: str
    door: str
    line: str
    fingerprint: str
    page_in_room: str


class ClassServer:
    """Serves until it is stopped. Nothing that is shared is written anywhere.

    Args:
        configuration: of the lab.
        course: its lessons and exercises.
        listen: ADDRESS or ADDRESS:PORT of this machine for the class.
        new: whether this is another class: laptops of the last one are not let in any more.
        source: where the page's records come from, if not from laptops that share.

    Raises:
        Misuse: it is no address.
        LabFailed: it cannot listen there.
        MachineLacks: there is no openssl, which makes the certificate.
    """

    def __init__(
        self,
        configuration: Configuration,
        course: Course,
        listen: str,
        *,
        new: bool = False,
        source: RecordSource | None = None,
    ) -> None:
        address = read_address(listen, WATCH_PORT)
        host, self._port = _split(address)
        self._secrets = class_secrets(configuration, new=new)
        self._certificate: ClassCertificate | None = None
        self._doors = [(host if is_loopback(address) else "127.0.0.1", False)]
        if not is_loopback(address):
            self._certificate = class_certificate(configuration, host)
            self._doors.append((host, True))
        self.shared = SharedRecords(course)
        self.desk = ClassDesk(course, source or self.shared, self.shared, self._secrets)
        self._servers: list[BoundedServer] = []

    def start(self) -> ClassAddresses:
        """Listen; the event loop that runs serves from now on."""
        _silence_tornado()
        application = class_application(self.desk)
        for host, is_secure in self._doors:
            try:
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                door = socket.create_server((host, self._port), family=family, backlog=_BACKLOG)
            except OSError as error:
                self.stop()
                raise _cannot_listen(host, self._port, error) from error
            door.setblocking(False)
            self._port = door.getsockname()[1]
            server = bounded_server(application, self._context() if is_secure else None)
            server.add_socket(door)
            self._servers.append(server)
            self.desk.hosts |= {f"{name}:{self._port}" for name in _names(host)}
        return self._addresses()

    def stop(self) -> None:
        """Listen no more."""
        for server in self._servers:
            server.stop()

    def _context(self) -> ssl.SSLContext:
        assert self._certificate is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._certificate.certificate, self._certificate.key)
        return context

    def _addresses(self) -> ClassAddresses:
        own, token = _named(self._doors[0][0]), self._secrets.token
        door = f"{_named(self._doors[-1][0])}:{self._port}"
        fingerprint = self._certificate.fingerprint if self._certificate else ""
        line = f"labkit progress share {door}"
        line += f" --fingerprint {fingerprint}" if fingerprint else ""
        return ClassAddresses(
            page=f"http://{own}:{self._port}/?token={token}",
            door=door,
            line=f"{line} --code {self._secrets.code}",
            fingerprint=fingerprint,
            page_in_room=f"https://{door}/?token={token}" if fingerprint else "",
        )


def watch_class(server: ClassServer, tell: Callable[[ClassAddresses], None]) -> None:
    """Serve until Ctrl-C, or until we are told to end.

    Args:
        server: made, and not started.
        tell: is given the addresses once they answer.
    """

    async def serve() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, *ending_signals()):
            loop.add_signal_handler(number, ended.set)
        tell(server.start())
        await ended.wait()
        server.stop()

    asyncio.run(serve())


def _silence_tornado() -> None:
    """Have what others send printed nowhere: tornado would warn of each malformed request, with its content."""
    logger = logging.getLogger("tornado")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False


def _split(address: str) -> tuple[str, int]:
    host, port = split_address(address) or (address.rpartition(":")[0].strip("[]"), 0)  # Port 0 is any that is free.
    return host, port


def _named(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _names(host: str) -> list[str]:
    return [_named(host), *(["localhost"] if is_loopback(f"{_named(host)}:0") else [])]


def _cannot_listen(host: str, port: int, error: OSError) -> LabFailed:
    remedy = "give an address of this machine and a port that is free\n  labkit class watch --listen ADDRESS:PORT"
    return LabFailed(f"Listening at {_named(host)}:{port}", error.strerror or str(error), remedy)
