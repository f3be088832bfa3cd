"""The only file that talks to the Kubernetes API."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import secrets
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx2
from lightkube import Client, KubeConfig
from lightkube.config.client_adapter import ConnectionParams
from lightkube.core.exceptions import ApiError, ConfigError
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import Event, Namespace, Node, Pod, ServiceAccount

from labkit.errors import DeadlineExceeded, LabFailed
from labkit.pods.objects import PATHS, Rollout, judge_rollout, warning_texts
from labkit.pods.outcome import Outcome, judge, judge_admission
from labkit.settings import LABEL

_T = TypeVar("_T")
_POLL_SECONDS = 0.03
_REQUEST_SECONDS = 10.0
_PAGE_SECONDS, _PAGE_TRIES = 1.5, 4
_OBSERVE_SECONDS = 60.0
_NAMESPACE_SECONDS = 15.0
_SANDBOX_SECONDS = 1.5
LESSON_LABEL = "labkit.lesson"
ENFORCE_LABEL = "pod-security.kubernetes.io/enforce"
# kubernetes/kubernetes:plugin/pkg/admission/namespace/lifecycle/admission.go
_NO_NAMESPACE = re.compile(r'namespaces "[^"]*" not found|because it is being terminated')
_GONE_REMEDY = "bring it back and go on\n  labkit up"

EXEC_FAILED = "failed to exec in container"
"""How containerd says that a container has no such command (containerd:internal/cri/server/container_execsync.go)."""


class Kube:
    """The lab's cluster, seen through what the lab needs of it.

    Args:
        kubeconfig: the kit's own kubeconfig file.
        lab: the lab's name, the value of every label.
    """

    def __init__(self, kubeconfig: Path, lab: str) -> None:
        self._lab = lab
        try:
            self._config = KubeConfig.from_file(kubeconfig)
            self._client = self._connect()
        except (ConfigError, OSError, ValueError) as error:
            raise LabFailed("Reading the lab's kubeconfig", str(error), "write it again\n  labkit up") from error

    def _connect(self) -> Client:
        # The API server listens on loopback; a proxy of the environment has no business with it.
        return Client(
            config=self._config, timeout=httpx2.Timeout(_REQUEST_SECONDS), trust_env=False, field_manager="labkit"
        )

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
        if "_raw" in self.__dict__:
            self._raw.close()

    def __enter__(self) -> Kube:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _doing(self, what: str) -> Iterator[None]:
        try:
            yield
        except ApiError as error:  # which is an HTTPError, too
            raise LabFailed(what, error.status.message or str(error), "look at the lab\n  labkit status") from error
        except httpx2.HTTPError as error:
            raise LabFailed(what, f"the cluster does not answer ({error})", _GONE_REMEDY) from error

    # --- the cluster ---

    def is_ready(self, mark: str | None = None) -> bool:
        """Whether the API answers and the node is ready.

        Args:
            mark: a label value that the node must carry as well: `finish` puts it there at the very end of `up`.
        """
        try:
            nodes = list(self._client.list(Node))
        except (httpx2.HTTPError, ApiError):
            return False
        return bool(nodes) and all(_node_is_ready(node, mark) for node in nodes)

    def wait_until_ready(self, seconds: float, mark: str | None = None) -> bool:
        """Wait for `is_ready`; False if it is not so within so many seconds."""
        return _poll(lambda: self.is_ready(mark) or None, seconds) is not None

    def finish(self) -> None:
        """Put the lab's label on every node, as the last step of making a cluster."""
        with self._doing("Marking the cluster as finished"):
            for node in self._client.list(Node):
                self._client.patch(Node, str(_meta(node).name), {"metadata": {"labels": {LABEL: self._lab}}})

    def version(self) -> str:
        """The kubelet's version."""
        with self._doing("Asking the cluster for its version"):
            nodes = list(self._client.list(Node))
        info = nodes[0].status.nodeInfo if nodes and nodes[0].status else None
        return info.kubeletVersion if info else "unknown"

    # --- namespaces ---

    def new_namespace(self, lesson: str, level: str = "") -> str:
        """Make an empty namespace for a lesson and wait until pods can be made in it.

        Args:
            lesson: whose it is.
            level: the Pod Security level that it enforces; empty for none.

        Returns:
            Its name: the lesson's, with a random suffix, so that the last one need not be gone yet.
        """
        name = f"{lesson}-{secrets.token_hex(3)}"
        labels = {LABEL: self._lab, LESSON_LABEL: lesson} | ({ENFORCE_LABEL: level} if level else {})
        with self._doing(f"Making namespace {name}"):
            self._client.create(Namespace(metadata=ObjectMeta(name=name, labels=labels)))
        # Admission refuses pods until the controller has made the namespace's default service account.
        if _poll(lambda: self._find(ServiceAccount, "default", name), _NAMESPACE_SECONDS) is None:
            raise DeadlineExceeded(
                f"Waiting for namespace {name}", "its default service account never came", "look at\n  labkit status"
            )
        return name

    def namespaces(self, lesson: str | None = None) -> list[str]:
        """The lab's namespaces, those being deleted left out; of one lesson, if given."""
        labels = {LABEL: self._lab} | ({LESSON_LABEL: lesson} if lesson else {})
        with self._doing("Listing the lab's namespaces"):
            found = list(self._client.list(Namespace, labels=dict(labels)))
        return [str(_meta(one).name) for one in found if _meta(one).deletionTimestamp is None]

    def being_deleted(self) -> list[str]:
        """The lab's namespaces that are on their way out."""
        with self._doing("Listing the lab's namespaces"):
            found = list(self._client.list(Namespace, labels={LABEL: self._lab}))
        return [str(_meta(one).name) for one in found if _meta(one).deletionTimestamp is not None]

    def delete_namespace(self, name: str) -> None:
        """Delete a namespace and all in it, without waiting; nothing if there is none."""
        with self._doing(f"Deleting namespace {name}"):
            # Pods that take their time to stop would keep the namespace; the lab's have nothing to save.
            with contextlib.suppress(ApiError):
                self._client.deletecollection(Pod, namespace=name, grace_period=0)
            self._delete(Namespace, name)

    # --- pods ---

    def make_pod(self, manifest: Mapping[str, Any], namespace: str, seconds: float = _OBSERVE_SECONDS) -> Outcome:
        """Make a pod, in place of one of the same name, and observe it until its outcome is known.

        Args:
            manifest: of the pod.
            namespace: where to make it.
            seconds: the deadline.
        """
        name = str(manifest["metadata"]["name"])
        self.delete_pod(name, namespace)
        return self.create_pod(manifest, name, namespace) or self.observe(name, namespace, seconds=seconds)

    def create_pod(
        self, manifest: Mapping[str, Any], name: str, namespace: str, *, dry_run: bool = False
    ) -> Outcome | None:
        """Ask the API server for a pod; None if it lets it in, else its no as an outcome.

        Args:
            manifest: of the pod.
            name: its name.
            namespace: where to make it.
            dry_run: only ask: as `kubectl create --dry-run=server`, nothing is made.

        Raises:
            LabFailed: the namespace is gone, the cluster does not answer, or the manifest is none.
        """
        try:
            pod: Any = Pod.from_dict({**manifest})
            self._client.create(pod, namespace=namespace, dry_run=dry_run)
        except ApiError as error:
            if _NO_NAMESPACE.search(error.status.message or ""):
                raise namespace_gone(namespace) from error
            return judge_admission(int(error.status.code or 0), error.status.message or str(error), name, namespace)
        except httpx2.HTTPError as error:
            raise LabFailed("Creating the pod", f"the cluster does not answer ({error})", _GONE_REMEDY) from error
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise LabFailed(
                "Reading the manifest",
                f"it is not one of a Pod: {error}",
                "compare it with\n  kubectl explain pod.spec",
            ) from error
        return None

    def observe(self, name: str, namespace: str, *, seconds: float = _OBSERVE_SECONDS) -> Outcome:
        """Watch a pod until it runs, has ended or can no longer succeed.

        Args:
            name: the pod.
            namespace: where it is.
            seconds: the deadline, after which the outcome says what was seen last.

        Raises:
            LabFailed: the cluster went away, or the pod did.
        """
        started = time.monotonic()

        def look() -> bool | None:
            # A sandbox that cannot be made shows in the events alone; those of a pod that takes its time are read.
            slow = time.monotonic() - started > _SANDBOX_SECONDS
            events = self.events(name, namespace) if slow else ()
            return judge(self.pod(name, namespace), events).verdict != "pending" or None

        decided = _poll(look, seconds)
        return self.judge_now(name, namespace, timed_out=decided is None, seconds=time.monotonic() - started)

    def ending(self, name: str, namespace: str, seconds: float) -> Outcome:
        """Watch a pod until a container of it has ended or was refused; the outcome as it is then, or at the deadline.

        A program that stops soon after its start is seen running for a moment.
        """
        over = ("failed", "succeeded", "refused")
        _poll(lambda: judge(self.pod(name, namespace)).verdict in over or None, seconds)
        return self.judge_now(name, namespace)

    def judge_now(self, name: str, namespace: str, *, timed_out: bool = False, seconds: float | None = None) -> Outcome:
        """The outcome of a pod as it is now, with its events and logs."""
        events, logs = self.events(name, namespace), self.logs(name, namespace)
        return judge(self.pod(name, namespace), events, timed_out=timed_out, seconds=seconds, logs=logs)

    def pod(self, name: str, namespace: str) -> dict[str, Any]:
        """A pod as the API gives it."""
        with self._doing(f"Looking at pod {name}"):
            return dict(self._client.get(Pod, name, namespace=namespace).to_dict())

    def pods(self, namespace: str) -> list[dict[str, Any]]:
        """All pods of a namespace."""
        with self._doing(f"Listing the pods of {namespace}"):
            return [dict(pod.to_dict()) for pod in self._client.list(Pod, namespace=namespace)]

    def delete_pod(self, name: str, namespace: str, *, wait: bool = True) -> None:
        """Delete a pod at once and see it gone; nothing if there is none."""
        with self._doing(f"Deleting pod {name}"):
            if self._find(Pod, name, namespace) is None:
                return
            self._delete(Pod, name, namespace)
            if wait:
                _poll(lambda: self._find(Pod, name, namespace) is None or None, _NAMESPACE_SECONDS)

    def events(self, pod: str, namespace: str) -> list[dict[str, Any]]:
        """The events about a pod, oldest first."""
        with self._doing(f"Listing the events of pod {pod}"):
            found = self._client.list(Event, namespace=namespace, fields={"involvedObject.name": pod})
            return [dict(event.to_dict()) for event in found]

    def logs(self, pod: str, namespace: str, container: str | None = None) -> str:
        """What a pod's container printed, its only one if none is named; empty while it has not started."""
        try:
            return "".join(self._client.log(pod, namespace=namespace, container=container)).strip()
        except (ApiError, httpx2.HTTPError):
            return ""

    def execute(self, pod: str, namespace: str, command: Sequence[str]) -> tuple[int, str]:
        """Run a command in a pod's first container; gives its exit status and all that it printed.

        A command that the container does not have is a result too: status 1, as kubectl's, and the runtime's words.
        """
        # On connections of its own: one that has carried an exec is no use for requests, and the pool may hand it out.
        with self._doing(f"Running {shlex.join(command)} in pod {pod}"), self._connect() as client:
            try:
                done = client.exec(pod, namespace=namespace, command=list(command), stdout=True, stderr=True)
            except ApiError as error:
                if EXEC_FAILED not in str(error):
                    raise
                return 1, str(error)
        printed = [str(text) for text in (done.stdout, done.stderr) if text]
        return int(done.exit_code or 0), "".join(printed).strip()

    # --- what is no pod ---

    def apply_object(self, manifest: Mapping[str, Any], namespace: str) -> tuple[str, ...]:
        """Make or change a Deployment, Secret or ConfigMap, as `kubectl apply --server-side` does; gives the warnings.

        Raises:
            LabFailed: the API server does not take it, or does not answer.
        """
        group, plural = PATHS[manifest["kind"]]
        path = f"{group}/namespaces/{namespace}/{plural}/{manifest['metadata']['name']}"
        answer = self._ask("PATCH", path, body=manifest, kind="apply-patch+yaml", params={"force": "true"})
        return warning_texts(answer.headers.get_list("Warning"))

    def enforce(self, namespace: str, level: str) -> tuple[str, ...]:
        """Label a namespace with the Pod Security level that it enforces; gives the warnings about pods in it."""
        body = {"metadata": {"labels": {ENFORCE_LABEL: level}}}
        answer = self._ask("PATCH", f"api/v1/namespaces/{namespace}", body=body, kind="merge-patch+json")
        return warning_texts(answer.headers.get_list("Warning"))

    def enforced(self, namespace: str) -> str:
        """The Pod Security level that a namespace enforces; privileged, which lets everything pass, if none is said."""
        with self._doing(f"Looking at namespace {namespace}"):
            labels = _meta(self._client.get(Namespace, namespace)).labels or {}
        return str(labels.get(ENFORCE_LABEL, "privileged"))

    def rollout(self, name: str, namespace: str, seconds: float) -> Rollout | None:
        """What became of a Deployment, once it is decided or the deadline has come; None if there is none.

        Args:
            name: its name.
            namespace: where it is.
            seconds: the deadline.
        """
        apps, core = f"apis/apps/v1/namespaces/{namespace}", f"api/v1/namespaces/{namespace}"

        def look() -> Rollout | None:
            found = [one for one in self._ask("GET", f"{apps}/deployments").json()["items"] if _is_named(one, name)]
            if not found:
                return None
            sets = self._ask("GET", f"{apps}/replicasets").json()["items"]
            return judge_rollout(found[0], sets, self._ask("GET", f"{core}/events").json()["items"])

        if look() is None:
            return None
        return _poll(lambda: one if (one := look()) and one.is_decided else None, seconds) or look()

    def page(self, pod: str, namespace: str, port: int, path: str = "/") -> tuple[bool, str]:
        """Ask a pod's port for a page through the API server, as `kubectl get --raw` does.

        On a busy node a request to a pod that has just begun to listen was seen to stay without an answer for ten
        seconds; so one that takes long is made again.

        Returns:
            Whether the pod answered with a success, and the text that came back.
        """
        words = ""
        for _ in range(_PAGE_TRIES):
            try:
                return True, self._ask("GET", page_path(pod, namespace, port, path), seconds=_PAGE_SECONDS).text
            except LabFailed as error:
                words = error.came_back
                if not isinstance(error.__cause__, httpx2.TimeoutException):
                    break
        return False, words

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        kind: str = "json",
        params: Mapping[str, str] | None = None,
        seconds: float = _REQUEST_SECONDS,
    ) -> httpx2.Response:
        """Ask the API server itself, where the client hides what is wanted: warnings, a pod's own pages."""
        what = f"Asking the API server to {method} {path}"
        with self._doing(what):
            answer = self._raw.request(
                method,
                path,
                timeout=seconds,
                content=json.dumps(body) if body is not None else None,
                headers={"Content-Type": f"application/{kind}"} if body is not None else {},
                params={**(params or {}), **({"fieldManager": "labkit"} if body is not None else {})},
            )
        if answer.is_error:
            raise LabFailed(what, _words_of(answer), "look at the lab\n  labkit status")
        return answer

    @functools.cached_property
    def _raw(self) -> httpx2.Client:
        config = self._config.get()
        assert config is not None  # without a context the first connection has failed already
        params = ConnectionParams(timeout=httpx2.Timeout(_REQUEST_SECONDS), trust_env=False)
        return httpx2.Client(**params.httpx_params(config))

    def _find(self, kind: Any, name: str, namespace: str) -> Any | None:
        try:
            return self._client.get(kind, name, namespace=namespace)
        except ApiError as error:
            if error.status.code == 404:
                return None
            raise

    def _delete(self, kind: Any, name: str, namespace: str | None = None) -> None:
        try:
            if namespace is None:
                self._client.delete(kind, name)
            else:
                self._client.delete(kind, name, namespace=namespace, grace_period=0)
        except ApiError as error:
            if error.status.code != 404:
                raise


