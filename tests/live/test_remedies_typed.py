"""The lines of the doctor's remedies that look at the engine, typed as they stand, with settings of nobody's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.adapters import debian
from labkit.lab.machine import remedies
from labkit.lab.machine.machine_facts import Machine
from tests.unit.lab.machine.test_every_remedy import MACHINES, REMEDIES


@pytest.mark.parametrize(
    "line",
    [
        "docker system df",
        "docker info",
        "docker info --format '{{.MemTotal}}'",
        'docker info --format "{{.OSType}}"',
        "docker version",
        "docker context ls",
        "docker context use default",
    ],
)
def test_it_answers(line: str, tmp_path: Path) -> None:
    environment = {**os.environ, "DOCKER_CONFIG": str(tmp_path)}
    assert _bash(line, environment) == ""


def _bash(script: str, environment: dict[str, str]) -> str:
    """What it printed as errors, if it failed."""
    argv = ["bash", "-c", script]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=90)
    return done.stderr if done.returncode else ""


_SHADOWS = """
sudo() { "$@"; }
tee() { cat > /dev/null; test -d "$(dirname "$1")"; }
apt-get() { case "$1" in indextargets) command apt-get "$@" ;; *) command apt-get --simulate "$@" ;; esac; }
set -e
"""


@pytest.mark.skipif(not debian.can_add_packages(), reason="these are for Debian, and root there")
@pytest.mark.parametrize("remedy", [remedies.newer_engine, REMEDIES[-1]])
def test_what_installs_on_debian_is_run_without_installing(remedy: Callable[[Machine], str]) -> None:
    machine = next(machine for machine in MACHINES if machine.os_release["ID"] == "debian")
    lines = [line for line in remedy(machine).splitlines() if line.startswith("  ") and "update" not in line]
    assert lines
    assert _bash(_SHADOWS + "\n".join(lines), dict(os.environ)) == ""
