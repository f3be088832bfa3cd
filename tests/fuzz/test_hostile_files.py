"""Files that are damaged on purpose end in an answer or in a sentence, and nothing else happens.

`make test` tries a few hundred, the same each time; `make fuzz` tries many more, and others each time.
"""

from __future__ import annotations

import json
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings

from labkit.archives.saved_image import read_tree
from labkit.base.errors import LabFailed, Misuse
from labkit.cli import main
from labkit.threat.worksheet import read_worksheet
from tests.fuzz import seeds
from tests.fuzz.damage import damaged

EXAMPLES = int(os.environ.get("LABKIT_FUZZ_EXAMPLES", "0"))
MOST_CPU_SECONDS = 20
MOST_MEMORY = 2 << 30
STATUSES = (0, 1, 2, 3)
"""What the command's --help says; anything else is a crash."""

hostile = settings(
    max_examples=EXAMPLES or 25, derandomize=not EXAMPLES, database=None, suppress_health_check=list(HealthCheck)
)


@dataclass(frozen=True)
class Target:
    """A command and the file that it reads.

    Args:
        argv: the command; `out.html` and the like are what it may write.
        file: the name of the hostile file; "" for standard input.
        seed: a good one.
        beside: good files that the command reads, too.
    """

    argv: tuple[str, ...]
    file: str
    seed: bytes
    beside: tuple[tuple[str, bytes], ...] = ()


EXPLAIN = ("explain", "-f", "m.yaml")
MANIFESTS = ("m.yaml", seeds.MANIFESTS)
BASE = ("base.tar", seeds.saved_image())
PUBLISH = ("publish", "app", "--back-end=kit", "--base=base.tar", "-p:ContainerArchiveOutputPath=out.tar")
APP = (("app/a.dll", b"MZ"), ("app/a.csproj", seeds.PROJECT), BASE)
TARGETS = {
    "manifests": Target((*EXPLAIN, "--gate"), *MANIFESTS),
    "manifests as JSON": Target((*EXPLAIN, "--format=json"), *MANIFESTS),
    "manifests as SARIF": Target((*EXPLAIN, "--format=sarif"), *MANIFESTS),
    "manifests as JUnit": Target((*EXPLAIN, "--format=junit", "--gate"), *MANIFESTS),
    "manifests as annotations": Target((*EXPLAIN, "--format=github", "--gate"), *MANIFESTS),
    "manifests to fix": Target((*EXPLAIN, "--fix", "--image-user=nginx=root"), *MANIFESTS),
    "Dockerfile": Target(("explain", "Dockerfile", "--all-stages"), "Dockerfile", seeds.DOCKERFILE),
    "Dockerfile of the classic builder": Target(
        ("explain", "Dockerfile", "--builder=classic"), "Dockerfile", seeds.DOCKERFILE
    ),
    "Dockerfile to fix": Target(("explain", "Dockerfile", "--fix"), "Dockerfile", seeds.DOCKERFILE),
    "Compose file": Target(
        ("explain", "compose.yaml"), "compose.yaml", seeds.COMPOSE, (("Dockerfile", seeds.DOCKERFILE),)
    ),
    "configuration": Target((*EXPLAIN, "--gate"), "labkit-explain.toml", seeds.CONFIGURATION, (MANIFESTS,)),
    "lock file": Target(EXPLAIN, "labkit-explain.lock", seeds.LOCK, (MANIFESTS,)),
    "baseline": Target((*EXPLAIN, "--gate", "--baseline=known.json"), "known.json", seeds.BASELINE, (MANIFESTS,)),
    "cases to explain": Target(("explain", "--batch"), "", seeds.EXPLAIN_CASES),
    "archive": Target(("explain", "image.tar"), "image.tar", seeds.saved_image()),
    "cases to publish": Target(("publish", "--batch"), "", seeds.PUBLISH_CASES),
    "project": Target(PUBLISH, "app/a.csproj", seeds.PROJECT, APP),
    "base image": Target(PUBLISH, *BASE, APP),
    "file that was handed in": Target(("progress", "report", "a.json", "--html", "out.html"), "a.json", seeds.PROGRESS),
}
WRITTEN = {"out.tar", "out.html"}