def namespace_gone(namespace: str) -> LabFailed:
    """The error for a namespace that somebody else has taken away."""
    return LabFailed(
        f"Looking into namespace {namespace}",
        "it is gone: this lesson was opened or reset elsewhere, perhaps in another notebook",
        "run the notebook's first cell again, and go on from there",
    )


def _poll(look: Callable[[], _T | None], seconds: float) -> _T | None:
    """Look again and again until there is something, or the deadline has come."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return found


def page_path(pod: str, namespace: str, port: int, path: str = "/") -> str:
    """Where the API server hands a request on to a pod's port."""
    return f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy{path}"


def _words_of(answer: httpx2.Response) -> str:
    """What came back: the API server's message, or whatever text it is."""
    try:
        return str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text.strip() or f"status {answer.status_code}"


def _is_named(thing: Mapping[str, Any], name: str) -> bool:
    return bool(thing["metadata"]["name"] == name)


def _meta(thing: Any) -> ObjectMeta:
    return thing.metadata if thing.metadata is not None else ObjectMeta()


def _node_is_ready(node: Node, mark: str | None) -> bool:
    conditions = (node.status.conditions if node.status else None) or []
    ready = any(condition.type == "Ready" and condition.status == "True" for condition in conditions)
    return ready and (mark is None or (_meta(node).labels or {}).get(LABEL) == mark)
