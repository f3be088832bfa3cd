"""The world of a lesson keeps to the course's Protocol, and looking starts nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from labkit.base.errors import Misuse
from labkit.core.admission.policy import PRIVILEGED, Policy
from labkit.core.causes import Cause
from labkit.core.pods.outcome import Outcome, judge_admission
from labkit.core.refuser import Refuser
from labkit.core.run_results import ExecResult, RunResult
from labkit.course.progress import Progress
from labkit.course.world import Looks, Starts, World
from labkit.lab.container import Container
from labkit.notebook import Lesson
from labkit.notebook.lesson_world import LessonLooks, LessonStarts, LessonWorld
from tests.unit.archives.layered import saved_image
from tests.unit.notebook.paper import RUNNING, made_pod, opened, paper_engine, paper_kube, rollout

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
    "log": lambda look: look.log("app"),
    "pods_of": lambda look: look.pods_of("web"),
    "processes_in": lambda look: look.processes_in({}),
    "deployment": lambda look: look.deployment("web"),
    "processes": lambda look: look.processes(Container(look._lab.engine(), "c" * 12, "docker run")),  # type: ignore[attr-defined]
    "manifest": lambda look: look.manifest("app"),
    "admission": lambda look: look.admission(_POD),
    "rollout": lambda look: look.rollout("web"),
    "kinds_named": lambda look: look.kinds_named("web"),
    "names_near": lambda look: look.names_near("web"),
    "not_taken": lambda look: look.not_taken("web"),
    "enforced": lambda look: look.enforced(),
    "page": lambda look: look.page("app", 80),
    "image": lambda look: look.image("debian"),
    "digest": lambda look: look.digest("debian", "/etc/passwd"),
    "instructions": lambda look: look.instructions("debian"),
    "tree": lambda look: look.tree("debian"),
    "last_stop": lambda look: look.last_stop("debian"),
    "dockerfile": lambda look: look.dockerfile("debian", "none/Dockerfile"),
    "published": lambda look: look.published("debian"),
    "explain": lambda look: look.explain(_POD),
}
_READS = {
    *(
        "namespaces",
        "pods",
        "find_pod",
        "outcome_of",
        "observe",
        "logs",
        "pods_of",
        "create_pod",
        "rollout",
        "enforced",
        "page",
    ),
    *("image", "look_inside", "file_digest", "history", "image_archive", "processes", "deployment", "kinds_named"),
    "deployment_names",
}


def test_each_look_is_tried() -> None:
    assert set(_LOOKS) == set(_methods(Looks))


@pytest.mark.parametrize("name", _LOOKS)
def test_looking_starts_and_changes_nothing(tmp_path: Path, name: str) -> None:
    engine = paper_engine(image_archive=iter([saved_image()]), processes=(), file_digest="1f", history=[])
    kube = paper_kube(
        create_pod=None,
        rollout=rollout,
        enforced=PRIVILEGED,
        kinds_named=["Pod"],
        page=(True, "hello"),
        logs="hello",
        pods_of=[],
        deployment={},
        deployment_names=[],
    )
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
    assert look.processes_in({}) == {}
    with pytest.raises(Misuse, match="there is no such pod"):
        look.log("other")
    assert look.rollout("other") is None
    assert look.image("other") is None
    assert look.tree("other") is None
    assert look.last_stop("other") is None
    with pytest.raises(Misuse):
        look.explain("kind: {")


def test_what_was_made_under_a_mistyped_name_is_found_and_ends_what_was_said_to_the_right_one(tmp_path: Path) -> None:
    def make(own: dict[str, Any], namespace: str) -> Outcome:
        name = own["metadata"]["name"]
        return Outcome(name, namespace, "not admitted" if name == "lapp" else "running")

    kube = paper_kube(make_pod=make, deployment_names=["appp", "apple-tree"])
    lesson = Lesson(opened(tmp_path, paper_engine(), kube), Progress(tmp_path / "progress.json"))
    look = lesson._checking._world.look
    lesson.apply(_POD.replace("{name: a}", "{name: lapp}", 1))
    assert set(look.names_near("app")) == {"lapp", "appp"}
    # One of another name says nothing of it.
    lesson.apply(_POD.replace("{name: a}", "{name: tree}", 1))
    assert look.pod("lapp") is not None
    lesson.apply(_POD.replace("{name: a}", "{name: lap}", 1))
    assert look.pod("lapp") is None


def test_an_image_that_nobody_has_is_told_with_the_name_that_was_probably_meant(tmp_path: Path) -> None:
    missing = Outcome("app", "ns", "refused", cause=Cause.IMAGE_MISSING, container="main", message="failed to pull")
    there = {**RUNNING, "spec": {"containers": [{"name": "main", "image": "debain"}]}}
    kube = paper_kube(make_pod=missing, outcome_of=missing, find_pod=there)
    engine = paper_engine(image=lambda _: None)
    lesson = Lesson(opened(tmp_path, engine, kube), Progress(tmp_path / "progress.json"))
    made = lesson.apply(_POD.replace("{name: a, image: debian}", "{name: main, image: debain}"))
    seen = lesson._checking._world.look.pod("app")
    for outcome in (made, seen):
        assert outcome is not None and outcome.message == "failed to pull\nimage debain: did you mean debian?"
    there["spec"]["containers"][0]["image"] = "zzz"
    assert lesson.look_at("app") == missing


def test_what_is_started_reaches_engine_and_cluster(tmp_path: Path) -> None:
    engine = paper_engine(run=RunResult("docker run", "uid=1", 0), build="sha256:1")
    kube = paper_kube(
        make_pod=made_pod, find_pod=RUNNING, execute=ExecResult(0, "1654\n"), enforce=(), enforced=PRIVILEGED
    )
    start = _world(tmp_path, engine, kube).start
    assert start.run("debian", "id", user="1").output == "uid=1"
    assert start.exec(start.pod("aspnetapp", name="web", pod={"runAsNonRoot": True}), "id -u").output == "1654"
    assert start.apply(_POD).pod == "a"
    assert start.build("FROM debian", name="mine").exit_status == 0
    assert start.enforce("restricted").changed == "namespace/ns"
    assert engine.called("run") == [("localhost/paper/debian:lab", ["id"])]


def test_a_version_that_was_pinned_is_taken_away_and_the_line_says_so(tmp_path: Path) -> None:
    kube = paper_kube(enforce=(), enforced=Policy("restricted", "v1.0"))
    lesson = Lesson(opened(tmp_path, paper_engine(), kube), Progress(tmp_path / "progress.json"))
    assert lesson.enforced() == "restricted:v1.0"
    assert lesson.enforce("restricted").command.endswith(" pod-security.kubernetes.io/enforce-version-")
    kube.answers["enforced"] = Policy("restricted")
    assert lesson.enforced() == "restricted"
    assert lesson.enforce("restricted").command.endswith("pod-security.kubernetes.io/enforce=restricted")


_WEB = "kind: Deployment\nmetadata: {name: web}\nspec: {}"


def test_why_the_last_object_was_not_taken_counts_until_somebody_changes_it(tmp_path: Path) -> None:
    refusal = Misuse("Making deployment/web", 'the API server refuses: unknown field "spec.x"', "correct it")
    there: dict[str, Any] = {"metadata": {"uid": "u", "generation": 1}}
    kube = paper_kube(apply_object=Mock(side_effect=refusal), deployment=lambda *_: there)
    lesson = Lesson(opened(tmp_path, paper_engine(), kube), Progress(tmp_path / "progress.json"))
    look = lesson._checking._world.look
    assert look.not_taken("web") is None
    with pytest.raises(Misuse):
        lesson.create(_WEB)
    assert look.not_taken("web") == refusal.came_back
    there["metadata"]["generation"] = 2
    assert look.not_taken("web") is None
    for manifest in (_WEB.replace("Deployment", "StatefulSet"), {"metadata": {"name": "web"}}):
        with pytest.raises(Misuse):
            lesson.create(manifest)
        assert "its kind is" in (look.not_taken("web") or "")
    kube.answers["apply_object"] = ()
    lesson.create(_WEB)
    assert look.not_taken("web") is None
    with pytest.raises(Misuse):
        lesson.create("kind: {")


def _refused(manifest: Any, namespace: str) -> Outcome:
    return judge_admission(
        400, 'strict decoding error: unknown field "spec.x"', manifest["metadata"]["name"], namespace
    )


def test_the_last_no_counts_until_there_is_a_pod_of_that_name(tmp_path: Path) -> None:
    there: dict[str, Any] = {}
    kube = paper_kube(make_pod=_refused, find_pod=lambda name, _: there.get(name))
    world = _world(tmp_path, paper_engine(), kube)
    no = world.start.apply(_POD)
    assert (no.cause, no.refuser) == (Cause.INVALID_MANIFEST, Refuser.API_SERVER)
    assert world.look.pod("a") == no
    there["a"] = RUNNING
    assert world.look.pod("a") not in (None, no)
    there.clear()
    assert world.look.pod("a") is None
    kube.answers["make_pod"] = made_pod
    world.start.apply(_POD)
    assert world.look.pod("a") is None


def test_a_pod_that_is_being_deleted_is_none(tmp_path: Path) -> None:
    leaving = {**RUNNING, "metadata": {**RUNNING["metadata"], "deletionTimestamp": "2026-11-27T07:00:00Z"}}
    kube = paper_kube(find_pod=leaving)
    assert _world(tmp_path, paper_engine(), kube).look.pod("app") is None


def test_a_pod_is_waited_for_by_its_uid_and_only_while_it_is_not_decided(tmp_path: Path) -> None:
    pending = {**RUNNING, "status": {"phase": "Pending"}}
    kube = paper_kube(find_pod=pending)
    assert _world(tmp_path, paper_engine(), kube).look.pod("app") is not None
    assert [options["uid"] for method, _, options in kube.calls if method == "observe"] == ["u"]
    decided = paper_kube()
    assert _world(tmp_path, paper_engine(), decided).look.pod("app") is not None
    assert decided.called("observe") == []


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"])
def test_admission_is_asked_for_a_pod_of_a_template(tmp_path: Path, kind: str) -> None:
    kube = paper_kube(create_pod=None)
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "debian"}]}}
    manifest = {"kind": kind, "metadata": {"name": "web"}, "spec": {"template": template}}
    _world(tmp_path, paper_engine(), kube).look.admission(manifest)
    ((pod, name, _),) = kube.called("create_pod")
    assert (pod["kind"], pod["metadata"]) == ("Pod", {"labels": {"app": "web"}, "name": name})
    assert pod["spec"]["containers"][0]["image"] == "localhost/paper/debian:lab"


@pytest.mark.parametrize(
    "manifest", ["kind: Deployment\nmetadata: {name: a}", "kind: Secret", "just text", "", 5, None]
)
def test_admission_of_nothing_that_makes_pods_is_a_misuse(tmp_path: Path, manifest: Any) -> None:
    with pytest.raises(Misuse, match="Reading the manifest") as error:
        _world(tmp_path, paper_engine(), paper_kube()).look.admission(manifest)
    assert error.value.remedy


def test_admission_is_asked_for_a_pod_as_it_was_written(tmp_path: Path) -> None:
    """What the API server put in, and the debug containers that came later, would be refused."""
    kube = paper_kube(create_pod=None)
    metadata = {"name": "a", "uid": "u", "resourceVersion": "7", "labels": {"app": "a"}, "managedFields": []}
    spec = {"containers": [], "ephemeralContainers": [{"name": "debugger"}]}
    look = _world(tmp_path, paper_engine(), kube).look
    look.admission({"kind": "Pod", "metadata": metadata, "spec": spec})
    ((pod, name, _),) = kube.called("create_pod")
    assert pod["metadata"] == {"name": name, "labels": {"app": "a"}}
    assert pod["spec"] == {"containers": []}
