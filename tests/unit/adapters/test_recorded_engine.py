"""In place of an engine that a class does not give: the facts of the sample images, and one sentence for all else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from labkit.adapters.engine import Engine, NoEngine, RecordedEngine, reach_engine
from labkit.base.configuration import Configuration, Sandbox
from labkit.base.errors import LabFailed, Misuse
from labkit.explain.engine_lookup import EngineLookup
from labkit.lab.lab import Lab
from labkit.lab.terminal.typed_docker import prepare_docker
from labkit.lab.terminal.typed_lab import TypedLab
from labkit.show.steps import Silent

PASSWD = {"uid": 0, "gid": 0, "mode": "0644", "text": "root:x:0:0:root:/root:/bin/bash\n"}
FACTS = {
    "recorded": "2026-11-27",
    "engine": "Docker 26.1.5",
    "images": {
        "debian": {
            "inspected": {
                "Id": "sha256:d",
                "Config": {"User": "", "Env": ["A=1"]},
                "Size": 1,
                "RootFS": {"Layers": []},
            },
            "history": [{"CreatedBy": "/bin/sh -c #(nop)  USER app"}],
            "files": {"/etc/passwd": PASSWD, "/etc/group": None, "/bin/sh": {**PASSWD, "text": None}},
        }
    },
}


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """Of a lab in an empty folder."""
    return Configuration("labkit-test", tmp_path / "state", tmp_path / "cache", tmp_path / "data")


@pytest.fixture
def in_class(configuration: Configuration, tmp_path: Path) -> Configuration:
    """The configuration of a participant without an engine."""
    file = tmp_path / "images.json"
    file.write_text(json.dumps(FACTS), encoding="utf-8")
    return replace(configuration, sandbox=Sandbox("ns", "registry.example/labkit", False, file))


def test_what_was_written_down_is_told_under_the_names_of_the_class(in_class: Configuration) -> None:
    lab = Lab(in_class, Silent())
    facts = lab.image_facts("debian")
    assert (facts.reference, facts.user, facts.env, facts.shell) == (
        "registry.example/labkit/debian:lab",
        "",
        {"A": "1"},
        True,
    )
    assert [user.name for user in facts.users] == ["root"]
    assert lab.keep_busy("debian") == ["sleep", "3600"]
    assert lab.engine().image("sha256:d") is not None
    assert lab.standing()["engine"] == {"reachable": True, "name": "none", "version": None}


def test_explain_knows_them_too(in_class: Configuration, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Configuration, "from_environment", lambda: in_class)
    known = EngineLookup.connect().find("debian")
    assert known is not None
    assert known.image.user == ""


def test_an_image_that_nobody_wrote_down_is_unknown(in_class: Configuration) -> None:
    lab = Lab(in_class, Silent())
    assert lab.engine().image("my-app") is None
    with pytest.raises(Misuse, match="no such image"):
        lab.reference("my-app")


@pytest.mark.parametrize(
    "do",
    [
        lambda engine: engine.run("debian", ["id"]),
        lambda engine: engine.build(b"", "mine", arguments={}, labels={}),
        lambda engine: engine.launch("debian", ["id"]),
        lambda engine: engine.execute("app", ["id"]),
        lambda engine: engine.file_digest("debian", "/bin/sh"),
        lambda engine: engine.look_inside("registry.example/labkit/debian:lab", ["/opt"]),
        lambda engine: list(engine.image_archive("sha256:d")),
    ],
    ids=["run", "build", "launch", "execute", "digest", "another file", "archive"],
)
def test_whatever_needs_an_engine_says_so(in_class: Configuration, do: Callable[[Engine], Any]) -> None:
    with pytest.raises(NoEngine, match="no engine for its participants: an image is run as a pod here, and none is"):
        do(reach_engine(in_class))


def test_a_typed_line_says_so_and_runs_no_docker(in_class: Configuration) -> None:
    with pytest.raises(NoEngine, match="Running docker run") as error:
        prepare_docker(["run", "--rm", "debian", "id"], TypedLab(in_class))
    assert error.value.exit_status == 3


def test_what_is_typed_for_kubectl_knows_the_images_of_the_class(in_class: Configuration) -> None:
    with TypedLab(in_class) as typed:
        assert typed.names.images["debian"] == "registry.example/labkit/debian:lab"
        assert (typed.image_id("sha256:d"), typed.image_id("my-app")) == ("sha256:d", "")


def test_leaving_a_lesson_finds_nothing_to_remove(in_class: Configuration) -> None:
    engine = reach_engine(in_class)
    assert isinstance(engine, RecordedEngine)
    assert not engine.labelled_containers("labkit.lesson")
    assert not engine.listed_containers("labkit.lesson")  # The panel asks for them beside the pods.
    assert not engine.labelled_images("labkit.lesson")
    engine.remove_stages()
    engine.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_damaged_facts_are_named(in_class: Configuration, text: str) -> None:
    assert in_class.sandbox is not None
    in_class.sandbox.facts.write_text(text, encoding="utf-8")
    with pytest.raises(LabFailed, match=r"(?s)images\.json.*tell your instructor"):
        reach_engine(in_class)