@pytest.mark.parametrize("name", TARGETS)
def test_a_hostile_file_ends_in_an_answer_or_a_sentence(name: str) -> None:
    target = TARGETS[name]

    @hostile
    @given(damaged(target.seed))
    def hold(data: bytes) -> None:
        result, written = run(target, data)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code in STATUSES
        check_output(result, target)
        assert set(written) <= WRITTEN
        for text in written.values():
            assert b"<script>" not in text and b"<img src=x" not in text

    hold()


@pytest.mark.parametrize("name", TARGETS)
def test_the_good_file_is_taken(name: str) -> None:
    target = TARGETS[name]
    result, _ = run(target, target.seed)
    assert result.exit_code in (0, 1), result.output
    assert not result.stderr.startswith("error"), result.stderr
    if "--batch" in target.argv:
        assert '"error"' not in result.stdout


@hostile
@given(damaged(seeds.WORKSHEET))
def test_a_hostile_worksheet_is_read_or_refused(data: bytes) -> None:
    with folder_with({"w.json": data}), within_bounds(), suppress(LabFailed, Misuse):
        read_worksheet(Path("w.json"))


@hostile
@given(damaged(seeds.saved_image()))
def test_a_hostile_image_has_a_tree_or_is_refused(data: bytes) -> None:
    with within_bounds(), suppress(LabFailed, Misuse):
        read_tree([data], {})


def run(target: Target, data: bytes) -> tuple[Result, dict[str, bytes]]:
    """Run a command on a hostile file; its result, and the files that were not there before."""
    files = dict(target.beside)
    if target.file:
        files[target.file] = data
    with folder_with(files), within_bounds():
        stdin = None if target.file else data
        nobody = {"DOCKER_HOST": "unix:///nowhere.sock", "LABKIT_OFFLINE": "1"}
        result = CliRunner().invoke(main, list(target.argv), input=stdin, env=nobody)
        paths = [path for path in Path().rglob("*") if path.is_file() and str(path) not in files]
        return result, {str(path): path.read_bytes() for path in paths if not str(path).startswith("state")}


def check_output(result: Result, target: Target) -> None:
    """Nothing reaches a terminal that it would obey, and what is for programs can be read by them."""
    assert not set(result.output) & {"\x1b", "\x9b", "\x07", "\x00"}
    assert "Traceback" not in result.output
    if result.exit_code in (0, 1) and result.stdout:
        if target.argv[-1] in ("--format=json", "--format=sarif"):
            json.loads(result.stdout)
        elif "--batch" in target.argv:
            for line in result.stdout.splitlines():
                json.loads(line)
        elif "--format=junit" in target.argv:
            ElementTree.fromstring(result.stdout)


@contextmanager
def folder_with(files: dict[str, bytes]) -> Iterator[None]:
    """Be in a folder with some files, where the lab's own are kept as well."""
    back = Path.cwd()
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name in ("LABKIT_DATA", "LABKIT_STATE", "LABKIT_CACHE"):
            patch.setenv(name, f"{folder}/state")
        os.chdir(folder)
        try:
            for name, content in files.items():
                Path(name).parent.mkdir(parents=True, exist_ok=True)
                Path(name).write_bytes(content)
            yield
        finally:
            os.chdir(back)


@contextmanager
def within_bounds() -> Iterator[None]:
    """What takes too much memory, or too much of the processor, fails; that the machine is busy does not count."""

    def too_long(*_: object) -> None:
        raise TimeoutError(f"over {MOST_CPU_SECONDS} seconds of the processor")

    limits = resource.getrlimit(resource.RLIMIT_AS)
    mapped = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGPROF, too_long)
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MOST_MEMORY, limits[1]))
    signal.setitimer(signal.ITIMER_PROF, MOST_CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)
