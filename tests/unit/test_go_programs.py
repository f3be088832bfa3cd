"""The kit's own Go programs: vetted, formatted, and their own tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from labkit.base.resources import CHECKOUT

MODULES = [CHECKOUT / "cluster" / name for name in ("probe", "registry", "sampleapp")]

pytestmark = pytest.mark.skipif(
    shutil.which("go") is None, reason="there is no Go here; with upstream images none is needed"
)


def _go(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("folder", MODULES, ids=lambda folder: folder.name)
def test_it_is_formatted_and_vetted_and_its_tests_pass(folder: Path) -> None:
    assert _go(folder, "gofmt", "-l", ".") == ""
    _go(folder, "go", "vet", "./...")
    _go(folder, "go", "test", "./...")


def test_the_misbehaving_probes_compile() -> None:
    _go(MODULES[0], "go", "vet", "-tags", "misbehave", "./...")
