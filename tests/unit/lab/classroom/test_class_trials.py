"""Whether a cluster lets an engine run beside a server is decided by a pod of it, and what it said is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from labkit.adapters.kube.cluster_writer import ApiAnswer, ClusterWriter
from labkit.lab.classroom import class_trials
from labkit.lab.classroom.class_settings import ClassSettings
from labkit.lab.classroom.class_trials import ClusterTrial, _TrialPods

WITH_IMAGE = ClassSettings(engine_image="localhost/paper/class-engine:1")
NEEDS_USERNS = "procMount: Forbidden: `hostUsers` must be false to use `Unmasked`"


class TryingCluster:
    """A cluster in which a trial's pods come to one end.

    Args:
        refusal: what is said to the pod in a dry run; empty for a yes.
        status: of the pod.
        log: what it printed.
    """

    def __init__(self, refusal: str = "", status: Mapping[str, Any] | None = None, log: str = "") -> None:
        self.refusal, self.status, self.printed = refusal, status or {}, log
        self.created: list[tuple[str, bool]] = []

    def create(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> ApiAnswer:
        self.created.append((manifest["kind"], dry_run))
        refusal = self.refusal if manifest["kind"] == "Pod" else ""
        return ApiAnswer(403 if refusal else 201, refusal, {}, ())

    def get(self, path: str) -> Mapping[str, Any]:
        return {"status": self.status}

    def text(self, path: str) -> str:
        return self.printed


def tried(cluster: TryingCluster, settings: ClassSettings = WITH_IMAGE, *, volumes: bool = True) -> ClusterTrial:
    return _TrialPods(cast(ClusterWriter, cluster), settings, "trial")._try_engine(ClusterTrial(volumes))


def test_an_engine_that_ran_a_container_and_built_an_image_is_one() -> None:
    cluster = TryingCluster(status={"phase": "Succeeded"}, log="a warning\npodman version 5.4.2\n")
    assert tried(cluster) == ClusterTrial(True, "podman version 5.4.2")
    assert cluster.created == [("Pod", True), ("PersistentVolumeClaim", False), ("Pod", False)]


def test_without_volumes_that_can_be_written_to_it_is_tried_without() -> None:
    cluster = TryingCluster(status={"phase": "Succeeded"}, log="podman version 5.4.2\n")
    assert tried(cluster, volumes=False).is_ok
    assert cluster.created == [("Pod", True), ("Pod", False)]


def test_a_pod_that_the_cluster_does_not_take_is_not_made() -> None:
    cluster = TryingCluster(refusal=NEEDS_USERNS)
    assert tried(cluster) == ClusterTrial(False, f"this cluster does not take its pod: {NEEDS_USERNS}")
    assert cluster.created == [("Pod", True)]


def test_an_engine_that_cannot_start_says_why_in_its_own_words() -> None:
    log = "a\nb\ncannot clone: Operation not permitted\nError: cannot re-exec process\n"
    verdict = tried(TryingCluster(status={"phase": "Failed"}, log=log))
    assert verdict == ClusterTrial(False, "b; cannot clone: Operation not permitted; Error: cannot re-exec process")


@pytest.mark.parametrize(
    ("waiting", "message"),
    [
        ({"reason": "ErrImagePull", "message": "not found"}, "ErrImagePull: not found"),
        ({"reason": "CreateContainerError", "message": "idmap: not supported"}, "idmap: not supported"),
        ({"reason": "ContainerCreating"}, "had not ended"),
    ],
)
def test_a_pod_that_never_runs_is_a_no(waiting: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_trials, "_ENGINE_SECONDS", 0.0)
    status = {"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}}]}
    verdict = tried(TryingCluster(status=status))
    assert verdict.is_ok is False
    assert message in verdict.message


def test_where_no_engine_is_wanted_none_is_tried() -> None:
    cluster = TryingCluster()
    assert not tried(cluster, ClassSettings()).is_ok
    assert cluster.created == []
