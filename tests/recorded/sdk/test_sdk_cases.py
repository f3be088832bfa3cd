"""The rules of publishing, held to what the real .NET SDK 10.0.401 did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.publish.rules.publish_cases import answer_case

_HERE = Path(__file__).parent
_BASES: dict[str, Any] = json.loads((_HERE / "bases.json").read_text(encoding="utf-8"))
_CASES = [json.loads(line) for line in (_HERE / "cases.jsonl").read_text(encoding="utf-8").splitlines()]
_COMPARED = ("User", "Env", "ExposedPorts", "WorkingDir", "Entrypoint", "Cmd", "Labels", "Volumes", "StopSignal")
_ASIDE = {
    *("org.opencontainers.image.created", "org.opencontainers.artifact.created"),
    *("org.opencontainers.image.base.digest", "net.dot.sdk.version"),
}
LEFT_OUT = {
    "the program does not compile": {"project-does-not-compile", "project-library-enabled", "project-worker"},
    "what a registry answered": {"base-no-such-tag", "base-bad-digest", "base-empty-string", "out-registry-dead"},
    "which engines the machine has": {"out-daemon-absent", "out-daemon-podman-absent"},
    "an image for several platforms, recorded without a configuration": {
        *("out-multi-rid-container", "out-multi-rid-registry")
    },
    "a base without a config object, which is how a case asks for the base image alone": {"user-none-on-null-config"},
}
_LEFT_OUT = set().union(*LEFT_OUT.values())


def _base(case: dict[str, Any]) -> Any:
    return _BASES.get(case["base"]) if case["base"] else None


def _input(case: dict[str, Any]) -> dict[str, Any]:
    keys = ("id", "project", "project_sdk", "base_reference")
    oci = case["base"] in ("runtime-oci", "multi")
    known = {key: case.get(key) for key in keys}
    return {**known, "arguments": case["arguments"], "base": _base(case), "base_format": "OCI" if oci else "Docker"}


_COMPARABLE = [case for case in _CASES if case["id"] not in _LEFT_OUT]


def test_nothing_else_is_left_out() -> None:
    assert len(_CASES) == 347
    assert {case["id"] for case in _CASES} >= _LEFT_OUT
    assert len(_COMPARABLE) == 347 - len(_LEFT_OUT)


@pytest.mark.parametrize("case", _COMPARABLE, ids=lambda case: str(case["id"]))
def test_the_rules_do_what_the_sdk_did(case: dict[str, Any]) -> None:
    answer = answer_case(_input(case))

    assert answer["exit"] == case["exit"], answer["messages"]
    assert answer["codes"] == sorted(case.get("codes") or []), answer["messages"]
    if case["group"] == "infer":
        assert (answer["base_image"] or None) == case.get("base_image")
    if case.get("format") and _base(case) is not None:
        assert answer["format"] == case["format"]
    if case.get("config") and _base(case) is not None:
        assert answer["config"] is not None
        for name in _COMPARED:
            assert _shown(answer["config"], name) == _shown(case["config"], name), name
    for reference in case.get("repo_tags") or []:
        if isinstance(reference, str):
            assert reference in [f"{answer['repository']}:{tag}" for tag in answer["tags"]]


def _shown(config: dict[str, Any], name: str) -> Any:
    value = config.get(name)
    return {key: text for key, text in value.items() if key not in _ASIDE} if name == "Labels" and value else value
