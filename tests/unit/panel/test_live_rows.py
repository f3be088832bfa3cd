"""The panel's live rows: each container by itself, as early as its status says something."""

from __future__ import annotations

from typing import Any

import pytest

from labkit.adapters.engine.engine_processes import ListedContainer
from labkit.panel.live_rows import LiveRow, container_row, live_table, pod_rows

_ROOT = "container has runAsNonRoot and image will run as root (pod: ...)"


def _pod(*statuses: dict[str, Any], phase: str = "Pending", **metadata: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "app", "namespace": "ns", "uid": "u1", **metadata},
        "spec": {"containers": [{"name": status["name"]} for status in statuses]},
        "status": {"phase": phase, "containerStatuses": [status for status in statuses if "state" in status]},
    }


def _waiting(reason: str, message: str = "", name: str = "app") -> dict[str, Any]:
    return {"name": name, "state": {"waiting": {"reason": reason, "message": message}}}


def _running(uid: int, name: str = "app") -> dict[str, Any]:
    return {"name": name, "state": {"running": {}}, "user": {"linux": {"uid": uid, "gid": 0}}}


@pytest.mark.parametrize(
    ("status", "seen"),
    [
        ({"name": "app"}, ("pending", "pending", "", None, "")),
        (_waiting("ContainerCreating"), ("waiting", "pending", "ContainerCreating", None, "")),
        (
            _waiting("CreateContainerConfigError", _ROOT),
            ("waiting", "refused", "CreateContainerConfigError", None, "image-runs-as-root"),
        ),
        (_running(1654), ("running", "running", "", 1654, "")),
        (_running(0), ("running", "running", "", 0, "")),
        (
            {"name": "app", "state": {"terminated": {"reason": "Error", "exitCode": 3}}},
            ("terminated", "failed", "Error, exit status 3", None, ""),
        ),
        (
            {"name": "app", "state": {"terminated": {"reason": "Completed", "exitCode": 0}}},
            ("terminated", "succeeded", "Completed, exit status 0", None, ""),
        ),
    ],
)
def test_a_container_is_seen_as_it_is(status: dict[str, Any], seen: tuple[object, ...]) -> None:
    (row,) = pod_rows(_pod(status))
    assert (row.state, row.verdict, row.reason, row.uid, row.cause) == seen
    assert (row.kind, row.name, row.container) == ("pod", "app", "app")


def test_who_refuses_is_named_with_its_words() -> None:
    (row,) = pod_rows(_pod(_waiting("CreateContainerConfigError", _ROOT)))
    assert row.headline.startswith("the kubelet refuses: ")
    assert row.message == _ROOT.removesuffix(" (pod: ...)")  # It stands below the pod's name.


def test_each_container_has_its_own_verdict() -> None:
    both = [_waiting("CreateContainerConfigError", _ROOT, name) for name in ("first", "second")]
    rows = pod_rows(_pod(*both, _running(1654, "third"), _waiting("PodInitializing", name="fourth")))
    assert [row.verdict for row in rows] == ["refused", "refused", "running", "pending"]
    assert len({row.key for row in rows}) == 4


def test_events_say_what_no_status_does_and_only_about_their_own_pod() -> None:
    pod = _pod({"name": "app"})
    event = {"reason": "Failed", "message": f"Error: {_ROOT}", "type": "Warning"}
    (other,) = pod_rows(pod, [{**event, "involvedObject": {"uid": "older"}}])
    (own,) = pod_rows(pod, [{**event, "involvedObject": {"uid": "u1", "fieldPath": "spec.containers{app}"}}])
    assert (other.verdict, own.verdict, own.cause) == ("pending", "refused", "image-runs-as-root")


def test_a_refusal_whose_event_came_first_is_not_said_to_be_creating() -> None:
    event = {"involvedObject": {"uid": "u1"}, "reason": "Failed", "message": f"Error: {_ROOT}"}
    (row,) = pod_rows(_pod(_waiting("ContainerCreating")), [event])
    assert (row.verdict, row.state, row.reason) == ("refused", "waiting", "")


def test_a_pod_that_is_being_deleted_is_no_failure() -> None:
    (row,) = pod_rows(_pod(_running(0), phase="Running", deletionTimestamp="2026-01-01T00:00:00Z"))
    assert (row.state, row.verdict, row.message) == ("Terminating", "pending", "")


@pytest.mark.parametrize("pod", [{}, {"metadata": None, "spec": 3, "status": []}, {"status": {"phase": "Pending"}}])
def test_a_pod_of_which_nothing_is_known_gives_a_row(pod: dict[str, Any]) -> None:
    assert [row.verdict for row in pod_rows(pod)] == ["pending"]


@pytest.mark.parametrize(
    ("state", "status", "uid", "verdict", "reason"),
    [
        ("running", "Up 3 seconds", 0, "running", ""),
        ("exited", "Exited (0) 1 second ago", None, "succeeded", "exit status 0, 1 second ago"),
        ("exited", "Exited (137) 1 second ago", None, "failed", "exit status 137, 1 second ago"),
        ("created", "Created", None, "pending", ""),
        ("dead", "Dead", None, "failed", ""),
        ("dead", "Removal In Progress", None, "failed", "Removal In Progress"),
        ("restarting", "Restarting (1) 2 seconds ago", None, "pending", "exit status 1, 2 seconds ago"),
    ],
)
def test_a_container_of_the_engine(state: str, status: str, uid: int | None, verdict: str, reason: str) -> None:
    row = container_row(ListedContainer("id", "web", "debian", state, status, uid))
    assert (row.verdict, row.reason, row.uid, row.kind) == (verdict, reason, uid, "container")


@pytest.mark.parametrize(
    "image", ["debian", "localhost/labkit/debian:lab", "debian:latest", "registry:5000/a/debian:lab"]
)
def test_a_container_whose_name_nobody_chose_is_told_by_its_image(image: str) -> None:
    row = container_row(ListedContainer("id", "eager_jennings", image, "running", "Up 3 seconds", 1654))
    assert row.headline == "of the image debian"


def test_the_table_says_when_there_is_nothing() -> None:
    assert "no pods and no containers" in str(live_table([]))
    row = LiveRow("k", "pod", "app", "main", 0, "running", "", "running")
    assert "main" in str(live_table([row]))
