"""When a cluster that was made before is waited for, and when no waiting helps."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from labkit.adapters.kube.nodes import Readiness
from labkit.base.configuration import LABEL
from tests.unit.adapters.conftest import AnswersServer
from tests.unit.adapters.test_requests_logged import kube_of


def _node(ready: str = "True", **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "node", "labels": labels},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


@pytest.mark.parametrize(
    ("nodes", "resumed", "made"),
    [
        ([_node(**{LABEL: "lab"})], Readiness.READY, Readiness.READY),
        ([_node("Unknown", **{LABEL: "lab"})], Readiness.COMING, Readiness.COMING),
        ([_node(**{LABEL: "another"})], Readiness.NEVER, Readiness.READY),
        ([_node()], Readiness.NEVER, Readiness.READY),
        ([], Readiness.NEVER, Readiness.COMING),
    ],
    ids=["ready", "not yet", "another lab's", "not finished", "its node was deleted"],
)
def test_what_the_nodes_say(
    tmp_path: Path, server: AnswersServer, nodes: list[Any], resumed: Readiness, made: Readiness
) -> None:
    server.answers = {"/api/v1/nodes": (200, {"items": nodes})}
    with kube_of(tmp_path, server) as kube:
        assert (kube.readiness("lab"), kube.readiness()) == (resumed, made)


def test_one_that_does_not_answer_or_has_just_begun_to_may_still_come(tmp_path: Path, server: AnswersServer) -> None:
    with kube_of(tmp_path, server) as kube:
        server.answers = {"/api/v1/nodes": (403, {"message": "not yet", "code": 403})}
        assert kube.readiness("lab") is Readiness.COMING
        server.shutdown()
        server.server_close()
        assert kube.readiness("lab") is Readiness.COMING


_START = datetime(2026, 1, 1, 12, 0, 5, 700_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("heartbeats", "asked"),
    [
        (["2026-01-01T12:00:05Z"], 1),
        (["2026-01-01T11:59:58Z", "2026-01-01T12:00:04Z", "2026-01-01T12:00:09Z"], 3),
        ([None, "2026-01-01T12:00:09Z"], 2),
    ],
    ids=["of the second in which it started", "of before it stopped", "none yet"],
)
def test_a_node_that_was_started_again_is_waited_for_until_its_kubelet_has_reported(
    tmp_path: Path,
    server: AnswersServer,
    monkeypatch: pytest.MonkeyPatch,
    heartbeats: list[str | None],
    asked: int,
) -> None:
    """The API server goes on telling that the node is ready, which is from before."""
    left = iter(heartbeats)

    def answer(path: str) -> tuple[int, Any]:
        node = _node(**{LABEL: "lab"})
        node["status"]["conditions"][0]["lastHeartbeatTime"] = next(left)
        return 200, {"items": [node]}

    monkeypatch.setattr(server, "answers", SimpleNamespace(get=lambda path, _: answer(path)))
    with kube_of(tmp_path, server) as kube:
        kube.wait_for_kubelet(_START, 60)
    assert len(server.queries) == asked


def test_a_kubelet_that_does_not_report_is_not_waited_for_any_longer(tmp_path: Path, server: AnswersServer) -> None:
    server.answers = {"/api/v1/nodes": (200, {"items": [_node()]})}
    with kube_of(tmp_path, server) as kube:
        kube.wait_for_kubelet(_START, 0.1)


@pytest.mark.parametrize(
    ("key", "takes_pods"),
    [
        ("node.kubernetes.io/not-ready", False),
        ("node.kubernetes.io/unreachable", False),
        ("node.kubernetes.io/disk-pressure", True),
        ("mine", True),
    ],
)
def test_a_node_that_is_ready_takes_pods_once_nothing_marks_it_as_not_ready(
    tmp_path: Path, server: AnswersServer, key: str, takes_pods: bool
) -> None:
    """Of the others no start of the lab's makes an end."""
    tainted = {**_node(), "spec": {"taints": [{"key": key, "effect": "NoSchedule"}]}}
    server.answers = {"/api/v1/nodes": (200, {"items": [_node(), tainted]})}
    with kube_of(tmp_path, server) as kube:
        assert kube.readiness() is Readiness.READY
        assert kube.takes_pods() is takes_pods


def test_a_certificate_that_is_not_trusted_never_will_be(
    tmp_path: Path, server: AnswersServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: it has expired")

    with kube_of(tmp_path, server) as kube:
        monkeypatch.setattr(kube._client, "list", refuse)
        assert kube.readiness("lab") is Readiness.NEVER
        assert kube.wait_until_ready(60, mark="lab") is False
        assert kube.readiness() is Readiness.COMING
