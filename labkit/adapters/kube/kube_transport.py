"""How requests to an API server travel, and what becomes of those that come while it is being started again."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from typing import Any

import httpx2

from labkit.base.log import logged_request
from labkit.base.waiting import watch

POLL_SECONDS = 0.05
"""Each look costs this process and the API server some milliseconds; a pod takes half a second at least."""
RESTART_SECONDS = 30.0
"""The kubelet starts an API server that was killed again at once, or 10 s later if it was the second time."""
_OF_A_BODY = frozenset({"content-length", "content-type", "transfer-encoding"})
# kubernetes/kubernetes:staging/src/k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go
_NO_RIGHT = re.compile(r'forbidden: User \\?".*?" cannot ')


@dataclass
class Patience:
    """How long an API server is waited for that is being started again.

    Args:
        seconds: for one request.
        is_spent: whether the last wait was in vain; the next requests then fail at once, until one is answered.
    """

    seconds: float = 0.0
    is_spent: bool = False


class KubeTransport(httpx2.HTTPTransport):
    """How requests travel, with a record of each; one that came while the API server was starting is sent again."""

    def __init__(self, patience: Patience, verify: Any) -> None:
        super().__init__(verify=verify, trust_env=False)
        self._patience = patience

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            response = self._send(request)
        except (httpx2.NetworkError, httpx2.RemoteProtocolError) as error:
            if not _may_be_sent_again(request, error) or not self._gets_ready(request):
                raise
            return self._send(request)
        if _has_no_rights(response) and self._gets_ready(request):
            return self._send(request)
        self._patience.is_spent = False
        return response

    def _send(self, request: httpx2.Request) -> httpx2.Response:
        with logged_request("kubernetes", request.method, request.url.path) as attempt:
            response = super().handle_request(request)
            attempt.status = response.status_code
        return response

    def _gets_ready(self, request: httpx2.Request) -> bool:
        """Wait until the API server says that it is ready; False if it does not, or nobody wants to wait."""
        if self._patience.is_spent or not self._patience.seconds:
            return False
        headers = {name: value for name, value in request.headers.items() if name not in _OF_A_BODY}
        ready = request.url.copy_with(raw_path=b"/readyz")
        question = httpx2.Request("GET", ready, headers=headers, extensions=request.extensions)
        is_ready = watch(lambda: self._is_ready(question), bool, self._patience.seconds, interval=POLL_SECONDS)
        self._patience.is_spent = not is_ready
        return is_ready

    def _is_ready(self, question: httpx2.Request) -> bool:
        try:
            response = self._send(question)
        except httpx2.TransportError:
            return False
        response.read()
        response.close()
        return response.is_success


def _may_be_sent_again(request: httpx2.Request, error: Exception) -> bool:
    """Whether nothing was done yet, or nothing would be done twice."""
    return _was_closed(error) if isinstance(error, httpx2.ConnectError) else request.method == "GET"


def _was_closed(error: BaseException | None) -> bool:
    """Whether a connection was taken, and closed before anything could be sent.

    So the engine does for a port of a container that runs and in which nothing listens: the kubelet starts an API
    server again that has ended. The port of a node that does not run refuses connections.
    """
    while error is not None:
        if isinstance(error, ConnectionResetError | ssl.SSLEOFError):
            return True
        error = error.__cause__ or error.__context__  # The pool raises its errors "from None".
    return False


def _has_no_rights(response: httpx2.Response) -> bool:
    """Whether the user has no right, as everybody has none before the API server has read its roles."""
    return response.status_code == 403 and _NO_RIGHT.search(response.read().decode(errors="replace")) is not None
