"""Manifests are what was asked for, and the caller's mappings stay the caller's."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from labkit.core.pods.manifest import apply_line, container_manifest, kubectl_line, pod_manifest, read_pod, to_yaml

_security = st.dictionaries(
    st.sampled_from(["runAsNonRoot", "runAsUser", "capabilities"]),
    st.booleans() | st.integers() | st.dictionaries(st.just("drop"), st.lists(st.just("ALL"))),
)


@given(_security, _security)
def test_what_is_given_is_copied(pod: dict[str, Any], container: dict[str, Any]) -> None:
    before = copy.deepcopy((pod, container))
    described = container_manifest("a", "image", security=container)
    manifest = pod_manifest("p", [described], init_containers=[described], security=pod)
    manifest["spec"].get("securityContext", {}).clear()
    for made in manifest["spec"]["containers"] + manifest["spec"]["initContainers"]:
        for value in made.get("securityContext", {}).values():
            if isinstance(value, dict):
                value["added"] = 1
        made.clear()
    assert (pod, container) == before
    assert described["name"] == "a"


@given(_security)
def test_the_line_to_type_holds_the_manifest(security: dict[str, Any]) -> None:
    manifest = pod_manifest("p", [container_manifest("a", "image")], security=security)
    line = apply_line(manifest, "ns")
    assert line.startswith("labkit kubectl apply --namespace ns --filename - <<'EOF'\n")
    assert yaml.safe_load(line.split("\n", 1)[1].removesuffix("EOF")) == manifest
    assert read_pod(to_yaml(manifest)) == manifest


def test_a_line_of_the_manifest_does_not_end_it_early() -> None:
    manifest = {"kind": "ConfigMap", "data": {"script": "cat <<EOF\nEOF\n"}, "EOF": None}
    line = apply_line(manifest, "ns", server_side=True)
    head, _, text = line.partition("\n")
    assert head == "labkit kubectl apply --server-side --namespace ns --filename - <<'EOF'"
    assert yaml.safe_load(text.removesuffix("EOF")) == manifest


def test_a_line_is_quoted_for_a_shell() -> None:
    assert kubectl_line("exec", "p", "--", "sh", "-c", "echo $HOME") == ("labkit kubectl exec p -- sh -c 'echo $HOME'")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: [", "not YAML"),
        ("", "0 documents"),
        ("kind: Pod\n---\nkind: Pod", "2 documents"),
        ("kind: Deployment", "'Deployment'"),
        ("just text", "None"),
        ("kind: Pod", "no metadata.name"),
    ],
)
def test_a_manifest_that_is_none_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_pod(text)
