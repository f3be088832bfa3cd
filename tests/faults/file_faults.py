"""Faults of the kit's own files: each is truncated, emptied, full of NUL, from the future, huge, or no file at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from labkit.lab.lab import IMAGES_FOLDER
from tests.faults.bench import PROGRESS, Bench
from tests.faults.fault import fault

_FUTURE = json.dumps({**PROGRESS, "version": 999, "lessons": {}})
# A kilobyte of memory more than a laptop has is too much: a file of a gigabyte must not be read whole.
LITTLE_MEMORY = "import resource; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))"
_RECORD = (
    "import sys; from pathlib import Path; from labkit.course.progress import Progress\n"
    "progress = Progress.open(Path(sys.argv[1])); progress.opened('07-run-as-non-root')\n"
    "progress.checked('07-run-as-non-root', 'which-cause', 'passed')\n"
    "print('goes on' if progress.is_passed('07-run-as-non-root', 'which-cause') else 'forgets')\n"
)


def damaged(path: Path, healthy: str) -> Iterator[str]:
    """Put each kind of damage in a file's place, one after another; gives what it is."""
    contents: dict[str, bytes] = {
        "empty": b"",
        "truncated": healthy.encode()[: len(healthy) // 2],
        "NUL": b"\0" * 4096,
        "not UTF-8": b"\xff\xfe" * 100,
        "deep": b"[" * 100_000,
        "another type": b'["a", 1, null]',
        "null": b"null",
        "from the future": _FUTURE.encode(),
    }
    for name, content in contents.items():
        _make_room(path)
        path.write_bytes(content)
        yield name
    _make_room(path)
    path.touch()
    os.truncate(path, 1 << 30)
    yield "of 1 GB"
    _make_room(path)
    path.mkdir()
    yield "a folder"
    _make_room(path)
    path.symlink_to(path.with_name("nowhere") / "file")
    yield "a link to nowhere"
    _make_room(path)
    os.mkfifo(path)
    yield "a pipe"
    _make_room(path)


def _make_room(path: Path) -> None:
    """Remove what is there; its folder is there afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _of_state(name: str, *commands: tuple[str, ...], healthy: str = "{}") -> Callable[[Bench], None]:
    def make(bench: Bench) -> None:
        for _ in damaged(bench.state / name, healthy):
            for command in commands:
                bench.labkit(*command, status=(0, 3), before=LITTLE_MEMORY, seconds=90)

    return make


EACH = (
    "empty, truncated, NUL, not UTF-8, nested 100,000 deep, of another type, from the future, of 1 GB, a folder, "
    "a link to nowhere, a pipe"
)

fault("files", "up.json damaged", slow=True, made=EACH, sentence="", kept="everything; it is written anew")(
    _of_state("up.json", ("status",), healthy='{"pid": 1, "steps": [{"name": "engine"')
)
fault("files", "the lock's pid file damaged", slow=True, made=EACH, kept="everything")(
    _of_state("lock.pid", ("clean", "--yes"), healthy="12345")
)
fault("files", "the mirror's file damaged", slow=True, made=EACH, kept="everything")(
    _of_state("mirror", ("registry", "status"))
)
fault("files", "the registry's file damaged", slow=True, made=EACH, kept="everything")(
    _of_state("registry/registry.json", ("registry", "status"), healthy='{"pid": 1, "address": ""')
)


@fault(
    "files",
    "progress.json damaged",
    slow=True,
    made=EACH,
    sentence="damaged",
    kept="the damaged file, set aside; new progress",
)
def _progress(bench: Bench) -> None:
    other = bench.folder / "other-data" / "progress.json"
    for kind in damaged(other, json.dumps(PROGRESS)):
        shown = bench.labkit("progress", status=(0, 1), before=LITTLE_MEMORY, seconds=90, LABKIT_DATA=str(other.parent))
        assert shown.text, kind
        if kind in ("a folder", "a link to nowhere", "a pipe", "of 1 GB"):
            continue
        before = other.read_bytes()
        recorded = bench.finish(bench.python(_RECORD, str(other)), "a lesson's step", seconds=90)
        assert recorded.status == 0 and recorded.stdout.startswith("goes on"), f"{kind}: {recorded.text}"
        kept = [path.read_bytes() for path in other.parent.glob("progress.*json")]
        assert before in kept, f"{kind}: what the file held is lost"


@fault(
    "files", "durations.json damaged", slow=True, made=EACH, kept="everything; it is measured anew", sentence="engine"
)
def _durations(bench: Bench) -> None:
    for _ in damaged(bench.cache / "durations.json", '{"engine": 1.0, "cluster"'):
        bench.labkit("up", status=3, before=LITTLE_MEMORY, seconds=90)


@fault(
    "files",
    "a manifest damaged",
    slow=True,
    made=EACH,
    sentence=r"(?i)cannot be read|not|is a directory|no such file",
)
def _manifest(bench: Bench) -> None:
    file = bench.folder / "pod.yaml"
    for kind in damaged(file, "apiVersion: v1\nkind: Pod\nmetadata: {name: a"):
        # A pipe that nobody writes to is waited for, as by kubectl.
        if kind != "a pipe":
            bench.labkit("explain", "-f", str(file), status=(0, 1, 2), before=LITTLE_MEMORY, seconds=90)


@fault("files", "a recipe damaged", slow=True, made=EACH, sentence=r"(?s)image\.toml.*git -C")
def _recipe(bench: Bench) -> None:
    file = bench.folder / "images" / "debian" / "image.toml"
    healthy = (IMAGES_FOLDER / "debian" / "image.toml").read_text(encoding="utf-8")
    _read_damaged(bench, file, healthy, "labkit.lab.samples.catalogue", "Catalogue(file.parent.parent)['debian']")


@fault("files", "the digests' lock damaged", slow=True, made=EACH, sentence="labkit images lock")
def _digests(bench: Bench) -> None:
    healthy = '{"docker.io/library/alpine:3": "sha256:1234'
    _read_damaged(bench, bench.folder / "images.lock", healthy, "labkit.lab.samples.digest_lock", "read_lock(file)")


def _read_damaged(bench: Bench, file: Path, healthy: str, module: str, reading: str) -> None:
    """Read each damage of a file as a command would, after what it does first with an engine."""
    script = (
        f"{LITTLE_MEMORY}\nimport sys; from pathlib import Path; from labkit.base.errors import LabError\n"
        f"from {module} import *\nfile = Path(sys.argv[1])\n"
        f"try: print({reading})\nexcept LabError as error: print(error)\n"
    )
    for kind in damaged(file, healthy):
        # Nobody puts a pipe into a checkout, and a link to nowhere is no recipe.
        if kind not in ("a pipe", "a link to nowhere"):
            assert bench.finish(bench.python(script, str(file)), "a cell", seconds=90).status == 0, kind


@fault("files", "a bundle damaged", slow=True, made=EACH, sentence="bundle")
def _bundle(bench: Bench) -> None:
    file = bench.folder / "labkit-bundle.tar"
    for _ in damaged(file, "labkit-bundle"):
        bench.labkit("bundle", "show", str(file), status=(1, 2), before=LITTLE_MEMORY, seconds=90)


@fault("files", "a worksheet damaged", slow=True, made=EACH, sentence="worksheet|Worksheet")
def _worksheet(bench: Bench) -> None:
    file = bench.folder / "worksheet.json"
    for kind in damaged(file, '{"format": "labkit-worksheet", "ver'):
        if kind == "a pipe":
            continue
        bench.labkit("matrix", "--check", str(file), status=(1, 2, 3), before=LITTLE_MEMORY, seconds=90)


@fault("files", "a hand-in damaged", slow=True, made=EACH, sentence="hand-in|cannot be read|damaged|is not")
def _hand_in(bench: Bench) -> None:
    folder = bench.folder / "handed-in"
    for _ in damaged(folder / "ann.json", '{"format": "labkit-hand-in", "version": 1, "na'):
        bench.labkit("progress", "report", str(folder / "ann.json"), status=1, before=LITTLE_MEMORY, seconds=90)


@fault(
    "files",
    "docker's config.json damaged",
    slow=True,
    made=EACH,
    sentence="cannot be read|engine",
    kept="the file as it was, byte for byte",
)
def _docker_config(bench: Bench) -> None:
    folder = bench.folder / "docker-configuration"
    for _ in damaged(folder / "config.json", '{"auths": {"a": '):
        bench.labkit("images", status=3, before=LITTLE_MEMORY, seconds=90, DOCKER_CONFIG=str(folder))
