"""Why there is nothing to judge: a pod or a Deployment that is not there, or not as it was asked for last."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
import yaml

from labkit.core.started import PodProcesses, PodProgram
from labkit.course.judging.assessment import CheckVerdict
from labkit.course.judging.judged_container import JudgedContainer
from labkit.course.judging.judged_deployment import JudgedDeployment
from labkit.course.judging.judged_pod import JudgedPod, given_manifest
from labkit.course.judging.pod_demands import SampleApp, in_its_place
from labkit.course.pod_settings import with_debug_containers


def _world(**looks: Any) -> Any:
    nothing: dict[str, Any] = {"pod": None, "manifest": {}, "rollout": None, "not_taken": None}
    answers = nothing | {"kinds_named": [], "names_near": []}
    return Mock(look=Mock(**{name: Mock(return_value=value) for name, value in (answers | looks).items()}))


def _why_not(subject: JudgedPod | JudgedDeployment) -> tuple[CheckVerdict, str]:
    assessment = subject.missing()
    assert assessment is not None
    return assessment.verdict, assessment.message


def test_not_yet_is_for_where_nothing_was_done() -> None:
    for subject in (JudgedPod(_world(), "web"), JudgedDeployment(_world(), "web")):
        verdict, message = _why_not(subject)
        assert verdict is CheckVerdict.NOT_YET
        assert "web yet" in message


def test_what_was_made_instead_is_named() -> None:
    verdict, message = _why_not(JudgedDeployment(_world(kinds_named=["StatefulSet"]), "web"))
    assert verdict is CheckVerdict.NOT_RIGHT
    assert message == "There is a StatefulSet web, and no Deployment of that name: the task is about a Deployment."
    _, message = _why_not(JudgedPod(_world(kinds_named=["Deployment"]), "web"))
    assert message.startswith("There is a Deployment web, and no Pod of that name")


def test_what_was_made_under_a_mistyped_name_is_named() -> None:
    for subject in (JudgedPod(_world(names_near=["wbe"]), "web"), JudgedDeployment(_world(names_near=["wbe"]), "web")):
        verdict, message = _why_not(subject)
        assert verdict is CheckVerdict.NOT_RIGHT
        assert "web, and there is wbe: the task asks for the name web" in message


def test_what_was_not_taken_is_said_also_where_an_older_one_is_there() -> None:
    reason = "the API server refuses: no"
    for there in (None, Mock()):
        verdict, message = _why_not(JudgedDeployment(_world(not_taken=reason, rollout=there), "web"))
        assert verdict is CheckVerdict.NOT_RIGHT
        assert message.endswith(f"was not taken, because {reason}")


def test_a_pod_that_is_being_deleted_does_not_count() -> None:
    manifest = {"metadata": {"deletionTimestamp": "2026-11-27T10:00:00Z"}, "spec": {}}
    verdict, message = _why_not(JudgedPod(_world(manifest=manifest), "web"))
    assert verdict is CheckVerdict.NOT_RIGHT
    assert "is being deleted" in message


def test_a_container_that_is_gone_is_said_so() -> None:
    world: Any = Mock()
    world.start.snapshot.return_value = None
    missing = JudgedContainer(world, Mock(), "aspnetapp").missing()
    assert missing is not None
    assert "somebody has removed it" in missing.message


_DIGESTS = {
    ("web", "/app/web"): "1" * 64,
    ("web-root", "/app/web"): "3" * 64,
    ("web-root", "/app/web.dll"): "7" * 64,
    ("web-root", "/usr/bin/dotnet"): "8" * 64,
    ("runtime", "/usr/bin/dotnet"): "9" * 64,
}
_APP = SampleApp("/app/web", ("web", "web-root"))


def _pod(*programs: PodProgram) -> JudgedPod:
    world = _world(
        pod=Mock(),
        manifest={"metadata": {}, "spec": {"containers": [{"name": "a"}, {"name": "b"}]}},
        processes_in={
            "a": PodProcesses({}, frozenset({PodProgram("2" * 64, "")})),
            "b": PodProcesses({}, frozenset(programs)),
        },
    )
    world.look.digest.side_effect = lambda sample, path: _DIGESTS.get((sample, path))
    return JudgedPod(world, "p")


def _names(pod: JudgedPod) -> list[str]:
    return [container["name"] for container in _APP.containers_in(pod)]


def test_an_app_is_known_by_its_content_and_by_what_it_is_called_by() -> None:
    for digest in ("1" * 64, "3" * 64):
        assert _names(_pod(PodProgram("4" * 64, "web"), PodProgram(digest, "web"))) == ["b"]
        assert _names(_pod(PodProgram(digest, "ledger"))) == []
    impostor = _pod(PodProgram("5" * 64, "web"))
    assert _names(impostor) == []
    assert "another program of the name web" in in_its_place(impostor, _APP)
    assert in_its_place(_pod(PodProgram("6" * 64, "sleep")), _APP) == "The pod runs sleep in place of its app."
    assert in_its_place(_pod(), _APP) == (
        "The pod is to run its app, web, which is not running: give no command in its place, and see that it stays up."
    )


@pytest.mark.parametrize(
    ("program", "is_app"),
    [
        (PodProgram("9" * 64, "dotnet", "web.dll", "7" * 64), True),
        # The image's own runtime, for another C library.
        (PodProgram("8" * 64, "dotnet", "web.dll", "7" * 64), True),
        (PodProgram("9" * 64, "dotnet", "web.dll", "6" * 64), False),
        (PodProgram("9" * 64, "dotnet", "web.dll"), False),
        (PodProgram("9" * 64, "dotnet", "other.dll", "7" * 64), False),
        (PodProgram("5" * 64, "dotnet", "web.dll", "7" * 64), False),
    ],
)
def test_an_app_that_a_dotnet_runtime_executes_is_the_app(program: PodProgram, is_app: bool) -> None:
    assert bool(_names(_pod(program))) is is_app


def test_admission_is_asked_of_debug_containers_too() -> None:
    debugger = {"name": "debugger", "image": "debian", "targetContainerName": "app"}
    manifest = {"kind": "Pod", "spec": {"containers": [{"name": "app"}], "ephemeralContainers": [debugger]}}
    spec = {"containers": [{"name": "app"}, {"name": "debugger", "image": "debian"}]}
    assert with_debug_containers(manifest) == {"kind": "Pod", "spec": spec}
    assert manifest["spec"]["ephemeralContainers"] == [debugger]  # type: ignore[index]


@pytest.mark.parametrize(("image", "is_given"), [("web:lab", True), ("web:2", False)])
def test_a_pod_is_as_its_cell_writes_it_or_was_asked_for_so(image: str, is_given: bool) -> None:
    written = {"spec": {"containers": [{"name": "a", "image": "web"}]}}
    asked = {"spec": {"containers": [{"name": "a", "image": image}]}}
    there = {"metadata": {}, "spec": {**asked["spec"], "nodeName": "node"}}
    facts = Mock(reference="web:lab")
    assert JudgedPod(_world(manifest=there, image=facts), "p").is_as_written(written) is is_given
    refused = Mock(yaml=yaml.safe_dump(asked))
    assert JudgedPod(_world(pod=refused, image=facts), "p").is_as_written(written) is is_given
    assert not JudgedPod(_world(image=facts), "p").is_as_written(written)


@pytest.mark.parametrize("name", ["all-of-them", "to-restricted", "pods-come", "ledger", "gated"])
def test_what_a_lesson_gives_is_read_from_the_file_that_it_gives(name: str) -> None:
    assert given_manifest(f"{name}.yaml")["metadata"]["name"] == name
