"""What a test gets for a lesson with nothing in it, whatever the test before it has left there."""

from __future__ import annotations

from labkit.adapters.kube import Kube
from labkit.core.pods.api_objects import PodObject
from labkit.notebook import Lesson
from tests.live.conftest import OpenedLessons

_LESSON = "07-run-as-non-root"
_NOTE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "left"}, "data": {"by": "a test"}}


def _pods(kube: Kube, lesson: Lesson) -> list[PodObject]:
    return kube.pods(lesson.namespace)


def test_pods_go_and_their_namespace_stays(opened: OpenedLessons, kube: Kube) -> None:
    lesson = opened(_LESSON)
    lesson.build("FROM debian\nUSER 1000\n", name="left-image").expect()
    lesson.pod("left-image", name="left")
    namespace = lesson.namespace
    assert [pod["metadata"]["name"] for pod in _pods(kube, lesson)] == ["left"]
    lesson = opened(_LESSON)
    assert (lesson.namespace, _pods(kube, lesson)) == (namespace, [])
    assert lesson.look_at("left") is None
    assert lesson._lesson.loaded | lesson._lesson.own_images == set()


def test_what_is_no_pod_goes_with_its_namespace(opened: OpenedLessons, kube: Kube) -> None:
    lesson = opened(_LESSON)
    lesson.pod("aspnetapp", name="left")
    lesson.create(_NOTE)
    namespace = lesson.namespace
    lesson = opened(_LESSON)
    assert lesson.namespace != namespace
    assert namespace not in kube.namespaces(_LESSON)
    assert _pods(kube, lesson) == []
