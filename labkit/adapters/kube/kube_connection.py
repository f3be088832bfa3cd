"""The connection to the cluster's API server, and what every question to it needs."""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2
import yaml
from lightkube import Client, KubeConfig
from lightkube.config.client_adapter import ConnectionParams
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.models.meta_v1 import ObjectMeta

from labkit.adapters.kube.kube_transport import RESTART_SECONDS, KubeTransport, Patience
from labkit.base.errors import LabFailed

_T = TypeVar("_T")
_REQUEST_SECONDS = 10.0
GONE_REMEDY = "bring it back and go on\n  labkit up"
LOOK_REMEDY = "look at the lab\n  labkit status"
# kubernetes/kubernetes:plugin/pkg/admission/namespace/lifecycle/admission.go
_NO_NAMESPACE = re.compile(
    r'namespaces "(?P<name>[^"]*)" not found|in namespace (?P<leaving>\S+) because it is being terminated'
)


class KubeConnection:
    """A connection to a cluster's API server; close it, or use it in a `with`.

    Args:
        kubeconfig: the kit's own kubeconfig file.
        lab: the lab's name, the value of every label.

    Raises:
        LabFailed: the kubeconfig cannot be read.
    """

    def __init__(self, kubeconfig: Path, lab: str) -> None:
        self._lab = lab
        self._patience = Patience()
        try:
            self._config = KubeConfig.from_file(kubeconfig)
            self._client = self._connect()
        except (ConfigError, OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError) as error:
            raise LabFailed("Reading the lab's kubeconfig", str(error), "write it again\n  labkit up") from error

    def _connect(self) -> Client:
        # The API server listens on loopback; a proxy of the environment has no business with it.
        return Client(
            config=self._config,
            timeout=httpx2.Timeout(_REQUEST_SECONDS),
            trust_env=False,
            field_manager="labkit",
            transport=self._transport(),
        )

    def _transport(self) -> KubeTransport:
        return KubeTransport(self._patience, self._parameters()["verify"])

    def wait_for_restart(self, seconds: float = RESTART_SECONDS) -> None:
        """From now on have requests wait, for so many seconds, for an API server that is being started again."""
        self._patience.seconds = seconds

    def _parameters(self) -> dict[str, Any]:
        """What lightkube makes of the kubeconfig for httpx2: address, certificates, authentication."""
        config = self._config.get()
        if config is None:
            raise ConfigError("it has no current context")
        return ConnectionParams(timeout=httpx2.Timeout(_REQUEST_SECONDS), trust_env=False).httpx_params(config)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
        if "_raw" in self.__dict__:
            self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _doing(self, tried: str) -> Iterator[None]:
        try:
            yield
        except ApiError as error:  # which is an HTTPError, too
            require_namespace(error.status.message or "")
            raise LabFailed(tried, error.status.message or str(error), LOOK_REMEDY) from error
        except httpx2.HTTPError as error:
            raise LabFailed(tried, f"the cluster does not answer ({error})", GONE_REMEDY) from error

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        kind: str = "json",
        params: Mapping[str, str] | None = None,
        seconds: float = _REQUEST_SECONDS,
    ) -> httpx2.Response:
        """Ask the API server itself; its no is a response like any other.

        Raises:
            LabFailed: it does not answer, or the namespace is gone.
        """
        with self._doing(_asking(method, path)):
            response = self._raw.request(
                method,
                path,
                timeout=seconds,
                content=json.dumps(body) if body is not None else None,
                headers={"Content-Type": f"application/{kind}"} if body is not None else {},
                params={**(params or {}), **({"fieldManager": "labkit"} if body is not None else {})},
            )
        if response.is_error:
            require_namespace(message_of(response))
        return response

    def _ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Ask the API server itself, where the client hides what is wanted; `_send` says more.

        Raises:
            LabFailed: it says no, or does not answer.
        """
        response = self._send(method, path, **options)
        if response.is_error:
            raise LabFailed(_asking(method, path), message_of(response), LOOK_REMEDY)
        return response

    @functools.cached_property
    def _raw(self) -> httpx2.Client:
        return httpx2.Client(**{**self._parameters(), "transport": self._transport()})

    def _find(self, kind: Any, name: str, namespace: str) -> Any | None:
        with self._doing(f"Looking at {kind.__name__} {name}"):
            try:
                return self._client.get(kind, name, namespace=namespace)
            except ApiError as error:
                if error.status.code == 404:
                    return None
                raise

    def _delete(self, kind: Any, name: str) -> None:
        try:
            self._client.delete(kind, name)
        except ApiError as error:
            if error.status.code != 404:
                raise


def _asking(method: str, path: str) -> str:
    return f"Asking the API server to {method} {path}"


def message_of(response: httpx2.Response) -> str:
    """The API server's message, or whatever text came back."""
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return response.text.strip() or f"status {response.status_code}"


def namespace_gone(namespace: str) -> LabFailed:
    """The error for a namespace that somebody else has taken away."""
    return LabFailed(
        f"Looking into namespace {namespace}",
        "it is gone: this lesson was opened or reset elsewhere, perhaps in another notebook",
        "run the notebook's first cell again, and continue from there",
    )


def require_namespace(message: str) -> None:
    """See that the API server's words are not that a namespace is gone.

    Raises:
        LabFailed: they are.
    """
    if (gone := _NO_NAMESPACE.search(message)) is not None:
        raise namespace_gone(gone["name"] or gone["leaving"])


def meta(resource: Any) -> ObjectMeta:
    """The metadata of an object, which the API's models allow to be missing."""
    return resource.metadata if resource.metadata is not None else ObjectMeta()
