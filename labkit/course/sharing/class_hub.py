"""The hub of a class on a cluster, which passes on what a participant shares: reached from their server alone.

Who they are, the server's own token says, which JupyterHub gives to each server it starts: nobody can share as another.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from labkit.base.errors import Misuse

SHARE_PATH = "/hub/class/share"
_API, _TOKEN = "JUPYTERHUB_API_URL", "JUPYTERHUB_API_TOKEN"


def hub_address() -> str:
    """HOST:PORT of the hub of the class that this server belongs to.

    Raises:
        Misuse: it belongs to none.
    """
    parts = urlsplit(os.environ.get(_API, ""))
    if parts.scheme != "http" or not parts.hostname or not os.environ.get(_TOKEN):
        remedy = "on a laptop, copy the line that your instructor shows\n  labkit progress share --help"
        raise Misuse("Sharing your progress", "this is not a server of a class on a cluster", remedy)
    return f"{parts.hostname}:{parts.port or 80}"


def server_token() -> str:
    """What tells the hub whose server this is; it is written nowhere, and a new server has another."""
    return os.environ.get(_TOKEN, "")
