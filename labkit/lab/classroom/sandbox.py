"""What a participant of a class on a cluster has: two namespaces, rights in one of them, limits, closed doors. Pure.

The command's dry run, the kustomization, the hub's spawn hook and the tests all take the objects from here. The hub
applies them in the order given, and a 409 is fine. It has its rights in a participant's namespace by a RoleBinding that
it makes itself: RBAC may take a moment to know it, so a 403 right after that is to be tried again for some seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.core.admission.policy import ENFORCE_LABEL
from labkit.core.mappings import Manifest, ManifestPart
from labkit.lab.classroom.class_rules import hub_subject, role_binding
from labkit.lab.classroom.class_settings import (
    CLASS_LABEL,
    HUB_PORT,
    PARTICIPANT_LABEL,
    ROLE_LABEL,
    SERVER_PORT,
    ClassSettings,
)
from labkit.lab.classroom.server_pod import SERVICE_ACCOUNT, server_level

HOME_CLAIM = "home"
QUOTA = "lessons"
"""The name of the quota, which a refusal names."""


def sandbox_objects(settings: ClassSettings, participant: str) -> list[Manifest]:
    """All that is made for a participant before their server, in the order in which it has to be made.

    Args:
        settings: of the class.
        participant: their id.

    Raises:
        Misuse: it is not a participant's id.
    """
    server, lab = settings.server_namespace(participant), settings.lab_namespace(participant)
    labels = {CLASS_LABEL: settings.name, PARTICIPANT_LABEL: participant}
    subject = {"kind": "ServiceAccount", "name": SERVICE_ACCOUNT, "namespace": server}
    return [
        _namespace(server, labels, "server", server_level(settings)),
        _namespace(lab, labels, "lab", "baseline"),
        role_binding("hub", server, settings.keeper_role, hub_subject(settings), labels),
        role_binding("hub", lab, settings.keeper_role, hub_subject(settings), labels),
        {**_namespaced("v1", "ServiceAccount", SERVICE_ACCOUNT, server, labels), "automountServiceAccountToken": False},
        _server_quota(settings, server, labels),
        _lab_quota(settings, lab, labels),
        _defaults(settings, lab, labels),
        _network_of_server(settings, server, lab, labels),
        _network_of_lab(settings, server, lab, labels),
        *([_home(settings, server, labels)] if settings.has_volumes else []),
        role_binding("participant", lab, settings.participant_role, subject, labels),
    ]


def _namespace(name: str, labels: Mapping[str, str], role: str, level: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {**labels, ROLE_LABEL: role, ENFORCE_LABEL: level}},
    }


def _namespaced(api: str, kind: str, name: str, namespace: str, labels: Mapping[str, str]) -> Manifest:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
    }


def _server_quota(settings: ClassSettings, namespace: str, labels: Mapping[str, str]) -> Manifest:
    hard = {
        "pods": "2",  # One that ends, and the next.
        "persistentvolumeclaims": "1",
        "services": "0",
        "secrets": "4",
        "configmaps": "4",  # One is the cluster's own certificate, which Kubernetes puts into every namespace.
    }
    return {**_namespaced("v1", "ResourceQuota", "server", namespace, labels), "spec": {"hard": hard}}


def _lab_quota(settings: ClassSettings, namespace: str, labels: Mapping[str, str]) -> Manifest:
    hard = {
        "pods": str(settings.sizes.lab_pods),
        "limits.memory": settings.sizes.lab_memory,
        "count/deployments.apps": "10",
        "secrets": "40",
        "configmaps": "40",
        "services": "10",
        "services.nodeports": "0",
        "services.loadbalancers": "0",
        "persistentvolumeclaims": "0",
    }
    return {**_namespaced("v1", "ResourceQuota", QUOTA, namespace, labels), "spec": {"hard": hard}}


def _defaults(settings: ClassSettings, namespace: str, labels: Mapping[str, str]) -> Manifest:
    limits = {
        "type": "Container",
        "default": {"memory": settings.sizes.pod_memory, "ephemeral-storage": settings.sizes.pod_disk},
        "defaultRequest": {"memory": "16Mi", "cpu": "1m", "ephemeral-storage": "1Mi"},
    }
    return {**_namespaced("v1", "LimitRange", "defaults", namespace, labels), "spec": {"limits": [limits]}}


def _home(settings: ClassSettings, namespace: str, labels: Mapping[str, str]) -> Manifest:
    spec: ManifestPart = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": settings.sizes.home}},
    }
    if settings.storage_class:
        spec["storageClassName"] = settings.storage_class
    return {**_namespaced("v1", "PersistentVolumeClaim", HOME_CLAIM, namespace, labels), "spec": spec}


def in_namespace(name: str) -> ManifestPart:
    """Who is in a namespace, as a network policy says it."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def dns_rule() -> ManifestPart:
    """Names can be asked for, of whatever answers in this cluster: a pod, or a cache on the node."""
    return {"ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]}


def api_rule(settings: ClassSettings) -> ManifestPart:
    """The API server can be asked: at its addresses if they are known, else at its ports anywhere."""
    ports = [{"port": port, "protocol": "TCP"} for port in (443, 6443)]
    if not settings.api_addresses:
        return {"ports": ports}
    return {"to": _blocks(settings.api_addresses)}


def _blocks(addresses: Sequence[str]) -> list[ManifestPart]:
    return [{"ipBlock": {"cidr": address}} for address in addresses]


def network_policy(
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    pods: Mapping[str, str],
    ingress: Sequence[Mapping[str, Any]],
    egress: Sequence[Mapping[str, Any]],
) -> Manifest:
    """A network policy that closes all but what it names.

    Args:
        name: its name.
        namespace: where it is.
        labels: its own.
        pods: the labels of the pods that it is for; empty for all of the namespace.
        ingress: who may come.
        egress: where they may go.
    """
    selector = {"matchLabels": dict(pods)} if pods else {}
    return {
        **_namespaced("networking.k8s.io/v1", "NetworkPolicy", name, namespace, labels),
        "spec": {
            "podSelector": selector,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [dict(rule) for rule in ingress],
            "egress": [dict(rule) for rule in egress],
        },
    }


def _network_of_server(settings: ClassSettings, server: str, lab: str, labels: Mapping[str, str]) -> Manifest:
    port = {"port": SERVER_PORT, "protocol": "TCP"}
    hub = {**in_namespace(settings.name), "podSelector": {"matchLabels": {"app": "hub"}}}
    return network_policy(
        "server",
        server,
        labels,
        {},
        [{"from": [in_namespace(settings.name)], "ports": [port]}],
        [
            dns_rule(),
            api_rule(settings),
            {"to": [hub], "ports": [{"port": HUB_PORT, "protocol": "TCP"}]},
            {"to": [in_namespace(lab)]},
            *([registry_rule(settings)] if settings.registry else []),
        ],
    )


def registry_rule(settings: ClassSettings) -> ManifestPart:
    """The registry's port can be reached; policies know no names, so its address is left open."""
    port = settings.registry.partition("/")[0].rpartition(":")[2]
    return {"ports": [{"port": int(port) if port.isdigit() else 443, "protocol": "TCP"}]}


def _network_of_lab(settings: ClassSettings, server: str, lab: str, labels: Mapping[str, str]) -> Manifest:
    own = [in_namespace(lab), in_namespace(server)]
    # `page` asks through the API server, which comes from its own address, or by an agent in kube-system.
    through_api = [in_namespace("kube-system"), *_blocks(settings.api_addresses)]
    return network_policy(
        "lessons", lab, labels, {}, [{"from": own + through_api}], [dns_rule(), {"to": [in_namespace(lab)]}]
    )
