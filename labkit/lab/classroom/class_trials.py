"""What no question to an API tells: tried by a few small pods in a namespace that goes again.

Volumes can be there and not be writable for who is not root; network policies are taken and enforced by nobody where
the network does not know them; a user namespace in a pod needs kernel, runtime and kubelet alike.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from labkit.adapters.kube.cluster_writer import ApiAnswer, ClusterWriter
from labkit.base.errors import LabError, LabFailed
from labkit.base.waiting import watch
from labkit.core.admission.policy import ENFORCE_LABEL
from labkit.core.mappings import Manifest, ManifestPart
from labkit.lab.classroom.class_settings import CLASS_LABEL, ROLE_LABEL, SERVER_PORT, ClassSettings
from labkit.lab.classroom.class_state import is_default_storage_class, pod_problem
from labkit.lab.classroom.server_pod import engine_trial_pod, server_container_settings, server_pod_settings
from labkit.show.steps import Steps

_TRIAL_SECONDS = 60.0
_ENGINE_SECONDS = 120.0
_ENGINE_CLAIM = "trial-engine"
_LAST_LINES = 3
_ACCOUNT_SECONDS = 15.0
_LOOK_SECONDS = 0.3
_HOPELESS = ("ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError")

_LISTEN = f"""
import socket
dual = socket.has_dualstack_ipv6()
family = socket.AF_INET6 if dual else socket.AF_INET
server = socket.create_server(("", {SERVER_PORT}), family=family, dualstack_ipv6=dual)
while True:
    server.accept()[0].close()
"""
# A policy may take some seconds to be in force: it counts as enforced with the first attempt that fails, as long as the
# same network lets us reach the pod beside it.
_REACH = f"""
import json, socket, time
def reaches(host):
    try:
        socket.create_connection((host, {SERVER_PORT}), timeout=2).close()
        return True
    except OSError:
        return False
def within(seconds, wanted, host):
    end = time.monotonic() + seconds
    while reaches(host) is not wanted:
        if time.monotonic() > end:
            return False
        time.sleep(0.3)
    return True
reached = within(20, True, "OPEN")
closed = reached and within(8, False, "CLOSED")
print(json.dumps({{"reached": reached, "enforced": closed and reaches("OPEN")}}))
"""
_WRITE = """
import json, pathlib
try:
    pathlib.Path("/trial/file").write_text("x")
    print(json.dumps({"ok": True}))
except OSError as error:
    print(json.dumps({"ok": False, "problem": str(error)}))
