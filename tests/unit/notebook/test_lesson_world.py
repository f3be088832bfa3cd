"""The world of a lesson keeps to the course's Protocol, and looking starts nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labkit.base.errors import Misuse
from labkit.core.run_results import ExecResult, RunResult
from labkit.course.progress import Progress
from labkit.course.world import Looks, Starts, World
from labkit.notebook import Lesson
from labkit.notebook.lesson_world import LessonLooks, LessonStarts, LessonWorld
from tests.unit.notebook.paper import made_pod, opened, paper_engine, paper_kube, rollout

_PAIRS: list[tuple[type, type]] = [(Looks, LessonLooks), (Starts, LessonStarts)]


def _methods(kind: type) -> dict[str, Any]:
    return {name: method for name, method in vars(kind).items() if inspect.isfunction(method) and name[0] != "_"}


@pytest.mark.parametrize(("protocol", "implementation"), _PAIRS, ids=lambda kind: kind.__name__)
def test_it_has_each_method_with_the_same_signature_and_no_other(protocol: type, implementation: type) -> None:
    wanted, there = _methods(protocol), _methods(implementation)
    assert set(there) == set(wanted)
    assert {name: inspect.signature(method) for name, method in there.items()} == {
        name: inspect.signature(method) for name, method in wanted.items()
    }


def _world(tmp_path: Path, engine: Any, kube: Any) -> World:
    lesson = Lesson(opened(tmp_path, engine, kube), Progress(tmp_path / "progress.json"))
    world: World = lesson._checking._world
    assert isinstance(world, LessonWorld)
    return world


_POD = "kind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: debian}]}"
_LOOKS: dict[str, Callable[[Looks], object]] = {
    "pod": lambda look: look.pod("app"),
    "pods": lambda look: look.pods(),
    "manifest": lambda look: look.manifest("app"),
    "admission": lambda look: look.admission(_POD),
    "rollout": lambda look: look.rollout("web"),
    "enforced": lambda look: look.enforced(),
    "page": lambda look: look.page("app", 80),
    "image": lambda look: look.image("debian"),
    "file": lambda look: look.file("debian", "/etc"),
    "explain": lambda look: look.explain(_POD),
}
_READS = {"pods", "observe", "create_pod", "rollout", "enforced", "page", "image", "look_inside"}


def test_each_look_is_tried() -> None:
    assert set(_LOOKS) == set(_methods(Looks))


@pytest.mark.parametrize("name", _LOOKS)
def test_looking_starts_and_changes_nothing(tmp_path: Path, name: str) -> None:
    engine = paper_engine()
    kube = paper_kube(create_pod=None, rollout=rollout, enforced="privileged", page=(True, "hello"))
    _LOOKS[name](_world(tmp_path, engine, kube).look)
    calls = [*engine.calls, *kube.calls]
    assert {method for method, _, _ in calls} <= _READS
    assert all(options["dry_run"] for method, _, options in calls if method == "create_pod")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    engine = paper_engine(image=lambda _: None)
    look = _world(tmp_path, engine, paper_kube(rollout=rollout)).look
    assert look.pod("other") is None
    assert look.manifest("other") == {}
    assert look.rollout("other") is None
    assert look.image("other") is None
    with pytest.raises(Misuse):
        look.explain("kind: {")


def test_what_is_started_reaches_engine_and_cluster(tmp_path: Path) -> None:
    engine = paper_engine(run=RunResult("docker run", "uid=1", 0), build="sha256:1")
    kube = paper_kube(make_pod=made_pod, execute=ExecResult(0, "1654\n"), enforce=())
    start = _world(tmp_path, engine, kube).start
    assert start.run("debian", "id", user="1").output == "uid=1"
    assert start.exec(start.pod("aspnetapp", name="web", pod={"runAsNonRoot": True}), "id -u").output == "1654"
    assert start.apply(_POD).pod == "a"
    assert start.build("FROM debian", name="mine").exit_status == 0
    assert start.enforce("restricted").changed == "namespace/ns"
    assert engine.called("run") == [("localhost/paper/debian:lab", ["id"])]
