"""PURE. The commands that add or change something, for the system that a person sits at.

Debian and Ubuntu, Fedora, and macOS get commands that can be pasted; elsewhere the packages are named.
"""

from __future__ import annotations

from typing import Literal

from labkit.adapters.debian import ENGINE_PACKAGES, ENGINE_RELEASE
from labkit.lab.machine.machine_facts import Machine

Family = Literal["debian", "fedora", "macos", "other"]

_PACKAGES: dict[str, dict[Family, str]] = {
    # What is missing, and the package that has it.
    "gcc": {"debian": "gcc libc6-dev", "fedora": "gcc"},
    "mmdebstrap": {"debian": "mmdebstrap", "fedora": "mmdebstrap debian-keyring"},
    "pkg-config": {"debian": "pkg-config", "fedora": "pkgconf-pkg-config"},
    "seccomp.h": {"debian": "libseccomp-dev", "fedora": "libseccomp-devel"},
}

# The mirror that this machine's apt is set up with, as labkit.adapters.debian finds it.
_DEBIAN_MIRROR = (
    "mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian'"
    " | grep -v -- '-security/*$' | head -n 1)"
)

MACOS_ENGINE = """install one of the two that bring Linux along
  brew install --cask docker-desktop && open -a Docker
  brew install colima docker && colima start --cpu 2 --memory 4"""


def family(machine: Machine) -> Family:
    """Which commands fit: by ID and ID_LIKE of os-release(5)."""
    if machine.system == "Darwin":
        return "macos"
    names = {machine.os_release.get("ID", ""), *machine.os_release.get("ID_LIKE", "").split()}
    if names & {"debian", "ubuntu"}:
        return "debian"
    return "fedora" if names & {"fedora", "rhel", "centos"} else "other"


def sudo(machine: Machine, *commands: str) -> str:
    """Commands that root has to give, one a line, indented; `sudo` stands before them unless we are root."""
    prefix = "" if machine.is_root else "sudo "
    return "\n".join(f"  {prefix}{command}" for command in commands)


def install(machine: Machine, *needs: str) -> str:
    """How to add what is missing.

    Args:
        machine: where it is missing.
        needs: keys of the table above.
    """
    kind = family(machine)
    manager = {"debian": "apt-get install -y --no-install-recommends", "fedora": "dnf install -y"}.get(kind)
    if manager is None:
        names = " ".join(_PACKAGES[need]["debian"] for need in needs)
        return f"install, with this system's own package manager, what Debian calls\n  {names}"
    names = " ".join(_PACKAGES[need][kind] for need in needs)
    update = ["apt-get update"] if kind == "debian" else []
    return f"install it\n{sudo(machine, *update, f'{manager} {names}')}"


def install_engine(machine: Machine) -> str:
    """How to add an engine and start it."""
    kind = family(machine)
    if kind == "macos":
        return MACOS_ENGINE
    if kind == "debian":
        # With what it recommends: from Debian 13 on the docker command is a package of its own.
        commands = ["apt-get update", "apt-get install -y docker.io"]
        if machine.systemd:
            commands.append("systemctl enable --now docker")
        return f"install one\n{sudo(machine, *commands)}\nor let the kit do it, on Debian and as root\n  make up"
    if machine.os_release.get("ID") == "fedora":
        return f"install one\n{sudo(machine, 'dnf install -y moby-engine', 'systemctl enable --now docker')}"
    return "install Docker as https://docs.docker.com/engine/install/ says, then start it\n" + sudo(
        machine, "systemctl enable --now docker"
    )


ROOTFUL_PODMAN = """use the system's podman for the lab (note that whoever may use its socket can become root)
  sudo systemctl start podman.socket
  sudo chmod o+x /run/podman && sudo chgrp "$(id -gn)" /run/podman/podman.sock
  export DOCKER_HOST=unix:///run/podman/podman.sock"""

PODMAN_DRIVER = """put driver = "overlay" under [storage] into podman's storage.conf, and build the images again
  podman info"""


def instead_of_podman(machine: Machine) -> str:
    """How to use Docker where podman is too old."""
    return (
        "upgrade it, or use Docker\n  unset DOCKER_HOST\n  docker context use default\nif there is none, "
        f"{install_engine(machine)}"
    )


def install_podman_command(machine: Machine) -> str:
    """How to add the `podman` program where only its service answers."""
    kind = family(machine)
    if kind == "macos":
        return "install it\n  brew install podman"
    command = {"debian": "apt-get install -y podman", "fedora": "dnf install -y podman-remote"}.get(kind)
    if command is None:
        return "install podman's command with this system's own package manager\n  podman version"
    update = ["apt-get update"] if kind == "debian" else []
    return f"install it\n{sudo(machine, *update, command)}"


def install_docker_command(machine: Machine) -> str:
    """How to add the `docker` program where there is only an engine."""
    kind = family(machine)
    if kind == "macos":
        return "install it\n  brew install docker"
    if kind == "debian":
        either = "apt-get install -y docker-cli || " + sudo(machine, "apt-get install -y docker.io").strip()
        return f"install it; until Debian 12 it comes with the engine\n{sudo(machine, 'apt-get update', either)}"
    if machine.os_release.get("ID") == "fedora":
        return f"install it\n{sudo(machine, 'dnf install -y docker-cli')}"
    return "install Docker's command line as https://docs.docker.com/engine/install/ says, then\n  docker version"


