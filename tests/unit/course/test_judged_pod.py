"""Why there is nothing to judge: a pod or a Deployment that is not there, or not as it was asked for last."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

from labkit.core.started import PodProgram
from labkit.course.judging.assessment import CheckVerdict
from labkit.course.judging.judged_container import JudgedContainer
from labkit.course.judging.judged_deployment import JudgedDeployment
from labkit.course.judging.judged_pod import JudgedPod
from labkit.course.judging.pod_demands import SampleApp, in_its_place


def _world(**looks: Any) -> Any:
    answers: dict[str, Any] = {"pod": None, "manifest": {}, "kinds_named": [], "not_taken": None, "rollout": None}
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


_DIGESTS = {"web": "1" * 64, "web-root": "3" * 64}
_APP = SampleApp("/app/web", tuple(_DIGESTS))


def _pod(*programs: str, name: str = "web") -> JudgedPod:
    world = _world(
        manifest={"metadata": {}, "spec": {"containers": [{"name": "a"}, {"name": "b"}]}},
        programs={
            "a": frozenset({PodProgram("2" * 64, "")}),
            "b": frozenset(PodProgram(digest, name) for digest in programs),
        },
    )
    world.look.digest.side_effect = lambda sample, path: _DIGESTS[sample]
    return JudgedPod(world, "p")


def test_an_app_is_known_by_its_content_and_by_what_it_is_called_by() -> None:
    for digest in _DIGESTS.values():
        assert [entry["name"] for entry in _APP.containers_in(_pod("4" * 64, digest))] == ["b"]
        assert _APP.containers_in(_pod(digest, name="ledger")) == []
    impostor = _pod("5" * 64)
    assert _APP.containers_in(impostor) == []
    assert "another program of the name web" in in_its_place(impostor, _APP)
    assert in_its_place(_pod("6" * 64, name="sleep"), _APP) == "The pod runs sleep in place of its app."
    assert in_its_place(_pod(), _APP) == "The pod runs nothing in place of its app."
