"""What the SDK and the network raise, in the form of the kit's errors."""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from collections.abc import Callable, Iterator

import requests
from docker.errors import APIError, DockerException, NotFound
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from labkit.adapters.engine_endpoint import EngineEndpoint, EngineUnreachable
from labkit.base.errors import LabFailed

_CONFLICT = 409
_CONNECTING = "Connecting to the engine"
_STOPPED = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,  # In the middle of an answer.
    ReadTimeoutError,
    ProtocolError,
)
_CLOSED = "the engine is there, but this user may not talk to it"
_NO_SSH = "the Python package paramiko is missing, which an engine behind ssh:// needs"
_NO_CERTIFICATE = "TLS is set up for it, and there is no certificate"
_ASKING = "Error while fetching server API version: "
_SEE = "see what the machine lacks\n  labkit doctor"
_REASONS = (
    (
        r"Permission denied|PermissionError",
        _CLOSED,
        "join the docker group, then log in again\n  sudo usermod -aG docker $USER",
    ),
    (r"FileNotFoundError|No such file", "there is no engine's socket", "see what to install or start\n  labkit doctor"),
    (
        r"Connection ?[Rr]efused",
        "no engine answers there, it may be installed but not running",
        "start it\n  labkit up",
    ),
    (r"NameResolutionError", "there is no machine of that name", _SEE),
    (r"timed out", "timed out: no engine answers there", _SEE),
    (
        r"paramiko",
        _NO_SSH,
        f"add it, or forward the engine's socket\n  {shlex.quote(sys.executable)} -m pip install paramiko",
    ),
    (
        r"client_cert",
        _NO_CERTIFICATE,
        "name the folder of ca.pem, cert.pem and key.pem\n  export DOCKER_CERT_PATH=FOLDER",
    ),
    (
        r"SSLError|SSL:|CERTIFICATE_VERIFY",
        "TLS is set up for it, and it does not speak TLS, or shows another certificate",
        _SEE,
    ),
    # What the system said, in the midst of what each library on the way has added.
    (r"\[Errno -?\d+\] ([^'\")\n]+)", r"no connection: \1", _SEE),
    (r'(?s)(\d{3}) (?:Client|Server) Error for \S+: (.*?)(?: \("<.*)?$', r"what answers there says \1 \2", _SEE),
    (r"below 1\.\d+ are no longer supported", "the engine is too old", "install a newer one: Docker 20.10 or later"),
    (
        r"Expecting value|BadStatusLine|indices must be|\"ApiVersion\"|invalid literal|Exceeded 30 redirects",
        "what answers there is not an engine",
        _SEE,
    ),
    (r"RemoteDisconnected|Connection aborted", "what answers there ends the connection without an answer", _SEE),
)
"""What a message of the SDK's or the network's has in it, what that means, and what to do about it."""


class EngineRefused(LabFailed):
    """The engine answered, and its answer is no; `came_back` is its own message."""


class BuildStopped(LabFailed):
    """A step of a build failed.

    Args:
        tried: as for every error.
        came_back: the last lines that the builder printed, and its message.
        remedy: as for every error.
        message: the failing step, and the builder's message.
        stdout: the last lines that the builder printed.
        stderr: what the steps printed as errors, and the builder's message.
        exit_status: what `docker build` exits with.
    """

    def __init__(
        self,
        tried: str,
        came_back: str,
        remedy: str,
        *,
        message: str = "",
        stdout: str = "",
        stderr: str = "",
        exit_status: int = 1,
    ) -> None:
        super().__init__(tried, came_back, remedy)
        self.message, self.stdout, self.stderr, self.exit_status = message, stdout, stderr, exit_status


def translate(tried: str, error: Exception) -> LabFailed:
    """The kit's error for one of the SDK's or the network's."""
    if isinstance(error, _STOPPED):
        return LabFailed(tried, "the engine stopped answering", "bring it back and go on\n  labkit up")
    message = str(getattr(error, "explanation", None) or error)
    if "no space left on device" in message:
        return LabFailed(tried, "the engine's disk is full", "free some space\n  docker system df")
    kind = EngineRefused if isinstance(error, APIError) else LabFailed
    return kind(tried, message, "look at the engine\n  labkit doctor")


@contextlib.contextmanager
def doing(tried: str) -> Iterator[None]:
    """Do something with the engine; its errors come out translated."""
    try:
        yield
    except (DockerException, requests.exceptions.RequestException, *_STOPPED) as error:
        raise translate(tried, error) from error


def exists(inspect: Callable[[], object]) -> bool:
    """Whether the engine has something.

    Args:
        inspect: asks the engine about it.
    """
    try:
        inspect()
    except NotFound:
        return False
    return True


def removed(remove: Callable[[], object]) -> bool:
    """Remove something; False if it does not exist, or if something else needs it.

    Args:
        remove: asks the engine for it.
    """
    try:
        remove()
    except NotFound:
        return False
    except APIError as error:
        if error.status_code == _CONFLICT:
            return False
        raise
    return True


def is_being_removed(error: APIError) -> bool:
    """Whether the engine does not remove a container because it does so already, such as one of `docker run --rm`."""
    return error.status_code == _CONFLICT and "already in progress" in str(error.explanation)


def unreachable(error: Exception, endpoint: EngineEndpoint) -> EngineUnreachable:
    """What came back when no engine answered, where it was looked for, and what to do about it.

    Args:
        error: the SDK's or the network's.
        endpoint: where it was looked for.
    """
    came_back, remedy = _why(str(error) or type(error).__name__)
    if endpoint.is_default:
        return EngineUnreachable(_CONNECTING, f"{came_back} ({endpoint.host})", remedy)
    remedy = remedy if came_back in (_CLOSED, _NO_SSH, _NO_CERTIFICATE) else endpoint.remedy or remedy
    return EngineUnreachable(_CONNECTING, f"{came_back} ({endpoint})", remedy, elsewhere=True)


def _why(message: str) -> tuple[str, str]:
    for pattern, came_back, remedy in _REASONS:
        if match := re.search(pattern, message):
            return match.expand(came_back), remedy
    return message.removeprefix(_ASKING), _SEE
