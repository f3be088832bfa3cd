"""The user's own kubeconfig: found and merged as kubectl does it, and read only.

Source: kubernetes/client-go:tools/clientcmd/loader.go (of several files the first that has a name counts; paths are
relative to the file that they stand in).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, cast

import httpx2
import msgspec
import yaml
from lightkube import KubeConfig
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, User
from lightkube.core.exceptions import ConfigError

from labkit.adapters.kube.exec_credentials import fetch_credentials
from labkit.base.errors import LabFailed, Misuse, did_you_mean
from labkit.core.mappings import ManifestPart

_READING = "Reading the kubeconfig"
_DEFAULT = "~/.kube/config"
_NAMED = {"clusters": "cluster", "contexts": "context", "users": "user"}
_PATHS = {"cluster": ("certificate-authority",), "user": ("client-certificate", "client-key", "tokenFile")}
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


KubeconfigCluster = TypedDict(
    "KubeconfigCluster",
    {"server": str, "certificate-authority-data": str, "proxy-url": str, "tls-server-name": str},
    total=False,
)
"""A cluster, as far as it is read where lightkube does not (client-go:tools/clientcmd/api/v1/types.go)."""


@dataclass(frozen=True)
class ClusterAccess:
    """How to reach a cluster as its user.

    Args:
        context: its name.
        namespace: that of the context.
        server: the API server's address.
        client: the arguments of an HTTP client.
        server_name: the name in the server's certificate, None for that of the address.
        kubeconfig: the file that has the context, where kubectl does not look by itself; None where it does.
    """

    context: str
    namespace: str
    server: str
    client: Mapping[str, Any]
    server_name: str | None = None
    kubeconfig: Path | None = None

    @property
    def kubectl_options(self) -> tuple[str, ...]:
        """The options by which kubectl asks this cluster."""
        file = () if self.kubeconfig is None else ("--kubeconfig", str(self.kubeconfig))
        return (*file, "--context", self.context)

    def kubectl_line(self, *arguments: str) -> str:
        """A line to paste that asks this cluster.

        Args:
            arguments: kubectl's own, behind the options.
        """
        return shlex.join(["kubectl", *self.kubectl_options, *arguments])


def kubeconfig_files(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that kubectl would read."""
    listed = [Path(name) for name in environment.get("KUBECONFIG", "").split(os.pathsep) if name]
    return listed or [Path(_DEFAULT).expanduser()]


def open_access(context: str | None, files: Sequence[Path], seconds: float, exec_seconds: float) -> ClusterAccess:
    """What the files say of a context.

    Args:
        context: its name; None for the current one.
        files: the kubeconfig files, in the order in which they count.
        seconds: the timeout of each request.
        exec_seconds: how long a credential plugin may take.

    Raises:
        Misuse: there is no such context.
        LabFailed: there is no kubeconfig, it cannot be read, or gives no credentials.
    """
    there = [file for file in files if file.is_file()]
    clusters: dict[str, KubeconfigCluster] = {}
    if not there and context is None and _SERVICE_ACCOUNT.is_file():
        config = KubeConfig.from_service_account()
    elif not there:
        listed = ", ".join(map(str, files))
        raise LabFailed(_READING, f"there is no file {listed}", "name it\n  export KUBECONFIG=FILE")
    else:
        config, clusters = _read_merged(there)
    name = context or config.current_context
    if not name:
        raise Misuse(_READING, "it has no current context", f"name one of {_listed(config)}\n  --context NAME")
    if name not in config.contexts:
        remedy = did_you_mean(
            name, config.contexts, f"the kubeconfig has {_listed(config)}\n  kubectl config get-contexts"
        )
        raise Misuse(_READING, f"there is no context {name!r}", remedy)
    try:
        return _access(config.get(name), clusters.get(config.contexts[name].cluster, {}), seconds, exec_seconds)
    except (ConfigError, OSError, ValueError, KeyError, TypeError) as error:
        reason = f"context {name}: {_reason(error)}"
        raise LabFailed(_READING, reason, "look at it\n  kubectl config view --minify --context NAME") from error


