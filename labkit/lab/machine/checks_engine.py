"""PURE. What the engine says of itself, judged.

`info` and `version` are the engine's answers to /info and /version as its API gives them
(moby:api/swagger.yaml, SystemInfo and SystemVersion; podman's pkg/api/handlers/compat answers with the same keys).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.version import Version

from labkit.adapters import podman
from labkit.adapters.program_versions import version_in
from labkit.lab.machine import remedies
from labkit.lab.machine.checks_system import architecture_check, kernel_check, memory_check
from labkit.lab.machine.engine_kind import (
    driver_status,
    is_podman,
    is_rootless,
    release_of,
    runs_elsewhere,
    security_options,
    uses_containerd_store,
)
from labkit.lab.machine.machine_check import Check, not_checked, ok, problem, warning
from labkit.lab.machine.machine_facts import Machine

if TYPE_CHECKING:
    from labkit.adapters.engine import EngineInfo, EngineVersion

OLDEST_ENGINE = Version("20.10")
"""kind runs its node with a cgroup namespace of its own (kind:pkg/cluster/internal/providers/docker/provision.go)."""

COPES_WITH_LESS = Version("23.0")
"""From here on a privileged container gets the capabilities that there are; before, one too few made it fail."""

_GOOD_DRIVERS = {"overlay2", "overlayfs", "overlay"}
_LOOK = "see what it says of itself\n  docker info"
# kind:pkg/cluster/internal/create/create.go, validateProvider
_DELEGATED = {"MemoryLimit": "memory", "PidsLimit": "processes", "CPUShares": "CPU"}
_DELEGATE = (
    "let systemd delegate these cgroups to this user's services, log in again, then start the engine again "
    "(kind:site/content/docs/user/rootless.md)\n"
    "  sudo mkdir -p /etc/systemd/system/user@.service.d\n"
    "  printf '[Service]\\nDelegate=yes\\n' | sudo tee /etc/systemd/system/user@.service.d/delegate.conf\n"
    "  sudo systemctl daemon-reload\n"
    "or use the system's engine\n  docker context use default\n  unset DOCKER_HOST"
)


def check_engine(
    info: EngineInfo | None,
    version: EngineVersion | None,
    came_back: str | None,
    machine: Machine,
    *,
    image: str,
    privileged: str | None = None,
    remedy: str | None = None,
) -> list[Check]:
    """Judge the engine.

    Args:
        info: its answer to /info, None if it gave none.
        version: its answer to /version, None if it gave none.
        came_back: what came back instead of an answer; None if it answered.
        machine: this machine.
        image: the reference of the lab's image with which a privileged container is tried.
        privileged: what came back when a privileged container was tried: "" if it ran, the engine's message if not,
            None if none was tried (no image of the lab is there yet).
        remedy: what to do where DOCKER_HOST or a docker context chose another engine than this machine's own.
    """
    if info is None:
        return [
            _unreachable(came_back or "it was not asked", machine, remedy),
            *(_access_later(machine) if remedy is None else ()),
            not_checked("engine's settings", "no engine answers", "start the engine first, then\n  labkit doctor"),
        ]
    checks = [
        _reachable(info, version),
        _access(info, version, machine),
        _version(info, version, machine),
        _privileged(info, version, machine, image, privileged),
        _driver(info, version, machine),
        _image_store(info, version),
        _user_namespace(info, version, machine),
        _cgroup(info, version),
    ]
    if runs_elsewhere(info, machine):
        # What counts is the machine that the engine has for itself, not the one that the person sits at.
        checks += [
            architecture_check("engine's architecture", str(info.get("Architecture") or "")),
            kernel_check("engine's kernel", str(info.get("KernelVersion") or ""), machine),
            memory_check("engine's memory", _number(info.get("MemTotal")), None, machine),
        ]
    return checks


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _unreachable(came_back: str, machine: Machine, elsewhere: str | None) -> Check:
    first_line = came_back.strip().splitlines()[0] if came_back.strip() else "nothing came back"
    if elsewhere is not None and machine.engine_socket != "closed to us":
        return problem("engine", f"cannot be reached: {first_line}", elsewhere)
    if machine.engine_host:
        remedy = f"DOCKER_HOST is {machine.engine_host}: is that right? If not\n  unset DOCKER_HOST"
    elif machine.engine_socket == "closed to us":
        return problem("engine", f"it is there, but this user has no access ({first_line})", _join_group(machine))
    elif _is_installed(machine):
        remedy = remedies.start_engine(machine)
    else:
        remedy = remedies.install_engine(machine)
    if machine.podman_host and not machine.engine_host:
        remedy += f"\nor, if it is podman {podman.OLDEST} or later, use the one that offers its service here\n"
        remedy += f"  export DOCKER_HOST={machine.podman_host}\n  labkit doctor"
    return problem("engine", f"does not answer ({first_line})", remedy)


def _is_installed(machine: Machine) -> bool:
    # Docker Desktop and Colima put only a client on the machine that one sits at; on a plain Linux that is no engine.
    program = "docker" if machine.is_wsl or not machine.is_linux else "dockerd"
    return program in machine.programs or machine.engine_socket == "open"


def _access_later(machine: Machine) -> list[Check]:
    """What would be in the way once an engine answers."""
    told_already = machine.engine_host is not None or machine.engine_socket == "closed to us"
    if machine.is_root or not machine.is_linux or told_already or machine.docker_group == "yes":
        return []
    return [warning("access to the engine", "this user is neither root nor in the group docker", _join_group(machine))]


def _reachable(info: EngineInfo, version: EngineVersion | None) -> Check:
    if (system := str(info.get("OSType") or "linux")) != "linux":
        return problem(
            "engine",
            f"runs containers of {system}; the lab's are Linux",
            'in Docker Desktop\'s menu choose "Switch to Linux containers", then\n  docker info --format "{{.OSType}}"',
        )
    if is_podman(info, version):
        kind = "rootless" if is_rootless(info) else "rootful"
        return ok("engine", f"podman {release_of(info, version)} answers in Docker's place, {kind}; see docs/podman.md")
    platform = ((version or {}).get("Platform") or {}).get("Name")
    return ok("engine", f"answers ({platform or info.get('OperatingSystem') or 'Docker'})")


def podman_problem(info: EngineInfo, version: EngineVersion | None, machine: Machine) -> Check | None:
    """Why the lab does not take this podman; None if it does, or if it is another engine."""
    release = release_of(info, version)
    parsed = version_in(release)
    if parsed is None or not is_podman(info, version) or parsed.major >= podman.OLDEST:
        return None
    finding = f"podman {release}; the lab needs podman {podman.OLDEST} or later, or Docker"
    return problem("engine's version", finding, remedies.instead_of_podman(machine))


def _access(info: EngineInfo, version: EngineVersion | None, machine: Machine) -> Check:
    name = "access to the engine"
    if machine.is_root:
        return ok(name, "as root")
    if machine.engine_host:
        return ok(name, f"through DOCKER_HOST {machine.engine_host}")
    if machine.docker_group == "yes" and not is_podman(info, version):
        return ok(name, "through the group docker (whose members can become root on this machine)")
    return ok(name, "it answers this user")


def _join_group(machine: Machine) -> str:
    if machine.docker_group == "after login":
        return "this user has joined the group docker since logging in: log in again, or for now\n  newgrp docker"
    return (
        "join its group (note that whoever is in it can become root), then log in again\n"
        '  sudo usermod -aG docker "$(id -un)"\n  newgrp docker'
    )


def _version(info: EngineInfo, version: EngineVersion | None, machine: Machine) -> Check:
    name = "engine's version"
    release = release_of(info, version)
    parsed = version_in(release)
    if parsed is None:
        return not_checked(name, f"it calls itself {release!r}", "see what it says\n  docker version")
    if (too_old := podman_problem(info, version, machine)) is not None:
        return too_old
    if is_podman(info, version):
        return ok(name, f"podman {release}")
    if parsed < OLDEST_ENGINE:
        return problem(name, f"{release}; kind needs {OLDEST_ENGINE} or later", remedies.newer_engine(machine))
    return ok(name, release)


def _privileged(
    info: EngineInfo, version: EngineVersion | None, machine: Machine, image: str, tried: str | None
) -> Check:
    """The node of a kind cluster is a privileged container."""
    name = "privileged containers"
    parsed = version_in(release_of(info, version))
    old = parsed is not None and parsed < COPES_WITH_LESS and not is_podman(info, version)
    if tried == "":
        return ok(name, "one was run")
    if tried is not None:
        reason = tried.strip().splitlines()[-1] if tried.strip() else "no reason given"
        if old and "caps" in reason:
            return problem(name, f"refused: {reason}", remedies.newer_engine(machine))
        line = f"{podman.CLIENT if is_podman(info, version) else 'docker'} run --rm --privileged {image} true"
        return problem(name, f"refused: {reason}", f"run it yourself to see all of its output\n  {line}")
    missing = machine.missing_capabilities
    if runs_elsewhere(info, machine) or missing is None:
        return not_checked(name, "none tried yet", "bring the lab up: its node is one\n  labkit up")
    if missing and old:
        return problem(
            name,
            f"none tried yet, but this engine is older than {COPES_WITH_LESS.major} and {', '.join(missing)} "
            'is not available here: it fails with "unable to apply caps"',
            remedies.newer_engine(machine),
        )
    lacking = f"without {', '.join(missing)}, with which this engine copes" if missing else "no capability is missing"
    return ok(name, f"none tried yet; {lacking}")


def _driver(info: EngineInfo, version: EngineVersion | None, machine: Machine) -> Check:
    name = "storage driver"
    driver = str(info.get("Driver") or "")
    backing = driver_status(info).get("Backing Filesystem", "")
    shown = f"{driver} on {backing}" if backing else driver
    if not driver:
        return not_checked(name, "the engine does not say", _LOOK)
    if driver in _GOOD_DRIVERS:
        return ok(name, shown)
    remedy = (
        remedies.PODMAN_DRIVER
        if is_podman(info, version)
        else (
            'put "storage-driver": "overlay2" into /etc/docker/daemon.json (images must be built again), then\n'
            + remedies.restart_engine(machine)
        )
    )
    if driver == "vfs":
        return warning(name, "vfs: every layer is a full copy, slow and several times as large", remedy)
    return warning(name, f"{shown}: the kit is not tested with it", remedy)


def _image_store(info: EngineInfo, version: EngineVersion | None) -> Check:
    if is_podman(info, version):
        return ok("image store", "podman's own")
    if uses_containerd_store(info):
        return ok("image store", "containerd's: the kit saves one platform of an image before kind loads it")
    return ok("image store", "Docker's own")


def _user_namespace(info: EngineInfo, version: EngineVersion | None, machine: Machine) -> Check:
    name = "user namespace of the engine"
    if is_rootless(info):
        system_engine = "use the system's engine for the lab\n  docker context use default\n  unset DOCKER_HOST"
        if is_podman(info, version):
            system_engine = remedies.ROOTFUL_PODMAN
        if str(info.get("CgroupVersion")) == "1":
            return problem(name, "rootless on cgroup v1: kind needs cgroup v2 for that", system_engine)
        if lacking := [kind for key, kind in _DELEGATED.items() if info.get(key) is False]:
            return problem(name, f"rootless, without limits of {' and '.join(lacking)}: kind stops", _DELEGATE)
        finding = "rootless: root in a container is this user outside, so host uids differ from the lessons'"
        return warning(name, finding, system_engine)
    if "userns" in security_options(info):
        return warning(
            name,
            "userns-remap: kind runs its node in the host's namespace, but host uids differ from the lessons'",
            'take "userns-remap" out of /etc/docker/daemon.json for the lab, then\n' + remedies.restart_engine(machine),
        )
    return ok(name, "none: a uid in a container is that uid on the host")


def _cgroup(info: EngineInfo, version: EngineVersion | None) -> Check:
    name = "engine's cgroups"
    release, driver = str(info.get("CgroupVersion") or ""), str(info.get("CgroupDriver") or "")
    if not release or not driver:
        return not_checked(name, "the engine does not say", _LOOK)
    shown = f"v{release}, driver {driver}"
    if driver == "none":
        return problem(
            name,
            f"{shown}: it cannot limit anything, and the kubelet must",
            "use the system's engine, or let systemd delegate cgroups to this user's, as kind's page on rootless says\n"
            "  docker context use default",
        )
    return ok(name, shown)
