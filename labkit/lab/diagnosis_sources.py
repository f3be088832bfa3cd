"""Where a diagnosis comes from: each function gives the text of one file, with nothing secret in it, or raises."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

from labkit.adapters.engine import EngineUnreachable
from labkit.adapters.kind import find_kind
from labkit.adapters.kube import Kube
from labkit.adapters.program_versions import printed_version
from labkit.base.errors import LabFailed
from labkit.base.os_release import read_os_release
from labkit.base.redaction import HIDDEN, redact, redact_argv
from labkit.core.pods.api_objects import EventObject, PodObject
from labkit.lab.cluster_kinds.cluster import Cluster
from labkit.lab.doctor import doctor_report, examine
from labkit.lab.lab import Lab
from labkit.lab.machine.kubectl_program import find_kubectl, kubectl_version

_LINES = 2000
_PACKAGES = ("labkit", "click", "docker", "lightkube", "jupyterlab", "ipykernel")


def versions(lab: Lab) -> str:
    """Versions of all that takes part; null for what is not there."""
    kind, kubectl = find_kind(lab.configuration.cache), find_kubectl(lab.configuration.cache)
    return _json(
        {
            "packages": {package: _package_version(package) for package in _PACKAGES},
            "python": sys.version,
            "system": platform.platform(),
            "distribution": read_os_release().get("PRETTY_NAME"),
            "engine": _engine_versions(lab),
            "kind": printed_version(kind, "version").strip() if kind else None,
            "kubectl": kubectl_version(kubectl) if kubectl else None,
        }
    )


def _package_version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _engine_versions(lab: Lab) -> object:
    try:
        answer = lab.engine().version()
    except EngineUnreachable as error:
        return error.came_back
    components = {str(part.get("Name")): part.get("Version") for part in answer.get("Components") or ()}
    machine = {name: answer.get(name) for name in ("ApiVersion", "Os", "Arch", "KernelVersion")}
    return machine | components


def doctors_report(lab: Lab) -> str:
    """What the doctor finds."""
    return redact(doctor_report(examine(lab))) + "\n"


def status(lab: Lab) -> str:
    """How the lab is."""
    return _json(lab.status())


def node_log(lab: Lab) -> str:
    """What the node's first process printed last."""
    return redact(_cluster(lab).log(_LINES)) + "\n"


def service_log(lab: Lab, service: str) -> str:
    """The last lines of the log of a service on the node: of a file, or of systemd's journal.

    Raises:
        LabFailed: the node is not there or does not run, or it keeps no such log.
    """
    cluster = _cluster(lab)
    log = cluster.execute(["tail", f"--lines={_LINES}", f"/var/log/{service}.log"])
    if log.exit_status != 0:
        journal = ["journalctl", "--no-pager", f"--lines={_LINES}", f"--unit={service}"]
        log = cluster.execute(journal)
    if log.exit_status != 0:
        raise LabFailed(f"Reading the log of {service}", log.output.strip(), "look at the node\n  labkit doctor")
    return redact(log.stdout)


def _cluster(lab: Lab) -> Cluster:
    cluster = lab.cluster()
    if not cluster.exists():
        raise LabFailed("Looking for the cluster", "there is none", "make it\n  labkit up")
    return cluster


def _kube(lab: Lab) -> Kube:
    _cluster(lab)
    return lab.kube()


def pods(lab: Lab) -> str:
    """The pods of the lab's namespaces, as the API gives them, but for what may be secret."""
    kube = _kube(lab)
    return _json([pod_without_secrets(pod) for namespace in kube.namespaces() for pod in kube.pods(namespace)])


def events(lab: Lab) -> str:
    """The events of the lab's namespaces, a line each."""
    kube = _kube(lab)
    lines = [
        _event_line(namespace, event) for namespace in kube.namespaces() for event in kube.namespace_events(namespace)
    ]
    return "\n".join(sorted(lines)) + "\n"


def _event_line(namespace: str, event: EventObject) -> str:
    about = event.get("involvedObject", {})
    seen = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    columns = (seen, namespace, event.get("type"), event.get("reason"), f"{about.get('kind')}/{about.get('name')}")
    return redact("  ".join([*map(str, columns), " ".join(str(event.get("message")).split())]))


def pod_without_secrets(pod: PodObject) -> PodObject:
    """A pod without the values of its variables, its annotations, and what else may be secret; its shape stays."""
    fields = {**pod["metadata"]}.items()
    metadata = {name: value for name, value in fields if name not in ("annotations", "managedFields")}
    return cast(PodObject, _hidden({**pod, "metadata": metadata}))


def _hidden(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _hidden_field(name, inner) for name, inner in value.items()}
    if isinstance(value, list) and all(isinstance(inner, str) for inner in value):
        return redact_argv(value)
    if isinstance(value, list):
        return [_hidden(inner) for inner in value]
    return redact(value) if isinstance(value, str) else value


def _hidden_field(name: str, value: Any) -> Any:
    # kubernetes/api:core/v1, EnvVar and HTTPHeader: lists of a name and a value.
    if name in ("env", "httpHeaders"):
        return [{**_hidden(part), "value": HIDDEN} if "value" in part else _hidden(part) for part in value or ()]
    return _hidden(value)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, default=str) + "\n"
