"""What runs in a pod: commands in its container, and pages from its port."""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
from lightkube.core import websocket
from lightkube.core.exceptions import ApiError

from labkit.adapters.kube.kube_connection import GONE_REMEDY, KubeConnection
from labkit.base.errors import LabFailed
from labkit.core.run_results import ExecResult

_PAGE_SECONDS, _PAGE_TRIES = 1.5, 10

EXEC_FAILED = "failed to exec in container"
"""How containerd says that a container has no such command (containerd:internal/cri/server/container_execsync.go)."""

_SERVER_CLOSES_SECONDS = 5.0
_KEPT_BYTES = 1024 * 1024
_MOST_BYTES = 64 * 1024 * 1024


class TooMuchOutput(Exception):
    """A command printed so much that nobody reads on."""


class BoundedStream(io.BytesIO):
    """What a command prints on one stream: its beginning is kept, the rest is read and counted.

    Args:
        kept: how many bytes are kept.
        most: how many are read.
    """

    def __init__(self, kept: int = _KEPT_BYTES, most: int = _MOST_BYTES) -> None:
        super().__init__()
        self._kept, self._most, self._seen = kept, most, 0

    def write(self, content: bytes, /) -> int:  # type: ignore[override]
        """Take a piece.

        Raises:
            TooMuchOutput: the stream has brought more than is read.
        """
        super().write(content[: max(0, self._kept - self.tell())])
        self._seen += len(content)
        if self._seen > self._most:
            raise TooMuchOutput
        return len(content)

    @property
    def text(self) -> str:
        """What was kept, and below it how much was not."""
        left_out = self._seen - len(self.getvalue())
        note = f"\n[{left_out} more bytes are left out]\n" if left_out else ""
        return self.getvalue().decode("utf-8", errors="replace") + note


@contextlib.contextmanager
def _whole_session(url: str, client: httpx2.Client, subprotocols: list[str], params: dict[str, Any]) -> Iterator[Any]:
    """A session that is not closed before its reader has ended.

    httpx2 closes the socket under a thread that may still read from it (httpx2:websockets/_api.py,
    WebSocketSession.close). The next connection gets the same file descriptor, and that thread takes bytes of it: on a
    busy machine a few in a hundred requests after an exec broke. The server closes once a command has ended, so the
    reader is waited for; not if one goes away before that, as by an interrupt: a command may go on for ever.
    """
    with client.websocket(url, subprotocols=subprotocols, params=params) as session:
        closes = True
        try:
            yield session
        except (KeyboardInterrupt, TooMuchOutput):
            closes = False
            raise
        finally:
            if closes:
                session._background_receive_task.join(_SERVER_CLOSES_SECONDS)


# lightkube opens its sessions by this function, which stands by itself so that it can be replaced.
websocket.connect_ws = _whole_session


class PodAccess(KubeConnection):
    """What is asked of a pod's own programs."""

    def execute(self, pod: str, namespace: str, command: Sequence[str], container: str | None = None) -> ExecResult:
        """Run a command in a container of a pod.

        A command that the container does not have is a result too: status 1, as kubectl's, and the runtime's message.
        Of what is printed on each stream the first MiB is kept.

        Args:
            pod: the pod.
            namespace: where it is.
            command: what to run.
            container: which; a pod of several needs it.

        Raises:
            LabFailed: the cluster does not answer, there is no such container to run anything in, or the command
                prints without end.
        """
        # With anyio and wsproto it is a tenth of what a command loads that asks the cluster anything.
        from httpx2 import websockets

        stdout, stderr = BoundedStream(), BoundedStream()
        tried = f"Running {shlex.join(command)} in pod {pod}"
        # On connections of its own: one that has carried an exec is no use for requests, and the pool may hand it out.
        with self._doing(tried), self._connect() as client:
            try:
                response = client.exec(
                    pod, namespace=namespace, container=container, command=list(command), stdout=stdout, stderr=stderr
                )
            except ApiError as error:
                if EXEC_FAILED not in str(error):
                    raise
                return ExecResult(1, stderr=str(error))
            except websockets.WebSocketUpgradeError as error:
                # The pod, or its container, went away; its status may not say so yet, as after the node's restart.
                problem = f"there is no such container ({error.response.status_code})"
                raise LabFailed(tried, problem, "run the cell that makes the pod again") from error
            except (websockets.WebSocketNetworkError, websockets.WebSocketDisconnect) as error:
                raise LabFailed(tried, "the connection was lost", GONE_REMEDY) from error
            except TooMuchOutput as error:
                problem = f"it printed more than {_MOST_BYTES // 1024 // 1024} MiB and went on"
                raise LabFailed(tried, problem, "let it print less, as in\n  head --bytes=1000") from error
        return ExecResult(int(response.exit_code or 0), stdout.text, stderr.text)

    def page(self, pod: str, namespace: str, port: int, path: str = "/") -> tuple[bool, str]:
        """Ask a pod's port for a page through the API server, as `kubectl get --raw` does.

        On a node that had made some hundreds of pods, about one new pod in eighty was seen not to answer for some
        seconds, though it answered another connection at once; so a request that takes long is made again.

        Args:
            pod: its name.
            namespace: where it is.
            port: of the pod, a number.
            path: of the page, with a slash before it.

        Returns:
            Whether the pod answered with a success, and the text that came back.
        """
        problem = ""
        for _ in range(_PAGE_TRIES):
            try:
                return True, self._ask("GET", page_path(pod, namespace, port, path), seconds=_PAGE_SECONDS).text
            except LabFailed as error:
                problem = error.came_back
                if not isinstance(error.__cause__, httpx2.TimeoutException):
                    break
        return False, problem


def page_path(pod: str, namespace: str, port: int, path: str = "/") -> str:
    """Where the API server hands a request on to a pod's port."""
    return f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}"
