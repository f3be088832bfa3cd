"""Bad input and broken machines: each ends in a sentence that helps and in the exit status of the contract."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labkit.adapters.engine import Engine, image_labels
from labkit.base.errors import LabFailed
from labkit.base.files import write_atomically
from labkit.lab.lab import Lab
from labkit.lab.samples.build import SOURCE_LABEL, UPSTREAM_LABEL, ImageBuilder
from labkit.lab.samples.sources import PROBE_SECONDS, Source, decide
from labkit.show.steps import Silent
from tests.killed_runs import mount_source
from tests.live.upstream import lab_of

_MAIN = "from labkit.cli import main; main()"


def _labkit(*arguments: str, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"{before}\n{_MAIN}", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def _one_error(done: subprocess.CompletedProcess[str], status: int, *expected: str) -> None:
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for text in expected:
        assert text in done.stderr


@pytest.mark.parametrize(
    ("command", "tried"),
    [
        ("up", "Checking the engine"),  # The doctor's check comes first, and would stop it at other problems too.
        ("down", "Connecting to the engine"),
        ("images", "Connecting to the engine"),
        ("reset", "Connecting to the engine"),
    ],
)
def test_without_an_engine(command: str, tried: str, tmp_path: Path) -> None:
    done = _labkit(command, DOCKER_HOST=f"unix://{tmp_path}/none.sock", LABKIT_STATE=str(tmp_path))
    _one_error(done, 3, tried, "there is no engine's socket", "labkit doctor")


def test_the_doctor_without_an_engine_says_what_to_do(tmp_path: Path) -> None:
    done = _labkit("doctor", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode == 3
    assert "problem       engine:" in done.stdout


def test_status_without_an_engine_is_an_answer(tmp_path: Path) -> None:
    done = _labkit("status", "--json", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode == 0
    assert '"reachable": false' in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else; see docs/tests.md")
def test_a_user_outside_of_the_docker_group(tmp_path: Path) -> None:
    # What is imported later could lie in a folder that this user may not read.
    before = "import os, labkit.cli.images_command, docker, json\nos.setgroups([])\nos.setgid(65534)\nos.setuid(65534)"
    done = _labkit("images", before=before, HOME=str(tmp_path))
    _one_error(done, 3, "this user may not talk to it", "usermod -aG docker")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["upp"], ["No such command 'upp'", "Did you mean 'up'?"]),
        (["sing"], ["No such command 'sing'", "labkit --help"]),
        (["up", "--source", "moon"], ["'moon' is not one of"]),
        (["reset", "07-run-as-nonroot"], ["there is no such lesson", "did you mean 07-run-as-non-root?"]),
        (["images", "eat"], ["'eat' is not one of"]),
    ],
)
def test_wrong_use(arguments: list[str], expected: list[str]) -> None:
    _one_error(_labkit(*arguments), 2, *expected)


def test_a_name_that_cannot_be_one() -> None:
    _one_error(_labkit("status", LABKIT_NAME="My Lab!"), 2, "'My Lab!' cannot name a cluster")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", mount_source(), str(tmp_path)], check=True)
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk; see docs/tests.md")
def test_a_full_disk_loses_nothing(small_disk: Path, lab: Lab) -> None:
    state = small_disk / "state"
    write_atomically(state / "source.json", "before")
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "filler").write_bytes(b"\0" * (1 << 20))
    with pytest.raises(LabFailed, match="No space left on device"):
        write_atomically(state / "source.json", "after" * 10_000)
    assert (state / "source.json").read_text(encoding="utf-8") == "before"
    assert [path.name for path in state.iterdir()] == ["source.json"]
    done = _labkit("up", LABKIT_STATE=str(state))
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_registry_that_hangs_is_given_up_on(
    engine: Engine, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(lab.configuration, state=tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("LABKIT_REGISTRY", f"127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        decision = decide(engine, settings)
        # One that would be waited for longer would be so for the engine's minutes.
        assert time.monotonic() - started < 4 * PROBE_SECONDS
        assert decision.source is Source.STAND_IN
        assert "no registry answered" in decision.why
        monkeypatch.setattr(Engine, "can_reach_registry", None)  # Remembered: nobody is asked again.
        assert decide(engine, settings) == decision


def test_what_can_be_pulled_is_pulled_and_a_stand_in_stays_one(
    engine: Engine, lab: Lab, registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in of alpine plays alpine itself, under the name that the mirror would have it by."""
    recipe = lab.catalogue["alpine"]
    assert recipe.upstream is not None
    pushed = f"{registry}/{recipe.upstream.partition('/')[2]}"
    probed = f"{registry}/pause:3.10"
    for reference in (pushed, probed):
        engine.tag(lab.reference("alpine"), reference)
        subprocess.run(["docker", "push", reference], check=True, capture_output=True)
        engine.remove_image(reference)
    monkeypatch.setenv("LABKIT_REGISTRY", registry)
    upstream = lab_of(lab, tmp_path)
    own_engine = upstream.engine()
    decision = decide(own_engine, upstream.configuration)
    assert decision.source is Source.UPSTREAM
    try:
        ImageBuilder(own_engine, upstream.configuration, upstream.catalogue, decision, Silent()).ensure(recipe)
        labels = image_labels(own_engine.image(upstream.reference("alpine")))
        assert labels[SOURCE_LABEL] == "stand-in"  # What an image is does not change on the way.
        assert labels[UPSTREAM_LABEL].startswith(f"{pushed.rpartition(':')[0]}@sha256:")
        assert engine.image(pushed) is None
    finally:
        own_engine.remove_image(upstream.configuration.image_reference("alpine"))


def test_a_mirror_that_has_not_the_image_says_so(engine: Engine, registry: str) -> None:
    with pytest.raises(LabFailed, match=r"(?s)Pulling .*(NAME_UNKNOWN|manifest unknown)"):
        engine.pull(f"{registry}/library/nothing:1")


def test_an_answer_that_finds_no_room_says_so() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "labkit", "explain", "--batch"]
        cases = '{"image": {}}\n' * 5000
        done = subprocess.run(command, input=cases, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, "the disk is full" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr
