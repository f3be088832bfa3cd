"""A participant's one namespace: emptied, never made or deleted; no node and no list of namespaces is asked for."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from labkit.adapters.kube import SandboxKube, sandbox_kube
from labkit.adapters.kube.nodes import Readiness
from labkit.base.errors import DeadlineExceeded, LabFailed
from labkit.core.admission.policy import Policy

NAMESPACE = "class-p-1-lab"
NOTE = f"api/v1/namespaces/{NAMESPACE}/configmaps/labkit-lesson"


class PaperSandbox(SandboxKube):
    """An API server that has one namespace, and writes down what it is asked.

    Args:
        objects: what is in the namespace, by plural.
        stubborn: pods that no deleting removes.
    """

    def __init__(self, objects: dict[str, list[str]] | None = None, stubborn: tuple[str, ...] = ()) -> None:
        self.namespace = NAMESPACE
        self.objects, self.stubborn = objects or {}, stubborn
        self.asked: list[tuple[str, str, Any]] = []
        self.lesson: str | None = None
        self.level, self.levels_set = "baseline", list[str]()
        self.answers_namespace = 200

    def _send(self, method: str, path: str, *, body: Any = None, params: Any = None, **_: Any) -> httpx2.Response:
        self.asked.append((method, path, params))
        last = path.rpartition("/")[2]
        if path == NOTE:
            if method == "GET":
                status = 200 if self.lesson else 404
                return httpx2.Response(status, json={"data": {"lesson": self.lesson}})
            self.lesson = body["data"]["lesson"] if method == "PATCH" else None
        elif method == "DELETE":
            self.objects[last] = [name for name in self.objects.get(last, []) if name in self.stubborn]
        elif path.endswith(NAMESPACE):
            return httpx2.Response(self.answers_namespace, json={})
        elif path == "version":
            return httpx2.Response(200, json={"gitVersion": "v1.37.2"})
        items = [{"metadata": {"name": name}} for name in self.objects.get(last, [])]
        return httpx2.Response(200, json={"items": items})

    def enforced(self, namespace: str) -> Policy:
        return Policy(self.level)

    def enforce(self, namespace: str, level: str) -> tuple[str, ...]:
        self.level = level
        self.levels_set.append(level)
        return ()


def test_a_new_namespace_is_the_same_one_emptied_and_at_baseline() -> None:
    kube = PaperSandbox({"pods": ["app"], "deployments": ["web"], "secrets": ["key"], "services": ["web"]})
    kube.level = "restricted"
    assert kube.new_namespace("07") == NAMESPACE
    assert not any(kube.objects.values())
    assert kube.levels_set == ["baseline"]
    assert kube.namespaces("07") == kube.namespaces() == [NAMESPACE]
    assert kube.namespaces("09") == []


def test_what_kubernetes_itself_keeps_there_is_not_deleted() -> None:
    kube = PaperSandbox()
    kube.new_namespace("07")
    (params,) = (params for method, path, params in kube.asked if method == "DELETE" and path.endswith("/configmaps"))
    assert params["fieldSelector"] == "metadata.name!=kube-root-ca.crt,metadata.name!=labkit-lesson"


def test_pods_that_came_of_a_replica_set_meanwhile_are_deleted_too() -> None:
    class Late(PaperSandbox):
        def _send(self, method: str, path: str, **more: Any) -> httpx2.Response:
            if method == "GET" and path.endswith("/replicasets") and not any(m == "late" for m, *_ in self.asked):
                self.asked.append(("late", "", None))
                self.objects["pods"] = ["web-new"]
            return super()._send(method, path, **more)

    kube = Late()
    kube.new_namespace("07")
    assert kube.objects["pods"] == []


def test_a_pod_that_does_not_go_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_kube, "_EMPTY_SECONDS", 0.0)
    with pytest.raises(DeadlineExceeded, match="there still are pod kept"):
        PaperSandbox({"pods": ["kept"]}, stubborn=("kept",)).new_namespace("07")


def test_deleting_the_namespace_takes_it_from_its_lesson_and_leaves_it() -> None:
    kube = PaperSandbox({"pods": ["app"]})
    kube.new_namespace("07")
    kube.delete_namespace(NAMESPACE)
    assert kube.namespaces() == []
    assert ("DELETE", f"api/v1/namespaces/{NAMESPACE}", None) not in [(*asked[:2], None) for asked in kube.asked]


def test_neither_nodes_nor_other_namespaces_are_asked_for() -> None:
    kube = PaperSandbox()
    kube.new_namespace("07")
    kube.namespaces()
    kube.readiness()
    assert kube.version() == "v1.37.2"
    own = f"namespaces/{NAMESPACE}"
    assert all(own in path or path == "version" for _, path, _ in kube.asked)


@pytest.mark.parametrize(("status", "readiness"), [(200, Readiness.READY), (403, Readiness.NEVER)])
def test_ready_is_who_may_look_at_their_namespace(status: int, readiness: Readiness) -> None:
    kube = PaperSandbox()
    kube.answers_namespace = status
    assert kube.readiness("any mark") is readiness


def test_marking_nodes_is_refused() -> None:
    with pytest.raises(LabFailed, match="not this lab's"):
        PaperSandbox().finish()
