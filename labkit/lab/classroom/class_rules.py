"""Who may do what on a cluster that has a class: roles, and the ceilings that no role can express. Pure.

Source: kubernetes.io, "Using RBAC Authorization" (bind, privilege escalation) and "Validating Admission Policy".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from labkit.core.admission.policy import ENFORCE_LABEL
from labkit.core.mappings import Manifest, ManifestPart
from labkit.lab.classroom.class_settings import CLASS_LABEL, ROLE_LABEL, ClassSettings

_RBAC = "rbac.authorization.k8s.io"
_READ = ("get", "list", "watch")
_CHANGE = (*_READ, "create", "patch", "update", "delete", "deletecollection")
_SYSTEM_TOLERATIONS = (
    "['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable', 'node.kubernetes.io/memory-pressure']"
)


def cluster_objects(settings: ClassSettings) -> list[Manifest]:
    """The cluster-wide objects of a class: roles, the hub's binding, ceilings."""
    hub = _hub_rules(settings)
    return [
        _cluster_role(settings, settings.participant_role, participant_rules()),
        _cluster_role(settings, settings.keeper_role, keeper_rules()),
        _cluster_role(settings, settings.hub_role, hub),
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": _metadata(settings, settings.hub_role),
            "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": settings.hub_role},
            "subjects": [hub_subject(settings)],
        },
        *_ceilings(settings),
    ]


def participant_rules() -> list[ManifestPart]:
    """What the lessons need, in the namespace of a participant's lessons alone.

    A binding in a namespace covers the namespace object of the same name: `patch` lets a lesson set its Pod Security
    level, up to the ceiling.
    """
    return [
        _rule("", ("namespaces",), ("get", "patch")),
        # `kubectl wait` and `rollout status` watch; `set image`, `edit` and `replace` change what is there.
        _rule("", ("pods",), _CHANGE),
        _rule("", ("pods/log", "pods/proxy"), ("get",)),
        _rule("", ("pods/exec",), ("create", "get")),
        # `kubectl debug`, in lessons 06 and 08; Pod Security judges what it adds like any container.
        _rule("", ("pods/ephemeralcontainers",), ("patch",)),
        _rule("", ("events",), _READ),
        _rule("", ("serviceaccounts", "resourcequotas"), ("get",)),
        _rule("", ("secrets", "configmaps"), _CHANGE),
        # The article's manifest has one (lesson 07); a ceiling keeps it inside of the cluster.
        _rule("", ("services",), _CHANGE),
        _rule("apps", ("deployments",), _CHANGE),
        _rule("apps", ("replicasets",), _READ),
    ]


def keeper_rules() -> list[ManifestPart]:
    """What the hub needs in the participants' namespaces alone."""
    return [
        _rule("", ("pods", "persistentvolumeclaims"), (*_READ, "create", "delete")),
        _rule("", ("serviceaccounts", "resourcequotas", "limitranges"), ("get", "create")),
        _rule("networking.k8s.io", ("networkpolicies",), ("get", "create")),
    ]


def _hub_rules(settings: ClassSettings) -> list[ManifestPart]:
    """What the hub needs on the whole cluster: KubeSpawner watches pods and events of all namespaces at once."""
    reading = [_rule("", ("pods", "events"), _READ), _rule("", ("namespaces",), ("get",))]
    if settings.prepared:
        return reading
    return [
        *reading,
        _rule("", ("namespaces",), ("create",)),
        _rule(_RBAC, ("rolebindings",), ("get", "create")),
        {
            **_rule(_RBAC, ("clusterroles",), ("bind",)),
            "resourceNames": [settings.keeper_role, settings.participant_role],
        },
    ]


def hub_subject(settings: ClassSettings) -> ManifestPart:
    """The hub's service account, as a binding names it."""
    return {"kind": "ServiceAccount", "name": "hub", "namespace": settings.name}


def role_binding(
    name: str, namespace: str, role: str, subject: Mapping[str, Any], labels: Mapping[str, str]
) -> Manifest:
    """A ClusterRole's rights, in one namespace alone.

    Args:
        name: of the binding.
        namespace: where it is.
        role: the ClusterRole's name.
        subject: who gets them, as RBAC writes it.
        labels: of the binding.
    """
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [dict(subject)],
    }