"""


@dataclass(frozen=True)
class ClusterTrial:
    """What came of a trial.

    Args:
        is_ok: whether it works; None if that could not be seen.
        message: what was seen; empty where it works.
    """

    is_ok: bool | None
    message: str = ""


@dataclass(frozen=True)
class ClusterTrials:
    """What works on a cluster.

    Args:
        volumes: whether a pod that is not root can write to a volume.
        network: whether a network policy keeps a pod from another.
        engine: whether podman can work in a participant's server.
    """

    volumes: ClusterTrial
    network: ClusterTrial
    engine: ClusterTrial


def try_cluster(cluster: ClusterWriter, settings: ClassSettings, steps: Steps) -> ClusterTrials:
    """Try it, in a namespace that is deleted again.

    Args:
        cluster: where.
        settings: of the class, whose images the pods have.
        steps: told what is going on.

    Raises:
        LabError: the namespace cannot be made.
    """
    namespace = f"{settings.name}-trial-{secrets.token_hex(2)}"
    with steps.step("trial of volumes, network policies, user namespaces"):
        labels = {CLASS_LABEL: settings.name, ROLE_LABEL: "trial", ENFORCE_LABEL: "baseline"}
        metadata = {"name": namespace, "labels": labels}
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        try:
            return _TrialPods(cluster, settings, namespace).run()
        finally:
            cluster.delete(f"api/v1/namespaces/{namespace}")


class _TrialPods:
    """The pods of a trial."""

    def __init__(self, cluster: ClusterWriter, settings: ClassSettings, namespace: str) -> None:
        self._cluster = cluster
        self._settings = settings
        self._namespace = namespace

    def run(self) -> ClusterTrials:
        self._make(self._policy())
        self._make(self._pod("closed", _LISTEN))
        self._make(self._pod("open", _LISTEN))
        volumes = self._start_volume()
        network = self._start_client()
        volumes = volumes or self._verdict("volume")
        return ClusterTrials(volumes, network or self._verdict("client"), self._try_engine(volumes))

    def _make(self, manifest: Mapping[str, Any]) -> None:
        answer = self._create(manifest)
        if not answer.is_ok:
            raise LabFailed(
                f"Making a pod for a trial in {self._namespace}",
                answer.message,
                f"see\n  {self._settings.line(self._cluster.access.context, 'doctor')}",
            )

    def _create(self, manifest: Mapping[str, Any]) -> ApiAnswer:
        """Make an object; pods are refused until the namespace has its default service account."""
        return watch(
            lambda: self._cluster.create(manifest),
            lambda answer: answer.is_ok or "error looking up service account" not in answer.message,
            _ACCOUNT_SECONDS,
            interval=_LOOK_SECONDS,
        )

    def _start(self, manifest: Mapping[str, Any]) -> ClusterTrial | None:
        """Make a pod; the trial's end if the cluster does not take it."""
        answer = self._create(manifest)
        return None if answer.is_ok else ClusterTrial(False, answer.message)

    def _start_volume(self) -> ClusterTrial | None:
        if not self._settings.has_volumes:
            return ClusterTrial(False, "as you asked")
        if not self._settings.storage_class and not self._has_default_class():
            return ClusterTrial(False, "the cluster has no default storage class")
        return self._start(self._claim("trial")) or self._start(self._pod("volume", _WRITE, volume="trial"))

    def _try_engine(self, volumes: ClusterTrial) -> ClusterTrial:
        """A server's pod, whose engine starts a container, builds an image, and ends. The API server is asked before.

        It has a volume like a server's, because not every kind can be given to a pod with a user namespace.
        """
        if not self._settings.engine_image:
            return ClusterTrial(None, "none was asked for, or there is no image of one")
        settings = self._settings.changed(engine="podman", has_volumes=volumes.is_ok is True)
        pod = engine_trial_pod(settings, "engine", self._namespace, _ENGINE_CLAIM)
        answer = self._cluster.create(pod, dry_run=True)
        if not answer.is_ok:
            return ClusterTrial(False, f"this cluster does not take its pod: {answer.message}")
        return (
            (self._start(self._claim(_ENGINE_CLAIM)) if settings.has_volumes else None)
            or self._start(pod)
            or self._engine_verdict()
        )

    def _engine_verdict(self) -> ClusterTrial:
        pod, why_not = self._await_end("engine", _ENGINE_SECONDS)
        if why_not:
            return ClusterTrial(False, why_not)
        try:
            lines = self._cluster.text(f"{self._path('engine')}/log").strip().splitlines()
        except LabError as error:
            lines = [error.came_back]
        is_ok = pod["status"]["phase"] == "Succeeded"
        printed = "; ".join(lines[-1 if is_ok else -_LAST_LINES :])
        return ClusterTrial(is_ok, printed or pod_problem(pod) or "its pod printed nothing")

    def _claim(self, name: str) -> Manifest:
        spec: ManifestPart = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
        if self._settings.storage_class:
            spec["storageClassName"] = self._settings.storage_class
        metadata = {"name": name, "namespace": self._namespace, "labels": {CLASS_LABEL: self._settings.name}}
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}

    def _has_default_class(self) -> bool:
        """Whether there is one; where we may not look, the trial tells."""
        try:
            classes = list(self._cluster.list("apis/storage.k8s.io/v1/storageclasses"))
        except LabError:
            return True
        return any(map(is_default_storage_class, classes))

    def _start_client(self) -> ClusterTrial | None:
        addresses = {}
        for name in ("open", "closed"):
            look = partial(self._look, name)
            pod = watch(look, lambda pod: bool(_address(pod)), _TRIAL_SECONDS, interval=_LOOK_SECONDS)
            if not _address(pod):
                return ClusterTrial(None, f"not tried: {pod_problem(pod) or 'its pod did not start'}")
            addresses[name.upper()] = _address(pod)
        program = _REACH
        for placeholder, address in addresses.items():
            program = program.replace(f'"{placeholder}"', json.dumps(address))
        return self._start(self._pod("client", program))

    def _verdict(self, name: str) -> ClusterTrial:
        """What a trial's pod has printed at its end, or why it came to none."""
        pod, why_not = self._await_end(name, _TRIAL_SECONDS)
        if why_not:
            is_volume = name == "volume" and "PersistentVolumeClaim" in why_not
            return ClusterTrial(False if is_volume else None, why_not)
        try:
            printed = json.loads(self._cluster.text(f"{self._path(name)}/log").strip().splitlines()[-1])
        except (LabError, ValueError, IndexError):
            return ClusterTrial(None, pod_problem(pod) or "its pod printed nothing")
        if name == "client":
            return _network_verdict(bool(printed.get("reached")), bool(printed.get("enforced")))
        return ClusterTrial(bool(printed.get("ok")), str(printed.get("problem") or ""))

    def _await_end(self, name: str, seconds: float) -> tuple[Mapping[str, Any], str]:
        """A trial's pod as it is at its end, and why it came to none; empty if it did."""
        pod = watch(lambda: self._look(name), _is_decided, seconds, interval=_LOOK_SECONDS)
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return pod, ""
        return pod, pod_problem(pod) or f"timed out: its pod had not ended after {seconds:g} s"

    def _look(self, name: str) -> Mapping[str, Any]:
        return self._cluster.get(self._path(name)) or {}

    def _path(self, name: str) -> str:
        return f"api/v1/namespaces/{self._namespace}/pods/{name}"

    def _policy(self) -> Manifest:
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "closed", "namespace": self._namespace},
            "spec": {"podSelector": {"matchLabels": {"app": "closed"}}, "policyTypes": ["Ingress"]},
        }

    def _pod(self, name: str, program: str, volume: str = "") -> Manifest:
        container: ManifestPart = {
            "name": "trial",
            "image": self._settings.hub_image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", program],
            "securityContext": server_container_settings(),
            "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}},
        }
        spec: ManifestPart = {
            **server_pod_settings(self._settings.changed(engine="none")),
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        }
        if volume:
            container["volumeMounts"] = [{"name": "trial", "mountPath": "/trial"}]
            spec["volumes"] = [{"name": "trial", "persistentVolumeClaim": {"claimName": volume}}]
        metadata = {"name": name, "namespace": self._namespace, "labels": {"app": name}}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _network_verdict(is_reached: bool, is_enforced: bool) -> ClusterTrial:
    if not is_reached:
        return ClusterTrial(None, "not seen: a pod did not reach another one that nothing protects")
    if is_enforced:
        return ClusterTrial(True)
    return ClusterTrial(
        False,
        "this cluster takes network policies and enforces none: participants' pods can reach each other's ports, where "
        "only passwords and tokens keep them out; it needs a network that enforces them, such as Calico or Cilium",
    )


def _address(pod: Mapping[str, Any]) -> str:
    status = pod.get("status") or {}
    return str(status.get("podIP") or "") if status.get("phase") == "Running" else ""


def _is_decided(pod: Mapping[str, Any]) -> bool:
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return True
    return any(pod_problem(pod).startswith(reason) for reason in _HOPELESS)
