"""The kit's own Go programs: vetted, formatted, and their own tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from labkit.adapters import go, go_programs
from labkit.base.resources import CHECKOUT

BUILDKIT = CHECKOUT / "tests" / "parity" / "buildkit"
MODULES = [CHECKOUT / "cluster" / name for name in ("probe", "registry", "sampleapp")]

ENVIRONMENT = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false -trimpath", "GOWORK": "off"}
"""As labkit/adapters/go.py builds them: what it compiled is in Go's cache for the tests of every checkout."""

pytestmark = pytest.mark.skipif(
    shutil.which("go") is None, reason="there is no Go here; with upstream images none is needed"
)


def _run(folder: Path, *argv: str) -> str:
    done = subprocess.run(argv, cwd=folder, env=os.environ | ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("folder", MODULES, ids=lambda folder: folder.name)
def test_it_is_formatted_and_vetted_and_its_tests_pass(folder: Path) -> None:
    assert _run(folder, "gofmt", "-l", ".") == ""
    _run(folder, "go", "test", "-vet=all", "./...")


def test_the_program_of_the_comparison_is_formatted() -> None:
    # It compiles BuildKit, which takes a minute: `make parity` does.
    assert _run(BUILDKIT, "gofmt", "-l", ".") == ""


def test_the_misbehaving_probes_compile() -> None:
    _run(MODULES[0], "go", "vet", "-tags", "misbehave", "./...")


def test_the_same_sources_in_another_folder_give_the_same_program(tmp_path: Path) -> None:
    programs = []
    for place in ("here", "else where"):
        module = tmp_path / place / "pause"
        shutil.copytree(go_programs.PAUSE.module, module)
        built = go.build(replace(go_programs.PAUSE, module=module), tmp_path / place / "cache")
        programs.append((built / "pause").read_bytes())
    assert programs[0] == programs[1]
    assert str(tmp_path).encode() not in programs[0]
