"""Every line that the doctor tells to type was tried here, or stands below with the reason why it cannot be."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from labkit.lab.machine import remedies
from labkit.lab.machine.machine_facts import Machine
from tests.architecture import texts_of_modules
from tests.unit.lab.machine.test_checks import GOOD

_SYSTEMS = ({"ID": "debian", "VERSION_CODENAME": "bookworm"}, {"ID": "ubuntu"}, {"ID": "fedora"}, {"ID": "arch"})
MACHINES = [
    *(
        replace(GOOD, os_release=system, user_id=user, systemd=systemd, kernel=kernel)
        for system in _SYSTEMS
        for user in (0, 1000)
        for systemd in (True, False)
        for kernel in ("6.1.0", "5.15.1-microsoft-standard-WSL2")
    ),
    replace(GOOD, system="Darwin", os_release={}),
]
REMEDIES: list[Callable[[Machine], str]] = [
    remedies.install_engine,
    remedies.install_docker_command,
    remedies.install_podman_command,
    remedies.instead_of_podman,
    remedies.newer_engine,
    remedies.start_engine,
    remedies.restart_engine,
    remedies.newer_kernel,
    remedies.more_memory,
    lambda machine: remedies.install_go(machine, "1.26.3"),
    lambda machine: remedies.install(machine, "gcc", "mmdebstrap", "pkg-config", "seccomp.h"),
]

READ = (
    r"df -hT? ?.*|grep cgroup /proc/self/mountinfo|sysctl fs\.[^=]*|uname -[rm]|ps -eo .*|export .*|unset .*|mirror=.*"
)
"""Lines that only look, or change this shell alone: they are run as they stand."""

SIMULATED = r"(sudo )?apt-get install .*|printf '(Types|Package): .*|echo \"deb \$mirror .*"
"""Lines that tests/live/test_remedies_typed.py runs with an apt-get that installs and a tee that writes nothing."""

ELSEWHERE = {
    r"(LABKIT_REGISTRY=HOST:PORT )?labkit .*|make up": "tests/unit/test_remedies.py: there is such a command",
    r"docker (system df|info.*|version|context (ls|use default))": "tests/live/test_remedies_typed.py",
    r"X version( --client)?": "tests/unit/adapters/test_kind.py: how a program's version is asked",
    r"docker rm --force --volumes X": "tests/live/test_lifecycle.py removes what others left",
}
"""Lines that another test tries."""

NOT_TRIED = {
    r"(sudo )?apt-get update": "it takes the network; `make lab` on a bare machine does it (make bench-bare)",
    r"(sudo )?(dnf|yum) .*": "no Fedora",
    r"brew .*|colima .*|open -a .*|docker desktop .*": "no macOS",
    r"wsl .*|\[wsl2\]|memory=6GB": "no Windows",
    r"(sudo )?(systemctl|service docker) .*": "no systemd here, and the engine is in use",
    r"(sudo )?reboot": "others are at work on this machine",
    r"curl -fLO https://go\.dev/.*|(sudo )?tar -C /usr/local -xzf go.*": "the internet, and it would replace Go",
    r"(sudo )?(apt-get install -y -t .*|apt-get install -y linux-generic.*)": "it would replace the kernel",
    r"podman (info|version)": "docs/podman.md: where podman was run",
    r"sudo (usermod|mkdir|tee|sysctl|systemctl|chmod).*": "it changes the system",
    r"printf .*|newgrp docker|.*sysctl \S+=.*": "it changes the system",
    r"docker system prune": "it removes what is not ours",
    r"(sudo )?kill -KILL X": "it would end this machine's engine",
    r"du -xh .*": "it reads a whole cache; its syntax is held",
    r"lsof .*|mv X X\.broken": "X stands for what was seen; the syntax is held",
    r"conda .*|go install .*": "the internet",
    r"gcc libc6-dev .*": "names of packages for another system's own manager",
}
"""Lines that are not tried, and why; for the shell they are lines all the same."""


@cache
def _lines() -> list[str]:
    told = [remedy(machine) for machine in MACHINES for remedy in REMEDIES]
    told += [text for text in texts_of_modules("labkit.lab.machine") if "\n  " in text]
    lines = {line.strip() for text in told for line in text.splitlines()[1:] if line.startswith("  ")}
    return sorted(line for line in lines if (line and not line.startswith("X")) or line == "X version")


def _is(line: str, pattern: str) -> bool:
    return re.fullmatch(pattern, line, re.DOTALL) is not None


def test_each_is_tried_or_it_is_said_why_not() -> None:
    known = (READ, SIMULATED, *ELSEWHERE, *NOT_TRIED)
    assert len(_lines()) > 50
    assert [line for line in _lines() if not any(_is(line, pattern) for pattern in known)] == []


def _bash(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60)


def test_all_are_lines_of_a_shell() -> None:
    lines = [line for line in _lines() if not line.startswith(("[wsl2]", "wsl "))]
    script = "\n".join(lines).replace("X X.broken", "x x.broken")
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform != "linux", reason="these are for Linux")
def test_what_looks_is_run_as_it_stands() -> None:
    lines = [line for line in _lines() if _is(line, READ) and "X" not in line and shutil.which(line.split()[0])]
    assert len(lines) > 5
    for line in lines:
        assert _bash(line).returncode == 0, line
