"""What the API server fills in is no change, and everything else is."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from labkit.core.pods.as_written import is_as_written

_WRITTEN: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True},
    "containers": [{"name": "app", "image": "web:lab", "command": ["sleep", "1"]}],
    "volumes": [{"name": "scratch", "hostPath": {"path": "/tmp"}}],
}
_TOKEN = {"name": "kube-api-access-x2b4c", "projected": {}}
_THERE: dict[str, Any] = {
    "volumes": [{"name": "scratch", "hostPath": {"path": "/tmp", "type": ""}}, _TOKEN],
    "containers": [
        {
            "name": "app",
            "image": "web:lab",
            "command": ["sleep", "1"],
            "resources": {},
            "volumeMounts": [{"name": "kube-api-access-x2b4c", "mountPath": "/var/run/secrets"}],
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "imagePullPolicy": "IfNotPresent",
        }
    ],
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "serviceAccountName": "default",
    "serviceAccount": "default",
    "nodeName": "node",
    "securityContext": {"runAsNonRoot": True},
    "schedulerName": "default-scheduler",
    "tolerations": [{"key": "node.kubernetes.io/not-ready"}],
    "priority": 0,
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
}


def test_what_the_server_fills_in_is_no_change() -> None:
    assert is_as_written(_THERE, _WRITTEN)
    assert is_as_written(_WRITTEN, _WRITTEN)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("hostUsers", False),
        ("restartPolicy", "Never"),
        ("ephemeralContainers", [{"name": "debugger"}]),
        ("securityContext", {"runAsNonRoot": True, "runAsUser": 0}),
        ("securityContext", {}),
        ("volumes", [_TOKEN]),
        ("containers", [*_THERE["containers"], *_THERE["containers"]]),
        ("containers.0.command", ["sleep", "2"]),
        ("containers.0.image", "web:2"),
        ("containers.0.securityContext", {"runAsUser": 1654}),
        ("containers.0.env", []),
        ("containers.0.volumeMounts", [{"name": "scratch", "mountPath": "/s"}]),
    ],
)
def test_anything_else_is_one(path: str, value: Any) -> None:
    there = copy.deepcopy(_THERE)
    part: Any = there
    *above, last = path.split(".")
    for name in above:
        part = part[int(name) if name.isdigit() else name]
    part[last] = value
    assert not is_as_written(there, _WRITTEN)


def test_a_deployment_is_compared_with_its_template() -> None:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": _WRITTEN}
    written = {"replicas": 2, "selector": {"matchLabels": {"app": "a"}}, "template": template}
    there = {
        **written,
        "template": {"metadata": {"labels": {"app": "a"}, "creationTimestamp": None}, "spec": _THERE},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    assert is_as_written(there, written)
    assert not is_as_written({**there, "replicas": 1}, written)
    assert not is_as_written({**there, "paused": True}, written)
