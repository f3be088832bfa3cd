"""A class on a cluster that is there already: brought up, looked at, taken down again, with the user's own rights."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from labkit.adapters.kube.cluster_writer import ClusterWriter, path_of
from labkit.base.errors import LabFailed, Misuse, NoRight
from labkit.base.waiting import wait_until
from labkit.core.admission.policy import ENFORCE_LABEL
from labkit.core.mappings import Manifest
from labkit.lab.classroom.class_keys import HUB_SETTINGS_FILE, ClassKeys
from labkit.lab.classroom.class_objects import CERTIFICATE_SECRET, KEYS_SECRET, class_objects
from labkit.lab.classroom.class_rules import cluster_objects
from labkit.lab.classroom.class_settings import CLASS_LABEL, PARTICIPANT_LABEL, ROLE_LABEL, ClassSettings
from labkit.lab.classroom.class_state import ClassParticipant, ClassStatus, pod_problem, server_state
from labkit.lab.classroom.sandbox import sandbox_objects
from labkit.show import counted
from labkit.show.steps import Steps

_READY_SECONDS = 300.0
_GONE_SECONDS = 180.0
_LOOK_SECONDS = 0.5
_ANY = "p-000000"
"""An id for asking what would be."""
_NOT_FOUND = 404
_CLUSTER_WIDE = (
    "apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
    "apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
    "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "apis/rbac.authorization.k8s.io/v1/clusterroles",
)
_SINGULARS = {
    "validatingadmissionpolicybindings": "admission policy binding",
    "validatingadmissionpolicies": "admission policy",
    "clusterrolebindings": "cluster role binding",
    "clusterroles": "cluster role",
    "deployments": "deployment",
    "services": "service",
}
_RUNNING = ("apis/apps/v1/namespaces/{}/deployments", "api/v1/namespaces/{}/services")


class ClusterClass:
    """A class in a cluster.

    Args:
        cluster: how it is reached.
        settings: of the class.
        steps: told what is going on.
    """

    def __init__(self, cluster: ClusterWriter, settings: ClassSettings, steps: Steps) -> None:
        self._cluster = cluster
        self._settings = settings
        self._steps = steps
        self._selector = f"{CLASS_LABEL}={settings.name}"

    # --- up ---

    def require_rights(self) -> None:
        """See that the user may make what a class is made of, before anything is made.

        What is cluster-wide is tried by a dry run, which also knows that nobody may give rights that they lack.

        Raises:
            NoRight: they may not; all that is missing is in the error.
            Misuse: the namespace is somebody else's.
        """
        missing = []
        try:
            self._require_own_namespace()
        except NoRight as error:
            missing.append(error.came_back)
        # Where an administrator's own policy forbids a level for all, the hub could make no sandbox.
        spaces = [manifest for manifest in sandbox_objects(self._settings, _ANY) if manifest["kind"] == "Namespace"]
        for manifest in class_objects(self._settings)[:1] + spaces + cluster_objects(self._settings):
            answer = self._cluster.try_apply(manifest, dry_run=True)
            if not answer.is_ok:
                is_unknown = answer.status == _NOT_FOUND and manifest["kind"].startswith("ValidatingAdmissionPolicy")
                reason = "the cluster has none (Kubernetes 1.30 or later does)" if is_unknown else answer.message
                missing.append(f"{manifest['kind']} {manifest['metadata']['name']}: {reason}")
        for group, resource in sorted({_resource_of(manifest) for manifest in self._namespaced()}):
            if not self._cluster.allows("create", resource, group=group, namespace=self._settings.name):
                missing.append(f"you may not create {resource} in namespace {self._settings.name}")
        if missing:
            remedy = "show the cluster's administrator what is missing, and the table of rights in docs/class.md"
            raise NoRight(
                f"Bringing up the class {self._settings.name} in context {self._cluster.access.context}",
                f"nothing was made, because {counted(len(missing), 'thing')} cannot be\n  " + "\n  ".join(missing),
                f"{remedy}\n  {self._line('up', '--dry-run')}",
            )

    def _line(self, command: str, *options: str) -> str:
        return self._settings.line(self._cluster.access.context, command, *options)

    def _require_own_namespace(self) -> None:
        namespace = self._cluster.get(f"api/v1/namespaces/{self._settings.name}")
        if namespace is None:
            return
        if (namespace["metadata"].get("labels") or {}).get(CLASS_LABEL) != self._settings.name:
            other = self._settings.changed(name="another-name")
            raise Misuse(
                f"Bringing up the class {self._settings.name}",
                "there is a namespace of that name, and it is not a class's",
                f"choose another name for the class\n  {other.line(self._cluster.access.context, 'up')}",
            )
        if namespace["metadata"].get("deletionTimestamp"):
            raise LabFailed(
                f"Bringing up the class {self._settings.name}",
                "its namespace is just being deleted",
                f"wait until it is gone\n  {self._line('status')}",
            )

    def _namespaced(self) -> list[Manifest]:
        return [
            manifest
            for manifest in class_objects(self._settings, ClassKeys("", "", "", ""))
            if "namespace" in manifest["metadata"]
        ]

    def keys(self) -> ClassKeys | None:
        """The secrets of the class as the cluster has them, None if there are none."""
        secret = self._cluster.get(f"api/v1/namespaces/{self._settings.name}/secrets/{KEYS_SECRET}")
        data = {HUB_SETTINGS_FILE: "", **((secret or {}).get("data") or {})}  # A Secret made by hand has four.
        try:
            return ClassKeys(*(base64.b64decode(data[name]).decode() for name in ClassKeys("", "", "", "").files()))
        except (KeyError, ValueError):
            return None

    def existing_settings(self) -> ClassSettings | None:
        """The settings of the class as the cluster has them, None if there are none.

        Raises:
            Misuse: what is there are none.
        """
        config = self._cluster.get(f"api/v1/namespaces/{self._settings.name}/configmaps/settings")
        text = ((config or {}).get("data") or {}).get("settings.json")
        remedy = f"bring the class up again\n  {self._line('up')}"
        return ClassSettings.from_json(text, remedy) if text else None

    def up(self, keys: ClassKeys, certificate: tuple[str, str] | None = None) -> None:
        """Bring the class up, or bring it up to date; servers that run go on.

        Args:
            keys: its secrets.
            certificate: certificate and key, as PEM; None where the proxy speaks no TLS, or has one.

        Raises:
            LabError: the cluster does not take it, or hub and proxy do not become ready.
        """
        objects = class_objects(self._settings, keys)
        if certificate is not None:
            objects.insert(-6, self._certificate(*certificate))
        with self._steps.step(f"{counted(len(objects), 'object')} of the class"):
            for manifest in objects:
                self._cluster.apply(manifest)
        there = {participant for _, _, participant in self._namespaces() if participant}
        if people := sorted({*there, *self._settings.prepared}):
            with self._steps.step(f"what {counted(len(people), 'participant')} may have"):
                for participant in people:
                    self._update_sandbox(participant, is_new=participant not in there)
        with self._steps.step("hub and proxy"):
            for name in ("hub", "proxy"):
                self._await_deployment(name)

    def _update_sandbox(self, participant: str, *, is_new: bool) -> None:
        """Make a participant's namespaces and what is in them, or bring them up to date.

        A claim that is there stays as it is, since Kubernetes lets nobody change one; so does the level that a lesson
        has just set for the namespace of its pods.
        """
        for manifest in sandbox_objects(self._settings, participant):
            if manifest["kind"] == "PersistentVolumeClaim" and self._cluster.get(path_of(manifest)) is not None:
                continue
            labels = manifest["metadata"]["labels"]
            if labels.get(ROLE_LABEL) == "lab" and not is_new:
                labels.pop(ENFORCE_LABEL)
            self._cluster.apply(manifest)

    def _certificate(self, certificate: str, key: str) -> Manifest:
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/tls",
            "metadata": {
                "name": CERTIFICATE_SECRET,
                "namespace": self._settings.name,
                "labels": {CLASS_LABEL: self._settings.name},
            },
            "stringData": {"tls.crt": certificate, "tls.key": key},
        }

    def _await_deployment(self, name: str) -> None:
        line = self._cluster.access.kubectl_line("--namespace", self._settings.name, "describe", "pods")
        wait_until(
            f"the class's {name}",
            lambda: self._deployment(name),
            seconds=_READY_SECONDS,
            remedy=f"look at it\n  {line}",
            is_there=lambda state: state == "up",
            why_never=lambda state: state.removeprefix("never: ") if state.startswith("never: ") else "",
            interval=_LOOK_SECONDS,
        )

    def _deployment(self, name: str) -> str:
        """How a deployment is: up, absent, why it is not up yet, or "never: " and why it will not be."""
        deployment = self._cluster.get(f"apis/apps/v1/namespaces/{self._settings.name}/deployments/{name}")
        if deployment is None:
            return "absent"
        status = deployment.get("status") or {}
        is_current = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
        if is_current and status.get("updatedReplicas") == 1 and status.get("readyReplicas") == 1:
            return "up"
        for condition in status.get("conditions") or ():
            if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
                return f"never: {condition.get('message')}"
        pods = list(self._cluster.list(f"api/v1/namespaces/{self._settings.name}/pods", f"app={name}"))
        return "; ".join(filter(None, map(pod_problem, pods))) or "starting"

    # --- looking ---

    def status(self) -> ClassStatus:
        """How the class is, without changing anything."""
        namespaces = list(self._namespaces())
        hub, proxy = self._deployment("hub"), self._deployment("proxy")
        settings = self.existing_settings() if namespaces else None
        servers = [name for name, role, _ in namespaces if role == "server"]
        participants = []
        for name, role, participant in namespaces:
            if role != "server":
                continue
            pods = list(self._cluster.list(f"api/v1/namespaces/{name}/pods"))
            claims = list(self._cluster.list(f"api/v1/namespaces/{name}/persistentvolumeclaims"))
            participants.append(ClassParticipant(participant, server_state(pods), bool(claims)))
        state = "up" if (hub, proxy) == ("up", "up") else "starting"
        if (hub, proxy) == ("absent", "absent"):
            state = "down" if servers or namespaces else "absent"
        return ClassStatus(
            self._settings.name,
            state,
            hub,
            proxy,
            (settings or self._settings).engine,
            (settings or self._settings).has_volumes,
            tuple(participants),
        )

    def _namespaces(self) -> Iterable[tuple[str, str, str]]:
        """Name, role and participant of each namespace of the class that is not being deleted."""
        for namespace in self._cluster.list("api/v1/namespaces", self._selector):
            metadata = namespace["metadata"]
            if not metadata.get("deletionTimestamp"):
                labels = metadata["labels"]
                yield str(metadata["name"]), str(labels.get(ROLE_LABEL, "")), str(labels.get(PARTICIPANT_LABEL, ""))

    # --- down ---

    def down(self, *, progress: bool = False) -> tuple[list[str], list[str]]:
        """Take the class down: what carries its label, and nothing else.

        Args:
            progress: whether the volumes with notebooks and progress go too.

        Returns:
            What was removed, and what was kept.

        Raises:
            LabError: the cluster does not let it go.
        """
        removed: list[str] = []
        kept: list[str] = []
        namespaces = list(self._namespaces())
        # First what makes things, then what people have, then the rights: nothing comes back behind us.
        if self._settings.name in [name for name, _, _ in namespaces]:
            for folder in _RUNNING:
                removed += self._delete_listed(folder.format(self._settings.name))
        for name, role, _ in namespaces:
            if progress or role not in ("hub", "server") or not self._has_claims(name):
                self._cluster.delete(f"api/v1/namespaces/{name}")
                removed.append(f"namespace {name}")
                continue
            for pod in self._cluster.list(f"api/v1/namespaces/{name}/pods"):
                self._cluster.delete(f"api/v1/namespaces/{name}/pods/{pod['metadata']['name']}")
                removed.append(f"pod {pod['metadata']['name']}")
            kept.append(f"namespace {name}, with its volume")
        for folder in _CLUSTER_WIDE:
            removed += self._delete_listed(folder)
        self._await_gone({name for name, _, _ in namespaces if f"namespace {name}" in removed})
        return removed, kept

    def _has_claims(self, namespace: str) -> bool:
        return any(True for _ in self._cluster.list(f"api/v1/namespaces/{namespace}/persistentvolumeclaims"))

    def _delete_listed(self, folder: str) -> list[str]:
        removed = []
        for made in list(self._cluster.list(folder, self._selector)):
            name = str(made["metadata"]["name"])
            if self._cluster.delete(f"{folder}/{name}"):
                removed.append(f"{_SINGULARS[folder.rpartition('/')[2]]} {name}")
        return removed

    def _await_gone(self, names: set[str]) -> None:
        if not names:
            return
        with self._steps.step(f"{counted(len(names), 'namespace')} on their way out"):
            wait_until(
                "the class's namespaces to be gone",
                lambda: sorted(
                    names
                    & {
                        str(space["metadata"]["name"])
                        for space in self._cluster.list("api/v1/namespaces", self._selector)
                    }
                ),
                seconds=_GONE_SECONDS,
                remedy=f"they go by themselves; look again\n  {self._line('status')}",
                is_there=lambda left: not left,
                describe=lambda left: f"{', '.join(left[:3])} and others" if len(left) > 3 else ", ".join(left),
                interval=_LOOK_SECONDS,
            )


def _resource_of(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """API group and plural of an object's kind."""
    group, slash, _ = manifest["apiVersion"].partition("/")
    return (group if slash else "", path_of(manifest).split("/")[-2])
