"""Which upstream image is taken: by its tag, by its locked digest, or a mirror's of another digest; and once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from labkit.adapters.engine import Engine
from labkit.adapters.engine.pull_errors import pull_failed
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.lab.lab import IMAGES_FOLDER
from labkit.lab.samples.build import ImageBuilder
from labkit.lab.samples.catalogue import Catalogue
from labkit.lab.samples.digest_lock import locked_reference, read_lock, write_lock
from labkit.lab.samples.sources import Decision, Source
from labkit.show.steps import Silent

NAME = "docker.io/library/alpine:3.23"
LOCKED, OTHER = ("sha256:" + letter * 64 for letter in "ab")
CONFIGURATION = Configuration("paper", Path(), Path(), Path())
ALPINE = CONFIGURATION.image_reference("alpine")
GONE = "unknown: {'errors': [{'code': 'MANIFEST_UNKNOWN', 'message': 'Unknown manifest'}]}"


class PullingEngine:
    """Pulls what its registry has, builds by writing down the labels, and remembers what is here.

    Args:
        registry: reference -> labels of the image there.
        problem: what the registry says of anything else.
    """

    def __init__(self, registry: Mapping[str, Mapping[str, str]], problem: str = GONE) -> None:
        self.registry, self.problem = registry, problem
        self.here: dict[str, dict[str, Any]] = {}
        self.pulled: list[str] = []
        self.looked_at: list[str] = []

    def image(self, reference: str) -> dict[str, Any] | None:
        self.looked_at.append(reference)
        return self.here.get(reference)

    def pull(self, reference: str) -> str:
        self.pulled.append(reference)
        if reference not in self.registry:
            raise pull_failed(f"Pulling {reference}", self.problem)
        self.here[reference] = {"Id": "pulled", "Config": {"Labels": dict(self.registry[reference])}}
        return f"{reference.partition('@')[0].rpartition(':')[0]}@{LOCKED if '@' in reference else OTHER}"

    def build(self, _: bytes, reference: str, *, arguments: Mapping[str, str], labels: Mapping[str, str]) -> str:
        assert arguments["UPSTREAM"] in self.here
        self.here[reference] = {"Id": "built", "Config": {"Labels": dict(labels)}}
        return reference

    def remove_stages(self) -> None:
        pass

    def remove_image(self, reference: str) -> bool:
        return self.here.pop(reference, None) is not None


def made(engine: PullingEngine, mirror: str = "", locked: Mapping[str, str] | None = None) -> dict[str, str]:
    """The labels of an image that was made of alpine; nothing but that image stays in the engine."""
    try:
        builder(engine, mirror, locked).ensure_all()
        return dict(engine.here[ALPINE]["Config"]["Labels"])
    finally:
        assert set(engine.here) <= {ALPINE}


def builder(engine: PullingEngine, mirror: str = "", locked: Mapping[str, str] | None = None) -> ImageBuilder:
    """One that makes alpine and nothing else."""
    recipe = replace(Catalogue(IMAGES_FOLDER)["alpine"], upstream=NAME)
    decision = Decision(Source.UPSTREAM, mirror, "", time.time())
    return ImageBuilder(cast(Engine, engine), CONFIGURATION, {"alpine": recipe}, decision, Silent(), locked or {})


def test_what_was_looked_at_or_made_is_not_looked_at_for_its_id() -> None:
    engine = PullingEngine({NAME: {}})
    assert builder(engine).ids() == {}
    for looks in (2, 1):  # Before it is made and behind that; and of what is there.
        engine.looked_at.clear()
        samples = builder(engine)
        samples.ensure_all()
        assert samples.ids() == {ALPINE: "built"}
        assert engine.looked_at.count(ALPINE) == looks


def test_what_is_not_locked_is_pulled_by_its_tag() -> None:
    labels = made(PullingEngine({NAME: {}}), locked={"docker.io/library/debian:13": LOCKED})
    assert (labels["labkit.source"], labels["labkit.upstream"]) == ("upstream", f"docker.io/library/alpine@{OTHER}")


def test_what_is_locked_is_pulled_by_its_digest_alone() -> None:
    engine = PullingEngine({NAME: {}, f"{NAME}@{LOCKED}": {}})
    assert made(engine, locked={NAME: LOCKED})["labkit.upstream"].endswith(LOCKED)
    assert engine.pulled == [f"{NAME}@{LOCKED}"]


def test_a_locked_digest_that_is_gone_is_not_replaced_in_silence() -> None:
    engine = PullingEngine({NAME: {}})
    with pytest.raises(LabFailed, match="the digest that is locked for it is gone") as failed:
        made(engine, locked={NAME: LOCKED})
    assert f"take the line of {NAME} out of" in failed.value.remedy
    assert "labkit images lock" in failed.value.remedy
    assert engine.pulled == [f"{NAME}@{LOCKED}"]


def test_a_registry_that_is_silent_is_no_digest_that_is_gone() -> None:
    with pytest.raises(LabFailed, match="toomanyrequests") as failed:
        made(PullingEngine({NAME: {}}, problem="toomanyrequests: slow down"), locked={NAME: LOCKED})
    assert "wait" in failed.value.remedy


def test_a_mirror_may_have_the_locked_image_under_a_digest_of_its_own() -> None:
    marks = {"labkit.source": "upstream", "labkit.upstream": f"docker.io/library/alpine@{LOCKED}"}
    labels = made(PullingEngine({"class:5000/library/alpine:3.23": marks}), "class:5000", {NAME: LOCKED})
    assert (labels["labkit.source"], labels["labkit.upstream"]) == ("upstream", marks["labkit.upstream"])


def test_a_stand_in_of_a_mirror_stays_one_whatever_is_locked() -> None:
    engine = PullingEngine({"class:5000/library/alpine:3.23": {"labkit.source": "stand-in"}})
    assert made(engine, "class:5000", {NAME: LOCKED})["labkit.source"] == "stand-in"


@pytest.mark.parametrize("marks", [{}, {"labkit.upstream": f"docker.io/library/alpine@{OTHER}"}])
def test_a_mirror_that_has_another_image_is_not_taken(marks: dict[str, str]) -> None:
    with pytest.raises(LabFailed, match="the digest that is locked for it is gone"):
        made(PullingEngine({"class:5000/library/alpine:3.23": marks}), "class:5000", {NAME: LOCKED})


# --- the lock file ---


def test_what_is_locked_stays_beside_what_comes(tmp_path: Path) -> None:
    file = tmp_path / "images.lock"
    assert read_lock(file) == {}
    write_lock({"a": LOCKED, "b": LOCKED}, file)
    write_lock({"b": OTHER}, file)
    assert read_lock(file) == {"a": LOCKED, "b": OTHER}
    assert locked_reference("mirror/b", "b", read_lock(file)) == f"mirror/b@{OTHER}"
    assert locked_reference("c", "c", read_lock(file)) == "c"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"a": 1}', b'{"a": "sha256:1"}', b"\xff\xfe"])
def test_a_lock_file_that_makes_no_sense_has_a_remedy(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "images.lock"
    file.write_bytes(content)
    for read in (lambda: read_lock(file), lambda: write_lock({"a": LOCKED}, file)):
        with pytest.raises(LabFailed, match=r"Reading .*images\.lock") as failed:
            read()
        assert f"rm {file}; labkit images lock" in failed.value.remedy
    assert file.read_bytes() == content
