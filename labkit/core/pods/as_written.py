"""Whether an object of the API is as a manifest has it, but for what the API server and the scheduler fill in. Pure.

(kubernetes/kubernetes:pkg/apis/core/v1/defaults.go and apps/v1/defaults.go, and the admission plugins ServiceAccount,
Priority, DefaultTolerationSeconds and LimitRanger)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_ANYTHING = object()
_FILLED: Mapping[str, Any] = {
    # Of a pod.
    "dnsPolicy": "ClusterFirst",
    "enableServiceLinks": True,
    "nodeName": _ANYTHING,
    "preemptionPolicy": "PreemptLowerPriority",
    "priority": 0,
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "serviceAccount": "default",
    "serviceAccountName": "default",
    "terminationGracePeriodSeconds": 30,
    "tolerations": _ANYTHING,
    # Of a container.
    "imagePullPolicy": _ANYTHING,
    "resources": _ANYTHING,  # A LimitRange of the namespace, as a class's has, fills them in.
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    # Of a volume.
    "defaultMode": 0o644,
    "type": "",
    # Of a template.
    "creationTimestamp": None,
    # Of a Deployment.
    "progressDeadlineSeconds": 600,
    "revisionHistoryLimit": 10,
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
}
_TOKEN = "kube-api-access-"
"""What the names of the volumes begin with by which pods get their tokens."""


def is_as_written(spec: Mapping[str, Any], written: Mapping[str, Any]) -> bool:
    """Whether the spec of an object of the API is that of a manifest.

    Args:
        spec: as the API gives it.
        written: as the manifest has it, with whole names of images.
    """
    return _is_same(spec, written)


def _is_same(there: Any, written: Any) -> bool:
    if isinstance(there, Mapping) and isinstance(written, Mapping):
        names = {name for name in (*there, *written) if name not in ("metadata", "status") or name in written}
        return all(_is_field_same(name, there, written) for name in names)
    if isinstance(there, list) and isinstance(written, list):
        kept = _without_tokens(there)
        return len(kept) == len(written) and all(map(_is_same, kept, written))
    return bool(there == written)


def _is_field_same(name: str, there: Mapping[str, Any], written: Mapping[str, Any]) -> bool:
    if name in written:
        return name in there and _is_same(there[name], written[name])
    value = there[name]
    if name in ("volumes", "volumeMounts"):
        return not _without_tokens(value)
    return _FILLED.get(name) is _ANYTHING or (name in _FILLED and value == _FILLED[name])


def _without_tokens(entries: Sequence[Any]) -> list[Any]:
    """A list without the volumes of tokens."""
    return [
        entry for entry in entries if not (isinstance(entry, Mapping) and str(entry.get("name", "")).startswith(_TOKEN))
    ]
