"""The explorer: what is chosen is a call of `labkit.explain`."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets  # type: ignore[import-untyped]
import pytest
import yaml

from labkit.base.errors import Misuse
from labkit.core.identity.answers import explain_in_pod
from labkit.core.identity.model import Image
from labkit.explain.explorer import Choice, Explorer
from labkit.explain.rows import Explanation, Explanations


class _Asked:
    """Stands at the edge: notes the calls and answers with one row."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, image: str = "", **arguments: Any) -> Explanations:
        self.calls.append((image, arguments))
        if image == "missing":
            raise Misuse("Looking for image 'missing'", "there is <none>", "pull it")
        answer = explain_in_pod(Image("<b>1654"))
        return Explanations([Explanation(None, "Pod", "p", "default", "c", "main", image, "<b>1654", answer)])


@pytest.fixture
def asked() -> _Asked:
    return _Asked()


@pytest.fixture
def explorer(asked: _Asked) -> Explorer:
    return Explorer(["alpine", "debian"], asked)


def test_it_begins_with_an_answer(explorer: Explorer, asked: _Asked) -> None:
    assert asked.calls == [("alpine", {"pod": {}})]
    assert "labkit.explain(&#x27;alpine&#x27;, pod={})" in explorer.answer.value


def test_no_control_looks_empty_that_holds_something(explorer: Explorer) -> None:
    chosen = [control for control in _controls(explorer.widget) if isinstance(control, widgets.Dropdown)]
    assert [control.label for control in chosen] == ["not set", "not set", "not set", "not known"]
    assert None not in [control.index for control in chosen]


def test_every_control_becomes_an_argument(explorer: Explorer, asked: _Asked) -> None:
    explorer.image.value = "debian"
    explorer.image_user.value = "app"
    explorer.docker_user.value = "0"
    explorer.pod_non_root.value = True
    explorer.pod_user.value = "7"
    explorer.container_group.value = "8"
    assert asked.calls[-1] == (
        "debian",
        {
            "pod": {"runAsNonRoot": True, "runAsUser": 7},
            "image_user": "app",
            "container": {"runAsGroup": 8},
            "user": "0",
        },
    )


def test_the_namespace_and_the_pod_s_user_namespace_become_arguments(explorer: Explorer, asked: _Asked) -> None:
    explorer.host_users.value = False
    explorer.namespace_level.value = "restricted"
    assert asked.calls[-1] == ("alpine", {"pod": {"hostUsers": False}, "namespace_level": "restricted"})


def test_a_dockerfile_takes_the_place_of_the_image(explorer: Explorer, asked: _Asked) -> None:
    explorer.image_user.value = "app"
    explorer.dockerfile.value = "FROM alpine\nUSER $UID\n"
    assert asked.calls[-1] == ("", {"pod": {}, "dockerfile": "FROM alpine\nUSER $UID\n"})
    explorer.dockerfile.value = " \n"
    assert asked.calls[-1] == ("alpine", {"pod": {}, "image_user": "app"})


def _controls(widget: Any) -> list[Any]:
    inner = [control for child in getattr(widget, "children", ()) for control in _controls(child)]
    return inner or ([widget] if hasattr(widget, "description") and not isinstance(widget, widgets.HTML) else [])


def test_each_control_has_a_label_of_its_own_and_works_by_keyboard(explorer: Explorer) -> None:
    controls = _controls(explorer.widget)
    labels = [control.description for control in controls]
    assert len(set(labels)) == len(labels) == 12 and all(labels)
    kinds = {type(control).__name__ for control in controls}
    assert kinds <= {
        "Combobox",
        "Dropdown",
        "Text",
        "Textarea",
    }  # <input>, <select>, <textarea>: none is for mice alone
    assert all(not control.disabled and control.tabbable in (None, True) for control in controls)
    groups = ("image", "USER", "docker", "pod", "pod", "pod", "pod")
    assert tuple(label.split()[0] for label in labels) == (*groups, *["container"] * 3, "namespace's", "Dockerfile")


