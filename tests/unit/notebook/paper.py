"""A lab of paper for tests of notebooks: it records what is asked of it, and fails at what it has no answer to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from labkit.adapters.engine import Engine
from labkit.adapters.kube import Kube
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.core.pods.objects import Rollout
from labkit.core.pods.outcome import Outcome
from labkit.core.run_results import ExecResult
from labkit.lab.lab import Lab
from labkit.lab.standing import StatusJson
from labkit.notebook.opened_lesson import OpenedLesson
from labkit.show.steps import Silent

LESSON = "07-run-as-non-root"
KUBECONFIG = "contexts: [{name: kind-paper, context: {cluster: kind-paper, user: kind-paper}}]\n"
RUNNING: dict[str, Any] = {
    "metadata": {"name": "app", "namespace": "ns", "uid": "u"},
    "spec": {"containers": [{"name": "main"}, {"name": "side"}]},
    "status": {
        "phase": "Running",
        "containerStatuses": [{"name": name, "state": {"running": {}}} for name in ("main", "side")],
    },
}


class Untouchable:
    """Whatever is asked of it fails."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked of it")


class Recorder:
    """Answers the methods that it has answers for, and records each call; anything else fails.

    Args:
        answers: by the method's name: what it returns, or a function that is given its arguments.
    """

    is_podman = False

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self.answers:
            raise AssertionError(f"{name} was asked of it")

        def answer(*arguments: Any, **options: Any) -> Any:
            self.calls.append((name, arguments, options))
            value = self.answers[name]
            return value(*arguments, **options) if callable(value) else value

        return answer

    def called(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of each call of a method."""
        return [arguments for method, arguments, _ in self.calls if method == name]


class PaperLab(Lab):
    """A lab whose engine and cluster are of paper; bringing it up is recorded, too."""

    def __init__(self, folder: Path, engine: Any = None, kube: Any = None) -> None:
        super().__init__(Configuration("paper", folder / "state", folder / "cache", folder / "data"), Silent())
        self.paper_engine, self.paper_kube = engine or Untouchable(), kube or Untouchable()
        self.ups = self.closed = 0

    def up(self, source: str | None = None, bundle: Path | None = None, *, background: bool = False) -> None:
        self.ups += 1
        self.configuration.state.mkdir(parents=True, exist_ok=True)
        self.configuration.kubeconfig.write_text(KUBECONFIG, encoding="utf-8")

    def begin(self, source: str | None = None, bundle: Path | None = None) -> None:
        self.up(source, bundle)

    def engine(self) -> Engine:
        return cast(Engine, self.paper_engine)

    def cluster(self) -> Any:
        return Recorder(load=None, unload=None)

    def kube(self) -> Kube:
        return cast(Kube, self.paper_kube)

    def close(self) -> None:
        self.closed += 1

    def status(self) -> StatusJson:
        return cast(StatusJson, {"state": "up", "images": []})


def paper_engine(**more: Any) -> Recorder:
    """An engine with every image, which runs nothing."""
    answers: dict[str, Any] = {
        "image": lambda name: {"Id": "sha256:1", "Config": {"User": "1654", "Entrypoint": ["app"]}},
        "look_inside": lambda _, paths: dict.fromkeys(paths),
        "labelled_containers": [],
        "labelled_images": [],
        "remove_container": None,
        "remove_stages": None,
        "remove_image": True,
    }
    return Recorder(**answers | more)


def paper_kube(**more: Any) -> Recorder:
    """A cluster with one running pod, in which nothing can be made or run."""
    answers: dict[str, Any] = {
        "namespaces": ["ns"],
        "delete_namespace": None,
        "new_namespace": "ns",
        "pods": [RUNNING],
        "find_pod": find_pod,
        "observe": Outcome("app", "ns", "running"),
        "outcome_of": Outcome("app", "ns", "running"),
        "wait_for_restart": None,
    }
    return Recorder(**answers | more)


def opened(folder: Path, engine: Any = None, kube: Any = None) -> OpenedLesson:
    """An opened lesson on paper."""
    return OpenedLesson(LESSON, PaperLab(folder, engine or paper_engine(), kube or paper_kube()), own_namespace="ns")


def find_pod(name: str, namespace: str) -> Any:
    """The running pod, in whatever namespace, and no other."""
    return {**RUNNING, "metadata": {**RUNNING["metadata"], "namespace": namespace}} if name == "app" else None


def made_pod(manifest: Mapping[str, Any], namespace: str) -> Outcome:
    """What a cluster says of a pod that it has made."""
    return Outcome(manifest["metadata"]["name"], namespace, "running")


def no_such_container(*_: object) -> ExecResult:
    """What a cluster says when a command's pod is not there."""
    raise LabFailed("Running a command", "there is no such container", "run the cell that makes the pod again")


def rollout(name: str, *_: object) -> Rollout | None:
    """One Deployment, and no other."""
    return Rollout("web", 1, 1, 1) if name == "web" else None
