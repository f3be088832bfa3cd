"""Reading any cluster with the user's own rights. Nothing but GET is ever sent.

Source: kubernetes.io, "Kubernetes API Concepts", Retrieving large results sets in chunks (limit, continue, 410).
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import httpx2
import msgspec

from labkit.adapters.kube.kube_connection import message_of
from labkit.adapters.kube.user_kubeconfig import ClusterAccess, has_context, kubeconfig_files, open_access
from labkit.base.errors import LabFailed, NoRight
from labkit.base.log import logged_request

_PAGE = 250
_LARGEST_PAGE = 256 << 20
_SECONDS = 30.0
_EXEC_SECONDS = 30.0
_MOST_RESTARTS = 3
_CERTIFICATE = "certificate"


class _ListMeta(msgspec.Struct, rename={"continue_": "continue"}):
    continue_: str = ""


class _Page(msgspec.Struct):
    metadata: _ListMeta = msgspec.field(default_factory=_ListMeta)
    items: list[msgspec.Raw] | None = None


class ClusterReader:
    """Reads a cluster; close it, or use it in a `with`.

    Args:
        access: how to reach it.
    """

    def __init__(self, access: ClusterAccess) -> None:
        self.access = access
        extensions = {"sni_hostname": access.server_name} if access.server_name else {}
        self._extensions = extensions
        self._client = httpx2.Client(**access.client)

    @classmethod
    def connect(
        cls,
        context: str | None = None,
        *,
        labs_own: Path | None = None,
        files: Sequence[Path] | None = None,
        seconds: float = _SECONDS,
        exec_seconds: float = _EXEC_SECONDS,
    ) -> Self:
        """Reach a cluster as kubectl would.

        Args:
            context: None for the current one.
            labs_own: the lab's own kubeconfig, read where it alone has the context, or there is no other.
            files: the kubeconfig files; None for those of $KUBECONFIG, or ~/.kube/config.
            seconds: the timeout of each request.
            exec_seconds: how long a credential plugin may take.

        Raises:
            LabError: there is no kubeconfig or no such context, or it gives no credentials.
        """
        files = kubeconfig_files() if files is None else files
        if context is not None and labs_own is not None and labs_own.is_file():
            there = [file for file in files if file.is_file()]
            if not there or (has_context(labs_own, context) and not any(has_context(file, context) for file in there)):
                access = open_access(context, [labs_own], seconds, exec_seconds)
                return cls(replace(access, kubeconfig=labs_own))
        return cls(open_access(context, files, seconds, exec_seconds))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def get(self, path: str) -> Mapping[str, Any] | None:
        """An object; None if there is none.

        Raises:
            NoRight: the user may not read it.
            LabFailed: the API server does not answer, or not with an object.
        """
        status, body = self._read(path, {})
        if status == 404:
            return None
        value = self._decoded(path, body, dict)
        return value if isinstance(value, dict) else None

    def list(self, path: str, labels: str = "") -> Iterator[Mapping[str, Any]]:
        """The objects of a list, page by page; at no time more than a page is held.

        Args:
            path: of the list.
            labels: the selector of those that are wanted; empty for all.

        Raises:
            NoRight: the user may not read them.
            LabFailed: the API server does not answer, or not with a list.
        """
        token, restarts = "", 0
        while True:
            selected = {"labelSelector": labels} if labels else {}
            status, body = self._read(path, {"limit": str(_PAGE), **selected, **({"continue": token} if token else {})})
            if status == 404:  # A cluster without that API.
                return
            page: _Page = self._decoded(path, body, _Page)
            if status == 410:  # The page has expired; the answer's own token goes on from where we are.
                restarts += 1
                if not page.metadata.continue_ or restarts > _MOST_RESTARTS:
                    raise self._failed(path, "the list changed faster than it could be read")
                token = page.metadata.continue_
                continue
            for raw in page.items or ():
                value = self._decoded(path, bytes(raw), dict)
                if isinstance(value, dict):
                    yield value
            if page.metadata.continue_ == token:
                if token:
                    raise self._failed(path, "it gave the same page again")
                return
            token = page.metadata.continue_
            if not token:
                return

    def ask_service(
        self, namespace: str, service: str, path: str, params: Mapping[str, str], headers: Mapping[str, str]
    ) -> bytes:
        """What a service in the cluster answers, through the API server's proxy.

        Args:
            namespace: of the service.
            service: NAME:PORT.
            path: of the question.
            params: behind it.
            headers: of ours that it sees; the user's own credentials are the API server's alone.

        Raises:
            NoRight: the user may not, or the service says so.
            LabFailed: the API server or the service does not answer, or there is no such service.
        """
        whole = f"api/v1/namespaces/{namespace}/services/{service}/proxy/{path}"
        status, body = self._read(whole, params, headers)
        if status == 404:
            raise self._failed(whole, "there is no such service")
        return body

    def _read(
        self, path: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        with logged_request("kubernetes", "GET", path) as attempt:
            try:
                with self._client.stream(
                    "GET", path, params=params, headers=dict(headers or {}), extensions=self._extensions
                ) as response:
                    attempt.status = response.status_code
                    body = bytearray()
                    for part in response.iter_bytes():
                        body += part
                        if len(body) > _LARGEST_PAGE:
                            raise self._failed(path, f"the answer is larger than {_LARGEST_PAGE >> 20} MiB")
            except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
                raise self._unreachable(path, error) from error
        answer = httpx2.Response(response.status_code, content=bytes(body))
        if answer.status_code == 401:
            reason = f"the API server does not know you: {message_of(answer)}"
            raise LabFailed(
                self._doing(path), reason, "log in again; then this says who you are\n  kubectl auth whoami"
            )
        if answer.status_code == 403:
            raise NoRight(self._doing(path), message_of(answer), "ask for the rights get and list")
        if answer.is_error and answer.status_code not in (404, 410):
            raise self._failed(path, message_of(answer))
        if answer.is_redirect:
            raise self._failed(path, f"it sends us elsewhere (status {answer.status_code}), and we do not follow")
        return answer.status_code, bytes(body)

    def _decoded(self, path: str, body: bytes, kind: Any) -> Any:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, RecursionError) as error:
            raise self._failed(path, f"its answer is not the Kubernetes API's: {error}") from error

    def _unreachable(self, path: str, error: Exception) -> LabFailed:
        reason = f"{self.access.server} does not answer: {' '.join(str(error).split()) or type(error).__name__}"
        if _CERTIFICATE in reason.lower():
            remedy = "the server's certificate, or yours, is wrong or has expired: get a new kubeconfig"
        else:
            remedy = f"see whether kubectl reaches it\n  {self.access.kubectl_line('version')}"
        return LabFailed(self._doing(path), reason, remedy)

    def _failed(self, path: str, reason: str) -> LabFailed:
        return LabFailed(self._doing(path), reason, f"try\n  {self.access.kubectl_line('get', '--raw', f'/{path}')}")

    def _doing(self, path: str) -> str:
        return f"Reading /{path} of the cluster of context {self.access.context}"
