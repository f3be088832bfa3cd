"""Pulling from upstream, played by a registry on loopback: what works, and each way in which it fails."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labkit.adapters.crane import Crane
from labkit.adapters.engine import Engine, image_labels
from labkit.base.errors import LabFailed
from labkit.lab.lab import Lab
from labkit.lab.samples import digest_lock as locks
from labkit.lab.samples.build import ImageBuilder
from labkit.lab.samples.sources import Decision, Source
from labkit.lab.survey import verify
from labkit.show.steps import Silent
from tests.live.upstream import FAULTS, faulty, lab_of

SILENCE = 2.0


@pytest.fixture(scope="module")
def upstream(lab: Lab, module_registry: str) -> Iterator[str]:
    """The address of a registry that serves an image without a mark of the lab, well and with each fault."""
    plain = "labkit-test/plain:1"
    create = ["docker", "create", lab.reference("appliance"), "x"]
    container = subprocess.run(create, capture_output=True, text=True, check=True).stdout.strip()
    with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export:
        changes = ["--change", "USER 65532"]
        subprocess.run(["docker", "import", *changes, "-", plain], stdin=export.stdout, check=True, capture_output=True)
    subprocess.run(["docker", "rm", container], check=True, capture_output=True)
    engine = lab.engine()
    for repository in ("good", *FAULTS):
        engine.push(plain, f"{module_registry}/{repository}/appliance:1")
    engine.remove_image(plain)
    with faulty(module_registry) as address:
        yield address


def builder(own: Lab, upstream: str, repository: str, locked: dict[str, str] | None = None) -> ImageBuilder:
    recipe = replace(own.catalogue["appliance"], upstream=f"docker.io/{repository}/appliance:1", bases=())
    decision = Decision(Source.UPSTREAM, upstream, "asked for", time.time())
    return ImageBuilder(own.engine(), own.configuration, {"appliance": recipe}, decision, Silent(), locked or {})


def test_a_pulled_image_is_upstreams_and_keeps_its_contract(
    lab: Lab, engine: Engine, upstream: str, tmp_path: Path
) -> None:
    own = lab_of(lab, tmp_path)
    try:
        builder(own, upstream, "good").ensure_all()
        row = next(row for row in verify(own) if row["name"] == "appliance")
        assert (row["present"], row["source"], row["broken"]) == (True, "upstream", [])
        labels = image_labels(engine.image(own.reference("appliance")))
        digest = Crane(own.configuration, Silent()).digest(f"{upstream}/good/appliance:1")
        assert labels["labkit.upstream"].endswith(digest)
    finally:
        engine.remove_image(own.reference("appliance"))


def test_what_is_locked_is_pulled_by_its_digest(lab: Lab, engine: Engine, upstream: str, tmp_path: Path) -> None:
    own, name = lab_of(lab, tmp_path), "docker.io/good/appliance:1"
    digest = Crane(own.configuration, Silent()).digest(f"{upstream}/good/appliance:1")
    try:
        builder(own, upstream, "good", {name: digest}).ensure_all()
        assert engine.image(own.reference("appliance")) is not None
        with pytest.raises(LabFailed, match="the digest that is locked for it is gone") as failed:
            builder(own, upstream, "good", {name: "sha256:" + "0" * 64}).ensure_all()
        assert f"the line of {name} out of" in failed.value.remedy
    finally:
        engine.remove_image(own.reference("appliance"))


@pytest.mark.parametrize(
    ("fault", "seen", "remedy"),
    [
        ("hang", "sent nothing for 2 s", "--source stand-in"),
        ("denied", "unauthorized|authentication|denied", "docker login"),
        ("missing", "unknown|not found", "fix its name"),
        ("limited", "toomanyrequests|429|rate limit", "wait"),
        ("cut", "EOF|verification|short|size", "try again"),
    ],
)
def test_a_pull_that_fails_says_why_and_leaves_nothing(
    lab: Lab, engine: Engine, upstream: str, fault: str, seen: str, remedy: str
) -> None:
    reference = f"{upstream}/{fault}/appliance:1"
    with pytest.raises(LabFailed, match=seen) as failed:
        engine.pull(reference, timeout=SILENCE if fault == "hang" else 30.0)
    assert remedy in failed.value.remedy
    assert engine.image(reference) is None


@pytest.mark.parametrize(
    ("fault", "seen"), [("denied", "401|UNAUTHORIZED"), ("limited", "429|TOOMANY"), ("cut", "EOF|size")]
)
def test_crane_says_why_too(lab: Lab, upstream: str, tmp_path: Path, fault: str, seen: str) -> None:
    with pytest.raises(LabFailed, match=seen):
        Crane(lab.configuration, Silent()).pull(f"{upstream}/{fault}/appliance:1", tmp_path / "image", "linux/amd64")


def test_the_lock_file(tmp_path: Path) -> None:
    file, digest = tmp_path / "images.lock", "sha256:" + "a" * 64
    assert locks.read_lock(file) == {}
    locks.write_lock({"docker.io/library/alpine:3": digest}, file)
    locks.write_lock({"docker.io/library/debian:13": digest}, file)
    assert json.loads(file.read_text()) == {f"docker.io/library/{name}": digest for name in ("alpine:3", "debian:13")}
    assert locks.locked_reference("mirror/alpine:3", "docker.io/library/alpine:3", locks.read_lock(file)).endswith(
        digest
    )
    for nonsense in ("", "[]", '{"a": "b"}', "{"):
        file.write_text(nonsense)
        with pytest.raises(LabFailed, match=r"Reading .*images\.lock") as failed:
            locks.read_lock(file)
        assert "labkit images lock" in failed.value.remedy


def test_the_stand_ins_have_nothing_to_lock(lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from labkit.lab import survey

    monkeypatch.setattr(survey, "LOCK_FILE", tmp_path / "images.lock")
    assert survey.lock(lab) == {}
    assert not (tmp_path / "images.lock").exists()