@pytest.mark.parametrize(
    "choice",
    [
        Choice("alpine", "app", {"runAsNonRoot": True}, {}, "it's"),
        Choice("alpine", None, {"hostUsers": False}, {}, None, "baseline", "FROM a\nUSER 'x'"),
    ],
)
def test_the_call_can_be_typed(choice: Choice) -> None:
    seen: list[Any] = []
    labkit = type("labkit", (), {"explain": staticmethod(lambda *some, **named: seen.append((some, named)))})
    eval(choice.call(), {"labkit": labkit})
    assert seen == [(choice.images(), choice.arguments())]


def test_nonsense_is_said_and_nothing_is_asked(explorer: Explorer, asked: _Asked) -> None:
    explorer.pod_user.value = "<i>"
    assert "runAsUser must be a whole number" in explorer.answer.value
    assert "<i>" not in explorer.answer.value
    assert len(asked.calls) == 1


def test_an_image_that_is_not_there_is_said(explorer: Explorer) -> None:
    explorer.image.value = "missing"
    assert "there is &lt;none&gt;" in explorer.answer.value
    assert "<b>1654" not in explorer.answer.value


@pytest.fixture
def tried() -> list[Choice]:
    """The choices of which a pod was made."""
    return []


@pytest.fixture
def with_cluster(asked: _Asked, tried: list[Choice]) -> Explorer:
    """An explorer that can make pods."""

    def try_pod(choice: Choice) -> str:
        tried.append(choice)
        if choice.image == "missing":
            raise Misuse("Making a pod of missing", "there is <none>", "pull it")
        return "<em>refused</em>"

    return Explorer(["alpine", "debian"], asked, try_pod)


def test_what_is_chosen_is_a_manifest_to_copy(explorer: Explorer) -> None:
    explorer.pod_non_root.value = True
    explorer.container_user.value = "7"
    manifest = yaml.safe_load(explorer.choice().yaml())
    (container,) = manifest["spec"]["containers"]
    assert manifest["spec"]["securityContext"] == {"runAsNonRoot": True}
    assert (container["image"], container["securityContext"]) == ("alpine", {"runAsUser": 7})
    assert "The pod as YAML" in explorer.answer.value
    explorer.image_user.value = "app"
    assert explorer.choice().yaml() == ""
    assert "The pod as YAML" not in explorer.answer.value


def test_a_pod_of_what_is_chosen_is_made_and_shown(with_cluster: Explorer, tried: list[Choice]) -> None:
    with_cluster.pod_non_root.value = True
    with_cluster.try_it.click()
    assert tried == [Choice("alpine", pod={"runAsNonRoot": True})]
    assert with_cluster.tried.value == '<div role="status"><em>refused</em></div>'
    with_cluster.image.value = "debian"
    assert with_cluster.tried.value == ""  # it was of another image


def test_what_cannot_be_a_pod_is_not_tried_and_said(with_cluster: Explorer, tried: list[Choice]) -> None:
    with_cluster.image_user.value = "app"
    with_cluster.try_it.click()
    assert "clear USER and Dockerfile" in with_cluster.tried.value
    with_cluster.image_user.value, with_cluster.pod_user.value = "", "x"
    with_cluster.try_it.click()
    assert "runAsUser must be a whole number" in with_cluster.tried.value
    assert tried == []
    with_cluster.pod_user.value, with_cluster.image.value = "", "missing"
    with_cluster.try_it.click()
    assert "there is &lt;none&gt;" in with_cluster.tried.value


def test_without_a_lesson_nothing_can_be_tried(explorer: Explorer) -> None:
    assert explorer.try_it not in explorer.widget.children


def test_the_old_answer_is_gone_while_another_is_looked_for() -> None:
    seen: list[str] = []

    def explain(*_: Any, **__: Any) -> Explanations:
        seen.append(explorers[0].answer.value if explorers else "")
        return Explanations([])

    explorers: list[Explorer] = []
    explorers.append(Explorer(["alpine"], explain))
    explorers[0].pod_user.value = "7"
    assert seen == ["", '<div role="status">explaining …</div>']


def test_no_half_typed_name_is_looked_up(explorer: Explorer) -> None:
    typed = [control for control in _controls(explorer.widget) if not isinstance(control, widgets.Dropdown)]
    assert {control.continuous_update for control in typed} == {False}