def context_names(files: Sequence[Path]) -> list[str]:
    """The names of all contexts in those of some files that are there.

    Raises:
        LabFailed: a file is no kubeconfig.
    """
    there = [file for file in files if file.is_file()]
    return sorted(_read_merged(there)[0].contexts) if there else []


def has_context(file: Path, context: str) -> bool:
    """Whether a kubeconfig has a context."""
    return file.is_file() and context in _read_merged([file])[0].contexts


def _access(
    config: SingleConfig | None, cluster: KubeconfigCluster, seconds: float, exec_seconds: float
) -> ClusterAccess:
    if config is None:
        raise ConfigError("it has no current context")
    user = config.user or User()
    if user.auth_provider:
        raise ConfigError(
            "its user has an auth-provider, which kubectl has not known since 1.26; use a credential plugin"
        )
    if user.exec is not None:
        credentials = fetch_credentials(user.exec, config.fname, cluster, exec_seconds)
        user = User(
            token=credentials.token,
            client_cert_data=credentials.certificate_base64,
            client_key_data=credentials.key_base64,
        )
    if config.cluster.server.startswith("http://"):  # No certificates are needed, and loading them takes a while.
        config = config._replace(cluster=Cluster(config.cluster.server, insecure=True))
    parameters = ConnectionParams(timeout=httpx2.Timeout(seconds)).httpx_params(_with_user(config, user))
    if proxy := cluster.get("proxy-url"):
        parameters["proxy"] = proxy
    return ClusterAccess(
        config.context_name, config.namespace, config.cluster.server, parameters, cluster.get("tls-server-name")
    )


def _with_user(config: SingleConfig, user: User) -> SingleConfig:
    """The same context with another user."""
    return config._replace(user=user)


def _read_merged(files: Sequence[Path]) -> tuple[KubeConfig, dict[str, KubeconfigCluster]]:
    """Several files as one; and the clusters as they are written, for what lightkube does not read of them.

    Raises:
        LabFailed: a file is no kubeconfig.
    """
    merged: dict[str, dict[str, ManifestPart]] = {key: {} for key in _NAMED}
    current = ""
    for file in files:
        try:
            document = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
            current = current or str(document.get("current-context") or "")
            for key, inner in _NAMED.items():
                for name, entry in _entries(document.get(key), inner):
                    merged[key].setdefault(name, _with_absolute_paths(entry, inner, file.absolute().parent))
        except (OSError, ValueError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            raise LabFailed(
                f"{_READING} {file}", _reason(error), "it must be a kubeconfig\n  kubectl config view"
            ) from error
    try:
        config = KubeConfig.from_dict(
            {
                "current-context": current or None,
                **{
                    key: [{"name": name, _NAMED[key]: entry} for name, entry in entries.items()]
                    for key, entries in merged.items()
                },
            },
            fname=files[0].absolute(),
        )
    except (msgspec.ValidationError, TypeError) as error:
        raise LabFailed(_READING, _reason(error), "look at it\n  kubectl config view") from error
    return config, {name: cast(KubeconfigCluster, entry) for name, entry in merged["clusters"].items()}


def _entries(listed: Any, inner: str) -> Iterator[tuple[str, ManifestPart]]:
    for entry in listed or ():
        yield str(entry["name"]), dict(entry.get(inner) or {})


def _with_absolute_paths(entry: ManifestPart, inner: str, folder: Path) -> ManifestPart:
    absolute: ManifestPart = {key: str(folder / entry[key]) for key in _PATHS.get(inner, ()) if entry.get(key)}
    plugin = entry.get("exec")
    if isinstance(plugin, dict) and "/" in str(plugin.get("command", "")):
        absolute["exec"] = {**plugin, "command": str(folder / plugin["command"])}
    return {**entry, **absolute}


def _listed(config: KubeConfig) -> str:
    return ", ".join(sorted(config.contexts)) or "none"


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
