"""How people come to a class on a cluster: by a port-forward on loopback, or at an address with TLS."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.adapters.kube.cluster_reader import ClusterReader
from labkit.lab.classroom.class_settings import ClassSettings

LOCAL_PORT = 8000


@dataclass(frozen=True)
class ClassEntry:
    """Where the class is.

    Args:
        address: what a browser opens; empty if it is not known yet.
        forward: the arguments of kubectl that open it on loopback; empty where the address is beyond this machine.
        note: what is to be known of it.
    """

    address: str
    forward: tuple[str, ...] = ()
    note: str = ""

    @property
    def forward_line(self) -> str:
        """The same as a line to paste; empty if there is none."""
        return shlex.join(["kubectl", *self.forward]) if self.forward else ""


def find_entry(cluster: ClusterReader, settings: ClassSettings, port: int = LOCAL_PORT) -> ClassEntry:
    """How the class is reached.

    Args:
        cluster: where it is.
        settings: of the class.
        port: of loopback, for a port-forward.
    """
    if settings.exposed == "ClusterIP":
        return _forwarded(cluster, settings, port)
    host = settings.host
    service = cluster.get(f"api/v1/namespaces/{settings.name}/services/proxy") or {}
    scheme = "https" if settings.has_certificate else "http"
    if settings.exposed == "NodePort":
        number = _first_port(service).get("nodePort", "")
        note = "" if host else "any node's address will do"
        return ClassEntry(f"{scheme}://{_in_url(host or 'NODE')}:{number}/", note=note)
    given = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or [{}]
    name = host or given[0].get("hostname") or given[0].get("ip") or ""
    if not name:
        line = settings.line(cluster.access.context, "status")
        return ClassEntry("", note=f"the cluster has not given the load balancer an address yet: {line}")
    return ClassEntry(f"{scheme}://{_in_url(name)}/")


def _forwarded(cluster: ClusterReader, settings: ClassSettings, port: int) -> ClassEntry:
    scheme, number = ("https", 443) if settings.has_certificate else ("http", 80)
    arguments = (*cluster.access.kubectl_options, "--namespace", settings.name)
    forward = (*arguments, "port-forward", "service/proxy", f"{port}:{number}")
    return ClassEntry(f"{scheme}://127.0.0.1:{port}/", forward, "on this machine alone, while the port-forward runs")


def _first_port(service: Mapping[str, Any]) -> Mapping[str, Any]:
    ports = (service.get("spec") or {}).get("ports") or [{}]
    return dict(ports[0])


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
