"""Adding what the lab needs to a Debian machine, as root: system packages and nothing else.

The engine comes from Debian 13, because Debian 12's (20.10) cannot start privileged containers on machines
whose capability bounding set lacks a capability. It is taken from the mirror that apt is already set up with,
and a pin keeps every other package where it is.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from labkit.adapters.debian_packages import install_packages
from labkit.adapters.processes import run
from labkit.base.errors import LabFailed, MachineLacks
from labkit.base.fetching import fetching_remedy
from labkit.base.os_release import read_os_release
from labkit.base.programs import find_program

ENGINE_RELEASE = "trixie"
ENGINE_PACKAGES = ("docker.io", "docker-cli", "containerd")
ENGINE_PROGRAMS = ("dockerd", "docker", "iptables")
_SOURCE = Path("/etc/apt/sources.list.d/labkit-engine.sources")
_PIN = Path("/etc/apt/preferences.d/labkit-engine")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

_ONE_AT_A_TIME = threading.Lock()
"""Steps of bringing the lab up run side by side, and apt waits for nobody who renews its lists."""

PROGRAMS = {
    "dockerd": "docker.io",
    "docker": "docker-cli",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "gcc": "gcc",
    "chromium": "chromium",
}
"""Programs that the kit may add, and the package of each."""


def can_add_packages() -> bool:
    """Whether this is a Debian machine, or a derivative with apt, on which we are root."""
    return os.geteuid() == 0 and find_program("apt-get") is not None and read_os_release().get("ID") == "debian"


def add_programs(*programs: str, files: Path | None = None) -> list[str]:
    """Install the packages of those programs that are missing.

    Args:
        programs: keys of `PROGRAMS`.
        files: a folder with the packages' files, from which they are installed; None to fetch them.

    Returns:
        The packages that were added.

    Raises:
        MachineLacks: something is missing and the kit may not add it here.
        LabFailed: apt could not.
    """
    missing = [PROGRAMS[program] for program in programs if find_program(program) is None]
    if missing and files is not None:
        with _ONE_AT_A_TIME:
            install_packages(missing, files)
    elif missing:
        add_packages(*missing, why=" and ".join(programs))
    return missing


def add_packages(*packages: str, why: str) -> None:
    """Install Debian packages, without what they merely recommend.

    Args:
        packages: names of packages.
        why: what they are for, for the error.

    Raises:
        MachineLacks: not Debian, or not root; the remedy is the command.
        LabFailed: apt could not; its last lines are in the error.
    """
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if not can_add_packages():
        raise MachineLacks(
            f"Looking for {why}",
            "not on this machine",
            f"install it, on Debian or Ubuntu with\n  sudo {' '.join(command)}",
        )
    with _ONE_AT_A_TIME:
        if set(packages) & set(ENGINE_PACKAGES):
            _offer_engine_release()
        _apt("apt-get", "update")
        _apt(*command)


def offer_engine() -> None:
    """Let apt know the engine's packages as they are now, without installing any.

    Raises:
        LabFailed: apt could not.
    """
    with _ONE_AT_A_TIME:
        _offer_engine_release()
        _apt("apt-get", "update")


def has_package(package: str) -> bool:
    """Whether dpkg knows the package as installed."""
    query = run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package])
    return query.returncode == 0 and query.stdout == "installed"


def mirror() -> str:
    """The Debian mirror that this machine's apt is set up with.

    Raises:
        LabFailed: apt names none.
    """
    listing = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"])
    mirrors = [line for line in listing.stdout.splitlines() if not line.rstrip("/").endswith("-security")]
    if not mirrors:
        raise LabFailed(
            "Looking for this machine's Debian mirror",
            "apt lists no source of Debian",
            "put one into /etc/apt/sources.list and run\n  apt-get update",
        )
    return mirrors[0].rstrip("/")


def _offer_engine_release() -> None:
    """Let apt see Debian 13, at a priority at which nothing but the engine comes from it."""
    _PIN.write_text(
        f"Package: *\nPin: release n={ENGINE_RELEASE}\nPin-Priority: 100\n\n"
        f"Package: {' '.join(ENGINE_PACKAGES)}\nPin: release n={ENGINE_RELEASE}\nPin-Priority: 990\n",
        encoding="utf-8",
    )
    _SOURCE.write_text(
        f"Types: deb\nURIs: {mirror()}\nSuites: {ENGINE_RELEASE}\nComponents: main\nSigned-By: {_KEYRING}\n",
        encoding="utf-8",
    )


def _apt(*command: str) -> None:
    completed = run(
        [command[0], "-o", "DPkg::Lock::Timeout=120", *command[1:]],
        environment={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
    if completed.returncode != 0:
        lines = (completed.stderr or completed.stdout).strip().splitlines()[-4:]
        remedy = "run it yourself to see all of its output; without a Debian mirror the packages must be there before"
        came_back = "\n".join(lines) or f"exit status {completed.returncode}"
        raise LabFailed(
            f"Running {' '.join(command)}", came_back, fetching_remedy(completed.stdout + completed.stderr, remedy)
        )
