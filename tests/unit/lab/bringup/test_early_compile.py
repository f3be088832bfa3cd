"""Compiling beside the environment: with the standard library alone, one at a time, and no longer than it is needed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.adapters import go, go_programs
from labkit.adapters.process_stat import has_ended
from labkit.base.configuration import Configuration
from labkit.base.resources import CHECKOUT
from labkit.base.waiting import watch
from labkit.lab.bringup import early_compile
from tests.servers import http, serve

_MODULE = "labkit.lab.bringup.early_compile"


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"HOME": "/somewhere/else"},
        {"XDG_CACHE_HOME": "/caches"},
        {"XDG_CACHE_HOME": " "},
        {"XDG_CACHE_HOME": ""},
        {"LABKIT_CACHE": "/mine", "XDG_CACHE_HOME": "/caches"},
        {"LABKIT_CACHE": ""},
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="it does nothing elsewhere")
def test_its_cache_is_the_one_that_up_looks_into(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name in ("LABKIT_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert early_compile.cache_folder(os.environ) == Configuration.from_environment().cache


@pytest.mark.parametrize(
    ("variables", "answers", "wanted"),
    [
        ({}, False, True),
        ({}, True, False),
        ({"LABKIT_SOURCE": "stand-in"}, True, True),
        ({"LABKIT_SOURCE": "upstream"}, False, False),
        ({"LABKIT_REGISTRY": "mirror.example:5000"}, False, False),
    ],
)
def test_it_is_wanted_where_stand_ins_will_be(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], answers: bool, wanted: bool
) -> None:
    monkeypatch.setattr(early_compile, "_registry_answers", lambda: answers)
    assert early_compile.is_wanted(variables) is wanted


@pytest.mark.parametrize(
    ("status", "kind", "answers"),
    [
        (200, "application/json", True),
        (401, "application/json", True),
        (200, "text/html; charset=utf-8", False),
        (403, "text/plain", False),
        (502, "text/html", False),
    ],
)
def test_a_login_page_is_no_registry(monkeypatch: pytest.MonkeyPatch, status: int, kind: str, answers: bool) -> None:
    with serve(http(b"", status=f"{status} {kind}", headers={"Content-Type": kind})) as address:
        monkeypatch.setattr(early_compile, "_PROBE", f"http://{address}/v2/")
        assert early_compile._registry_answers() is answers


class Early:
    """One that runs, with a stand-in for Go that says what it is asked and compiles for ever."""

    def __init__(self, folder: Path) -> None:
        self.cache, self.calls = folder / "cache", folder / "calls"
        self.other = subprocess.Popen(["sleep", "600"])
        self.running: list[subprocess.Popen[bytes]] = []
        compiler = folder / "bin" / "go"
        compiler.parent.mkdir()
        compiler.write_text(f'#!/bin/sh\necho "$1 $$" >> {self.calls}\n[ "$1" = list ] || exec sleep 600\n')
        compiler.chmod(0o755)
        self.variables = {
            "PATH": f"{compiler.parent}:/usr/bin:/bin",
            "PYTHONPATH": str(CHECKOUT),
            "LABKIT_CACHE": str(self.cache),
            "LABKIT_SOURCE": "stand-in",
            # What was compiled for other tests serves here: this one writes none.
            **{name: value for name, value in os.environ.items() if name == "PYTHONPYCACHEPREFIX"},
        }

    def begin(self) -> subprocess.Popen[bytes]:
        """Begin as tools/environment.sh does: in a Python without packages."""
        argv = [sys.executable, "-B", "-S", "-m", _MODULE, str(self.other.pid)]
        process = subprocess.Popen(argv, env=self.variables, stdin=subprocess.DEVNULL)
        self.running.append(process)
        return process

    def compiler(self) -> int:
        """The number of the compiler, once it compiles."""
        lines = watch(lambda: [line for line in self._lines() if line.startswith("build")], bool, 10, interval=0.02)
        return int(lines[0].split()[1])

    def _lines(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []

    def end(self) -> None:
        for process in [self.other, *self.running]:
            process.kill()
            process.wait()
        for line in self._lines():  # Of one that was killed, the compiler is still there.
            action, _, number = line.partition(" ")
            if action == "build":
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(number), signal.SIGKILL)


@pytest.fixture
def early(tmp_path: Path) -> Iterator[Early]:
    early = Early(tmp_path)
    yield early
    early.end()


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it does nothing elsewhere")


@pytest.mark.parametrize("how", ["the other process ends", "it is asked to end"])
def test_it_ends_with_its_compiler(early: Early, how: str) -> None:
    process = early.begin()
    compiler = early.compiler()
    assert not has_ended(compiler)
    assert early._lines()[0].startswith("list"), "the modules are fetched first"
    if how == "the other process ends":
        early.other.kill()
        early.other.wait()
    else:
        early_compile.end_early_compile(early.cache)
    assert process.wait(10) == 0
    assert watch(lambda: has_ended(compiler), bool, 10, interval=0.02)
    assert go.find_built(go_programs.KUBERNETES, early.cache) is None
    assert list((early.cache / "programs").iterdir()) == []


def test_a_second_one_leaves_it_to_the_first(early: Early) -> None:
    first = early.begin()
    early.compiler()
    assert early.begin().wait(10) == 0
    assert first.poll() is None
    assert sum(line.startswith("build") for line in early._lines()) == 1


def test_after_a_kill_the_next_can_begin(early: Early) -> None:
    first = early.begin()
    compiler = early.compiler()
    first.kill()
    first.wait()
    os.kill(compiler, 9)
    early.calls.unlink()
    early.begin()
    early.compiler()


def test_nothing_is_to_be_ended_where_none_runs(tmp_path: Path) -> None:
    early_compile.end_early_compile(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
    (tmp_path / "locks").mkdir()
    early_compile.end_early_compile(tmp_path)


def test_what_is_built_is_not_compiled_again(early: Early) -> None:
    (early.cache / "programs" / f"Kubernetes-{go_programs.content_key(go_programs.KUBERNETES)}").mkdir(parents=True)
    assert early.begin().wait(10) == 0
    assert not early.calls.exists()