def newer_engine(machine: Machine) -> str:
    """How to get an engine of version 23 or later; on Debian the one that the kit itself would take."""
    kind = family(machine)
    if kind == "macos":
        return "upgrade it\n  brew upgrade --cask docker-desktop\n  brew upgrade colima docker"
    if machine.os_release.get("ID") == "debian":
        return "install the engine, and nothing else, from a later Debian\n" + _engine_of_later_debian(machine)
    if kind == "debian":
        return f"upgrade it\n{sudo(machine, 'apt-get update', 'apt-get install -y docker.io containerd')}"
    if machine.os_release.get("ID") == "fedora":
        return f"upgrade it\n{sudo(machine, 'dnf upgrade -y moby-engine')}"
    return "install a later Docker as https://docs.docker.com/engine/install/ says\n  docker version"


def _engine_of_later_debian(machine: Machine) -> str:
    """The commands for what labkit.adapters.debian does by itself, to the same two files."""
    packages = " ".join(ENGINE_PACKAGES)
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    source = rf"Types: deb\nURIs: %s\nSuites: {ENGINE_RELEASE}\nComponents: main\nSigned-By: {keyring}\n"
    pin = (
        rf"Package: *\nPin: release n={ENGINE_RELEASE}\nPin-Priority: 100\n\n"
        rf"Package: {packages}\nPin: release n={ENGINE_RELEASE}\nPin-Priority: 990\n"
    )
    tee = sudo(machine, "tee").strip()
    return (
        f"  {_DEBIAN_MIRROR}\n"
        f"  printf '{source}' \"$mirror\" | {tee} /etc/apt/sources.list.d/labkit-engine.sources\n"
        f"  printf '{pin}' | {tee} /etc/apt/preferences.d/labkit-engine\n"
        + sudo(machine, "apt-get update", f"apt-get install -y {packages}")
    )


def start_engine(machine: Machine) -> str:
    """How to start an engine that is installed."""
    if machine.system == "Darwin":
        return "start it\n  open -a Docker\nor, with Colima\n  colima start"
    if machine.systemd:
        return f"start it\n{sudo(machine, 'systemctl start docker')}"
    if machine.is_wsl:
        return "turn on WSL integration in Docker Desktop's settings, or start an engine here\n" + sudo(
            machine, "service docker start"
        )
    if machine.is_root:
        return "let the kit start it\n  make up"
    return f"start it\n{sudo(machine, 'service docker start')}"


def install_go(machine: Machine, version: str) -> str:
    """How to add a Go toolchain; the systems' own packages are too old for the kit.

    Args:
        machine: where it is missing.
        version: the one that the kit's modules ask for.
    """
    if machine.system == "Darwin":
        return "install it\n  brew install go"
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine.architecture, "ARCH")
    archive = f"go{version}.linux-{arch}.tar.gz"
    unpack = sudo(machine, f"tar -C /usr/local -xzf {archive}").strip()
    return f"install it\n  curl -fLO https://go.dev/dl/{archive}\n  {unpack}\n  export PATH=/usr/local/go/bin:$PATH"


def restart_engine(machine: Machine) -> str:
    """The command alone, after a change of the engine's settings."""
    if machine.system == "Darwin":
        return "  docker desktop restart"
    return sudo(machine, "systemctl restart docker" if machine.systemd else "service docker restart")


def newer_kernel(machine: Machine) -> str:
    """How to get a later Linux kernel."""
    if machine.system == "Darwin":
        return f"its kernel comes with the engine: {newer_engine(machine)}"
    if machine.is_wsl:
        return "in Windows' PowerShell\n  wsl --update\n  wsl --shutdown"
    distribution = machine.os_release.get("ID", "")
    if distribution == "debian":
        return _kernel_from_backports(machine)
    if distribution == "ubuntu":
        package = f"linux-generic-hwe-{machine.os_release.get('VERSION_ID', '24.04')}"
        commands = ["apt-get update", f"apt-get install -y {package}", "reboot"]
    elif family(machine) == "fedora":
        commands = ["dnf upgrade -y kernel", "reboot"]
    else:
        return "install a later kernel with this system's own package manager; this is the one that runs\n  uname -r"
    return f"install a later one\n{sudo(machine, *commands)}"


def _kernel_from_backports(machine: Machine) -> str:
    backports = f"{machine.os_release.get('VERSION_CODENAME', 'stable')}-backports"
    tee = sudo(machine, "tee").strip()
    return (
        "install a later one from Debian's backports\n"
        f"  {_DEBIAN_MIRROR}\n"
        f'  echo "deb $mirror {backports} main" | {tee} /etc/apt/sources.list.d/backports.list\n'
        + sudo(
            machine,
            "apt-get update",
            f"apt-get install -y -t {backports} linux-image-$(dpkg --print-architecture)",
            "reboot",
        )
    )


def more_memory(machine: Machine) -> str:
    """How to have more memory."""
    if machine.system == "Darwin":
        return (
            "give the engine more: in Docker Desktop's settings under Resources, or\n"
            "  colima stop && colima start --memory 4"
        )
    if machine.is_wsl:
        return (
            "write these two lines to .wslconfig in your Windows home folder\n  [wsl2]\n  memory=6GB\n"
            "then in Windows' PowerShell\n  wsl --shutdown"
        )
    return "end what takes most of it\n  ps -eo rss,pid,comm --sort=-rss | head"
