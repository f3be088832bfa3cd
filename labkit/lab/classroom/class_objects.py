"""What a class on a cluster has once: its namespace, hub and proxy, and their rights. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from labkit.core.admission.policy import ENFORCE_LABEL
from labkit.core.mappings import Manifest, ManifestPart
from labkit.lab.classroom.class_keys import ClassKeys
from labkit.lab.classroom.class_rules import cluster_objects
from labkit.lab.classroom.class_settings import (
    CLASS_LABEL,
    HUB_PORT,
    HUB_USER,
    PROXY_API_PORT,
    PROXY_PORT,
    ROLE_LABEL,
    SECRETS_FOLDER,
    SERVER_PORT,
    SETTINGS_FOLDER,
    STATE_FOLDER,
    ClassSettings,
)
from labkit.lab.classroom.sandbox import api_rule, dns_rule, in_namespace, network_policy

CONTENT_ANNOTATION = "labkit.content"
KEYS_SECRET = "keys"
CERTIFICATE_SECRET = "tls"
_CERTIFICATE_FOLDER = "/etc/labkit-class-tls"


def class_objects(settings: ClassSettings, keys: ClassKeys | None = None) -> list[Manifest]:
    """All that a class has beside its participants, in the order in which it has to be made.

    Args:
        settings: of the class.
        keys: its secrets; None leaves the Secret out, for whoever makes it otherwise.
    """
    return [
        _labelled(settings, "v1", "Namespace", settings.name, extra={ROLE_LABEL: "hub", ENFORCE_LABEL: "restricted"}),
        *cluster_objects(settings),
        *(
            {**_own(settings, "v1", "ServiceAccount", name), "automountServiceAccountToken": False}
            for name in ("hub", "proxy")
        ),
        {
            **_own(settings, "v1", "ConfigMap", "settings"),
            "data": {"settings.json": json.dumps(settings.to_json_ready(), indent=2)},
        },
        *([{**_own(settings, "v1", "Secret", KEYS_SECRET), "stringData": keys.files()}] if keys else []),
        *([_hub_volume(settings)] if settings.has_volumes else []),
        *_networks(settings),
        _deployment(settings, "hub", _hub_pod(settings), {CONTENT_ANNOTATION: _read_by_hub(settings, keys)}),
        _deployment(settings, "proxy", _proxy_pod(settings), {}),
        _service(settings, "hub", "hub", {"hub": HUB_PORT}),
        _service(settings, "proxy-api", "proxy", {"api": PROXY_API_PORT}),
        _entry(settings),
    ]


def hub_address(settings: ClassSettings) -> str:
    """Where servers and the proxy find the hub."""
    return f"http://hub.{settings.name}.svc:{HUB_PORT}"


def proxy_api_address(settings: ClassSettings) -> str:
    """Where the hub finds the proxy."""
    return f"http://proxy-api.{settings.name}.svc:{PROXY_API_PORT}"


def _labelled(
    settings: ClassSettings, api: str, kind: str, name: str, *, extra: Mapping[str, str] | None = None
) -> Manifest:
    metadata = {"name": name, "labels": {CLASS_LABEL: settings.name, **(extra or {})}}
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def _own(settings: ClassSettings, api: str, kind: str, name: str) -> Manifest:
    manifest = _labelled(settings, api, kind, name)
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": settings.name}}


def _hub_volume(settings: ClassSettings) -> Manifest:
    spec: ManifestPart = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    if settings.storage_class:
        spec["storageClassName"] = settings.storage_class
    return {**_own(settings, "v1", "PersistentVolumeClaim", "hub"), "spec": spec}


def _networks(settings: ClassSettings) -> list[Manifest]:
    labels = {CLASS_LABEL: settings.name}
    servers = {"namespaceSelector": {"matchLabels": {CLASS_LABEL: settings.name, ROLE_LABEL: "server"}}}
    hub, proxy = ({"podSelector": {"matchLabels": {"app": name}}} for name in ("hub", "proxy"))
    # `labkit class watch` reads what is shared through the API server's proxy.
    through_api = [in_namespace("kube-system"), *({"ipBlock": {"cidr": block}} for block in settings.api_addresses)]
    ports = {port: [{"port": port, "protocol": "TCP"}] for port in (HUB_PORT, PROXY_PORT, PROXY_API_PORT, SERVER_PORT)}
    return [
        network_policy(
            "hub",
            settings.name,
            labels,
            {"app": "hub"},
            [{"from": [proxy, servers, *through_api], "ports": ports[HUB_PORT]}],
            [
                dns_rule(),
                api_rule(settings),
                {"to": [proxy], "ports": ports[PROXY_API_PORT]},
                {"to": [servers], "ports": ports[SERVER_PORT]},
            ],
        ),
        network_policy(
            "proxy",
            settings.name,
            labels,
            {"app": "proxy"},
            [{"ports": ports[PROXY_PORT]}, {"from": [hub], "ports": ports[PROXY_API_PORT]}],
            [
                dns_rule(),
                {"to": [hub], "ports": ports[HUB_PORT]},
                {"to": [servers], "ports": ports[SERVER_PORT]},
            ],
        ),
    ]


def _read_by_hub(settings: ClassSettings, keys: ClassKeys | None) -> str:
    """Changes with what the hub reads when it starts: with other settings or keys there is to be another pod."""
    content = json.dumps([settings.to_json_ready(), keys.files() if keys else {}], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _deployment(settings: ClassSettings, name: str, pod: Mapping[str, Any], annotations: Mapping[str, str]) -> Manifest:
    labels = {"app": name}
    metadata: ManifestPart = {"labels": {**labels, CLASS_LABEL: settings.name}}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {
        **_own(settings, "apps/v1", "Deployment", name),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},  # Two hubs may not have one database.
            "selector": {"matchLabels": labels},
            "template": {"metadata": metadata, "spec": dict(pod)},
        },
    }


def _hub_pod(settings: ClassSettings) -> ManifestPart:
    state = {"persistentVolumeClaim": {"claimName": "hub"}} if settings.has_volumes else {"emptyDir": {}}
    container = {
        "name": "hub",
        "image": settings.hub_image,
        "ports": [{"name": "hub", "containerPort": HUB_PORT}],
        "env": [{"name": "POD_NAMESPACE", "value": settings.name}, {"name": "HOME", "value": "/tmp"}],
        "resources": {"requests": {"cpu": "100m", "memory": "200Mi"}, "limits": {"memory": "1Gi"}},
        "readinessProbe": {
            "httpGet": {"path": "/hub/health", "port": HUB_PORT},
            "periodSeconds": 2,
            "timeoutSeconds": 5,
        },
        "volumeMounts": [
            {"name": "settings", "mountPath": SETTINGS_FOLDER, "readOnly": True},
            {"name": "keys", "mountPath": SECRETS_FOLDER, "readOnly": True},
            {"name": "state", "mountPath": STATE_FOLDER},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
    volumes = [
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "keys", "secret": {"secretName": KEYS_SECRET, "defaultMode": 0o440}},
        {"name": "state", **state},
        {"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}},
    ]
    return {**_pod("hub", [container], volumes), "automountServiceAccountToken": True}


def _proxy_pod(settings: ClassSettings) -> ManifestPart:
    certificate = (
        [f"--ssl-cert={_CERTIFICATE_FOLDER}/tls.crt", f"--ssl-key={_CERTIFICATE_FOLDER}/tls.key"]
        if settings.has_certificate
        else []
    )
    health = {"path": "/_chp_healthz", "port": PROXY_PORT, "scheme": "HTTPS" if settings.has_certificate else "HTTP"}
    token = {"valueFrom": {"secretKeyRef": {"name": KEYS_SECRET, "key": "proxy-token"}}}
    container = {
        "name": "proxy",
        "image": settings.hub_image,
        "command": [
            "configurable-http-proxy",
            "--ip=0.0.0.0",
            f"--port={PROXY_PORT}",
            "--api-ip=0.0.0.0",
            f"--api-port={PROXY_API_PORT}",
            f"--default-target={hub_address(settings)}",
            f"--error-target={hub_address(settings)}/hub/error",
            *certificate,
        ],
        "ports": [
            {"name": "proxy", "containerPort": PROXY_PORT},
            {"name": "api", "containerPort": PROXY_API_PORT},
        ],
        "env": [{"name": "CONFIGPROXY_AUTH_TOKEN", **token}],
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "readinessProbe": {"httpGet": health, "periodSeconds": 2, "timeoutSeconds": 5},
        "volumeMounts": [
            {"name": "tmp", "mountPath": "/tmp"},
            *([{"name": "tls", "mountPath": _CERTIFICATE_FOLDER, "readOnly": True}] if certificate else []),
        ],
    }
    volumes: list[ManifestPart] = [{"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}}]
    if certificate:
        volumes.append({"name": "tls", "secret": {"secretName": CERTIFICATE_SECRET, "defaultMode": 0o440}})
    return _pod("proxy", [container], volumes)


def _pod(account: str, containers: Sequence[Mapping[str, Any]], volumes: Sequence[Mapping[str, Any]]) -> ManifestPart:
    """A pod for the level restricted: a number as user, no rights of root, nothing to write but its volumes."""
    return {
        "serviceAccountName": account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": HUB_USER,
            "runAsGroup": HUB_USER,
            "fsGroup": HUB_USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                **container,
                "imagePullPolicy": "IfNotPresent",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
            for container in containers
        ],
        "volumes": [dict(volume) for volume in volumes],
    }


def _service(settings: ClassSettings, name: str, app: str, ports: Mapping[str, int]) -> Manifest:
    listed = [{"name": port, "port": number, "targetPort": number} for port, number in ports.items()]
    return {**_own(settings, "v1", "Service", name), "spec": {"selector": {"app": app}, "ports": listed}}


def _entry(settings: ClassSettings) -> Manifest:
    """The one service that people use."""
    number = 443 if settings.has_certificate else 80
    port: ManifestPart = {"name": "web", "port": number, "targetPort": PROXY_PORT}
    if settings.exposed == "NodePort" and settings.node_port:
        port["nodePort"] = settings.node_port
    spec = {"type": settings.exposed, "selector": {"app": "proxy"}, "ports": [port]}
    return {**_own(settings, "v1", "Service", "proxy"), "spec": spec}