def _ceilings(settings: ClassSettings) -> list[Manifest]:
    hub = f"system:serviceaccount:{settings.name}:hub"
    participants = f"system:serviceaccount:{settings.name}-p-"
    of_class = {CLASS_LABEL: settings.name}
    level = f"object.metadata.labels[?'{ENFORCE_LABEL}'].orValue('')"
    same = "oldObject.metadata.labels[k] == object.metadata.labels[k]"
    kept = f"k == '{ENFORCE_LABEL}' || (k in oldObject.metadata.labels && {same})"
    return [
        *_policy(
            settings,
            "level",
            [_operations("", ("namespaces",), ("UPDATE",))],
            # Chosen by who asks, never by the namespace's labels: those would be the ones that the request wants.
            None,
            f"request.userInfo.username.startsWith('{participants}')",
            {
                f"{level} in ['baseline', 'restricted']": (
                    "a participant sets the Pod Security level to baseline or restricted, and to no other"
                ),
                f"object.metadata.labels.all(k, {kept}) && "
                "oldObject.metadata.labels.all(k, k in object.metadata.labels)": (
                    "a participant changes no label of the namespace but the Pod Security level"
                ),
                " && ".join(
                    f"object.metadata.?{part}.orValue({empty}) == oldObject.metadata.?{part}.orValue({empty})"
                    for part, empty in (("annotations", "{}"), ("finalizers", "[]"), ("ownerReferences", "[]"))
                ): "a participant changes nothing of the namespace but the Pod Security level",
            },
        ),
        *_policy(
            settings,
            "pods",
            [_operations("", ("pods",), ("CREATE",))],
            {**of_class, ROLE_LABEL: "lab"},
            "true",
            {
                "object.spec.?nodeName.orValue('') == ''": "a pod of a class does not choose its node",
                "!object.spec.?priorityClassName.orValue('').startsWith('system-')": (
                    "a pod of a class does not displace others"
                ),
                f"object.spec.?tolerations.orValue([]).all(t, t.?key.orValue('') in {_SYSTEM_TOLERATIONS})": (
                    "a pod of a class goes to no node that is kept for others"
                ),
            },
        ),
        *_policy(
            settings,
            "services",
            [_operations("", ("services",), ("CREATE", "UPDATE"))],
            {**of_class, ROLE_LABEL: "lab"},
            "true",
            {
                "object.spec.?type.orValue('ClusterIP') == 'ClusterIP'": (
                    "a service of a class is for the cluster's inside: of type ClusterIP"
                ),
                # Whoever may set these takes traffic that is meant for others (CVE-2020-8554).
                "object.spec.?externalIPs.orValue([]).size() == 0": "a service of a class has no externalIPs",
            },
        ),
        *_policy(
            settings,
            "hub",
            [
                _operations("", ("namespaces",), ("CREATE", "UPDATE")),
                _operations(_RBAC, ("rolebindings",), ("CREATE", "UPDATE"), "v1"),
            ],
            None,
            f"request.userInfo.username == '{hub}'",
            {
                "request.resource.resource != 'namespaces' || ("
                f"object.metadata.name.startsWith('{settings.name}-p-') && "
                f"object.metadata.labels[?'{CLASS_LABEL}'].orValue('') == '{settings.name}' && "
                f"{level} in ['baseline', 'restricted'])": "the hub makes no namespaces but those of its participants",
                "request.resource.resource != 'rolebindings' || (namespaceObject != null && "
                f"namespaceObject.metadata.labels[?'{CLASS_LABEL}'].orValue('') == '{settings.name}' && "
                f"namespaceObject.metadata.name.startsWith('{settings.name}-p-'))": (
                    "the hub gives rights in no namespaces but those of its participants"
                ),
            },
        ),
    ]


def _policy(
    settings: ClassSettings,
    name: str,
    operations: Sequence[Mapping[str, Any]],
    namespaces: Mapping[str, str] | None,
    condition: str,
    validations: Mapping[str, str],
) -> list[Manifest]:
    """A ValidatingAdmissionPolicy and its binding.

    Args:
        settings: of the class.
        name: of the policy, behind the class's.
        operations: which requests it looks at.
        namespaces: the labels of the namespaces that it looks at, None for all.
        condition: of the request, in CEL.
        validations: what has to be true, in CEL -> what is told to whom is refused.
    """
    whole = f"{settings.name}-{name}"
    constraints: ManifestPart = {"resourceRules": [dict(operation) for operation in operations]}
    if namespaces is not None:
        constraints["namespaceSelector"] = {"matchLabels": dict(namespaces)}
    api = "admissionregistration.k8s.io/v1"
    return [
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": _metadata(settings, whole),
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": constraints,
                "matchConditions": [{"name": "who", "expression": condition}],
                "validations": [
                    {"expression": expression, "message": message, "reason": "Forbidden"}
                    for expression, message in validations.items()
                ],
            },
        },
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": _metadata(settings, whole),
            "spec": {"policyName": whole, "validationActions": ["Deny"]},
        },
    ]


def _operations(group: str, resources: Sequence[str], operations: Sequence[str], version: str = "v1") -> ManifestPart:
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": list(operations),
        "resources": list(resources),
    }


def _cluster_role(settings: ClassSettings, name: str, rules: Sequence[Mapping[str, Any]]) -> Manifest:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": _metadata(settings, name),
        "rules": [dict(rule) for rule in rules],
    }


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str]) -> ManifestPart:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _metadata(settings: ClassSettings, name: str) -> ManifestPart:
    return {"name": name, "labels": {CLASS_LABEL: settings.name}}
