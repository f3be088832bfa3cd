"""The pod of a manifest, among other documents."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest

from labkit.core.admission.api_server import LET_IN, ApiVerdict
from labkit.course.judging.judged_manifest import JudgedManifest

_POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: app, image: a}]}\n"
_DEPLOYMENT = "kind: Deployment\nspec:\n  template:\n    spec: {containers: [{name: app, image: a}]}\n"


_LIST = "kind: List\nitems:\n- {kind: Pod, spec: {containers: [{name: app, image: a}]}}\n- {kind: Namespace}\n"


@pytest.mark.parametrize(
    "text",
    [_POD, _DEPLOYMENT, _LIST, f"---\n{_POD}---\n", f"kind: Namespace\nmetadata: {{name: b}}\n---\n{_DEPLOYMENT}"],
)
def test_documents_without_a_pod_are_passed_over(text: str) -> None:
    world: Any = Mock()
    (spec,) = JudgedManifest(world, text).specs
    assert [container["name"] for container in spec["containers"]] == ["app"]


def test_what_the_api_server_would_say_is_said_once() -> None:
    refused = Mock(api=ApiVerdict(ok=False, message='unknown field "spec.x"', hints=("did you mean y?",)))
    world: Any = Mock()
    world.look.explain.return_value.rows = [refused, refused, Mock(api=LET_IN)]
    assert JudgedManifest(world, _POD).api_server_says == ['unknown field "spec.x" (did you mean y?)']


@pytest.mark.parametrize(
    "text", ["", "---\n", "- a\n", "kind: Namespace\n", "kind: Deployment\nspec: {template: null}\n", "items: [1]"]
)
def test_a_manifest_without_a_pod_has_no_spec(text: str) -> None:
    world: Any = Mock()
    assert JudgedManifest(world, text).specs == []
