"""Servers that misbehave, at the address of an engine, of a registry or of a proxy."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

LOGIN_PAGE = b"<html><head><title>Welcome to the hotel</title></head><body>Please log in \x1b[2J</body></html>"
Answer = Callable[[str, socket.socket], None]
"""Answers a request, given its first line."""


def http(body: bytes, *, status: str = "200 OK", headers: Mapping[str, str] | None = None) -> Answer:
    """Answer every request in the same way."""
    lines = {"Content-Type": "text/html", "Content-Length": str(len(body)), "Connection": "close", **(headers or {})}
    head = f"HTTP/1.1 {status}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"

    def answer(_: str, client: socket.socket) -> None:
        client.sendall(head.encode() + body)

    return answer


def silent(_: str, client: socket.socket) -> None:
    """Take the request and never answer."""
    with contextlib.suppress(OSError):
        client.settimeout(600)
        client.recv(1)


def trickle(_: str, client: socket.socket) -> None:
    """Answer with a byte now and then, without an end."""
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    while True:
        client.sendall(b" ")
        time.sleep(0.2)


def dripping(answer: Answer, bytes_a_second: int = 1024) -> Answer:
    """Give an answer slowly, and whole."""

    def drip(line: str, client: socket.socket) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            answer(line, theirs)
            theirs.close()
            while piece := ours.recv(bytes_a_second // 10):
                client.sendall(piece)
                time.sleep(0.1)

    return drip


def choose(answers: Mapping[str, Answer], otherwise: Answer) -> Answer:
    """Answer by what is in the request's first line."""

    def answer(line: str, client: socket.socket) -> None:
        next((chosen for part, chosen in answers.items() if part in line), otherwise)(line, client)

    return answer


@contextlib.contextmanager
def serve(answer: Answer, *, path: Path | None = None, host: str = "127.0.0.1") -> Iterator[str]:
    """Serve until the end of the block; gives the address, HOST:PORT or unix://PATH."""
    family = socket.AF_UNIX if path else socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as server:
        server.bind(str(path) if path else (host, 0))
        server.listen(64)
        clients: list[socket.socket] = []
        accepting = threading.Thread(target=_accept, args=(server, answer, clients), daemon=True)
        accepting.start()
        port = 0 if path else server.getsockname()[1]
        yield f"unix://{path}" if path else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)  # Ends accept().
        accepting.join()
        # Nothing of this test's is left open to be blamed on the next one.
        for client in clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, answer: Answer, clients: list[socket.socket]) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = server.accept()
            clients.append(client)
            threading.Thread(target=_serve, args=(client, answer), daemon=True).start()


def _serve(client: socket.socket, answer: Answer) -> None:
    with contextlib.suppress(OSError), client:
        received = b""
        while b"\r\n\r\n" not in received:
            if not (piece := client.recv(1 << 16)):
                return
            received += piece
        answer(received.split(b"\r\n", 1)[0].decode("latin-1"), client)
