"""A JupyterLab that a test has started: its address, once it answers there."""

from __future__ import annotations

import re
import socket
import subprocess
from urllib.parse import urlsplit

from labkit.base.waiting import wait_until

_SECONDS = 60.0


def address_of(server: subprocess.Popen[str]) -> tuple[str, list[str]]:
    """Wait until JupyterLab answers.

    Args:
        server: JupyterLab, or what runs it, with its standard error in a pipe.

    Returns:
        Its address with the token, and the lines that were printed up to that.
    """
    assert server.stderr is not None
    lines = []
    for line in server.stderr:
        lines.append(line)
        if match := re.search(r"http://127\.0\.0\.1:\d+/lab\S*\?token=\w+", line):
            # It prints its address a moment before it listens there.
            wait_until("JupyterLab", lambda: _listens(match.group()), seconds=_SECONDS, remedy="read its log")
            return match.group(), lines
    raise AssertionError("JupyterLab ended:\n" + "".join(lines))


def _listens(address: str) -> bool:
    url = urlsplit(address)
    with socket.socket() as connection:
        return connection.connect_ex((url.hostname, url.port)) == 0
