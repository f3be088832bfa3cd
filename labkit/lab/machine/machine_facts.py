"""Reads what this machine is: quickly, without a question to the engine, and without raising for what is not there.

What cannot be read is None; the checks say so. Nothing here judges.
"""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from labkit.adapters.podman import find_service
from labkit.base.os_release import read_os_release
from labkit.base.programs import path_outside
from labkit.lab.machine import parsing
from labkit.lab.machine.jupyter_servers import own_ports

JUPYTER_PORT = 8888
"""Where JupyterLab listens unless it is told otherwise."""

ENGINE_FOLDER = Path("/var/lib/docker")
"""Where Docker keeps images and containers unless it is told otherwise."""

SocketState = Literal["absent", "closed to us", "open"]

_PROGRAMS = ("docker", "dockerd", "go", "gcc", "mmdebstrap", "pkg-config", "podman")
_PROXY_NAMES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@dataclass(frozen=True)
class Disk:
    """Where something is or will be kept.

    Args:
        path: the folder that was asked about, whether it exists yet or not.
        free: bytes that we may still write there.
        device: tells file systems apart.
        kind: of file system (`ext4`, `tmpfs`), None where unknown.
    """

    path: Path
    free: int
    device: int
    kind: str | None


@dataclass(frozen=True)
class Machine:
    """Facts about this machine; None stands for what could not be found out.

    Args:
        system: `Linux` or `Darwin`.
        kernel: its release, such as `6.18.44`.
        architecture: as uname says it: `x86_64`, `aarch64`, `arm64`.
        os_release: the assignments of /etc/os-release (os-release(5)).
        systemd: whether systemd runs the services.
        user_id: ours.
        docker_group: whether we are in the group `docker`.
        engine_host: DOCKER_HOST, if set.
        engine_socket: whether we may talk to the engine's socket (of engine_host, if that is one).
        podman_host: where podman offers Docker's API, as DOCKER_HOST has it; None if it does not.
        cgroup: the version of control groups.
        missing_capabilities: what our capability bounding set lacks.
        memory_total: bytes.
        memory_available: bytes that programs could have without swapping.
        inotify_watches: fs.inotify.max_user_watches.
        inotify_instances: fs.inotify.max_user_instances.
        engine_disk: where the engine keeps its images.
        cache_disk: where the kit keeps what it builds.
        jupyter_port: the port that JupyterLab would like.
        jupyter_port_free: whether nothing listens there on loopback.
        jupyter_port_own: whether it is the lab's own JupyterLab that listens there.
        proxies: the proxy variables that are set, credentials taken out.
        no_proxy: what NO_PROXY or no_proxy lists.
        programs: where the programs on PATH are that the kit may need.
        go_version: of the Go toolchain on PATH.
        seccomp_headers: whether a C program can be built against libseccomp.
    """

    system: str
    kernel: str
    architecture: str
    os_release: Mapping[str, str] = field(default_factory=dict)
    systemd: bool = False
    user_id: int = 0
    docker_group: parsing.Membership | None = None
    engine_host: str | None = None
    engine_socket: SocketState | None = None
    podman_host: str | None = None
    cgroup: parsing.CgroupVersion | None = None
    missing_capabilities: tuple[str, ...] | None = None
    memory_total: int | None = None
    memory_available: int | None = None
    inotify_watches: int | None = None
    inotify_instances: int | None = None
    engine_disk: Disk | None = None
    cache_disk: Disk | None = None
    jupyter_port: int = JUPYTER_PORT
    jupyter_port_free: bool | None = None
    jupyter_port_own: bool = False
    proxies: Mapping[str, str] = field(default_factory=dict)
    no_proxy: tuple[str, ...] = ()
    programs: Mapping[str, str] = field(default_factory=dict)
    go_version: str | None = None
    seccomp_headers: bool = False

    @property
    def is_linux(self) -> bool:
        """Whether its system is Linux, WSL's included."""
        return self.system == "Linux"

    @property
    def is_wsl(self) -> bool:
        """Whether this Linux runs under Windows; its kernel's release says so."""
        return "microsoft" in self.kernel.lower()

    @property
    def is_root(self) -> bool:
        """Whether whoever runs this is root."""
        return self.user_id == 0


def read_machine(
    root: Path = Path("/"),
    *,
    cache: Path | None = None,
    engine_folder: Path | None = ENGINE_FOLDER,
    environ: Mapping[str, str] | None = None,
    uname: os.uname_result | None = None,
    os_release: Mapping[str, str] | None = None,
    jupyter_port: int = JUPYTER_PORT,
    state: Path | None = None,
) -> Machine:
    """Read this machine.

    Args:
        root: the folder below which /proc, /etc and the engine's folder lie; another one in tests.
        cache: where the kit keeps what it builds (`Configuration.cache`).
        engine_folder: where the engine stores, as `engine_kind.engine_folder` has it from the engine; None where
            that is no folder of this machine.
        environ: the environment; this process's unless given.
        uname: what the kernel calls itself; asked for unless given.
        os_release: what the system calls itself; read unless given.
        jupyter_port: the port to look at.
        state: of the lab, by which its own JupyterLab is known.
    """
    root = Path(os.path.realpath(root))
    environ = os.environ if environ is None else environ
    uname = uname or os.uname()
    memory = _memory(root)
    mountinfo = _text(root / "proc/self/mountinfo") or ""
    programs = _programs(root, environ)
    last = parsing.whole_number(_text(root / "proc/sys/kernel/cap_last_cap"))
    host = environ.get("DOCKER_HOST") or None
    return Machine(
        system=uname.sysname,
        kernel=uname.release,
        architecture=uname.machine,
        os_release=read_os_release() if os_release is None else os_release,
        systemd=_is_there(root / "run/systemd/system"),
        user_id=os.geteuid(),
        docker_group=_docker_group(root),
        engine_host=host,
        engine_socket=_socket(root, host),
        podman_host=service.host if (service := find_service(environ, root)) else None,
        cgroup=parsing.cgroup_version(mountinfo),
        missing_capabilities=parsing.missing_capabilities(_text(root / "proc/self/status") or "", last),
        memory_total=memory.get("MemTotal"),
        memory_available=memory.get("MemAvailable"),
        inotify_watches=parsing.whole_number(_text(root / "proc/sys/fs/inotify/max_user_watches")),
        inotify_instances=parsing.whole_number(_text(root / "proc/sys/fs/inotify/max_user_instances")),
        engine_disk=_disk(root, engine_folder, mountinfo) if engine_folder else None,
        cache_disk=_disk(Path("/"), cache, mountinfo) if cache else None,
        jupyter_port=jupyter_port,
        jupyter_port_free=port_is_free(jupyter_port),
        jupyter_port_own=state is not None and jupyter_port in own_ports(state, environ),
        proxies={name: parsing.without_credentials(environ[name]) for name in _PROXY_NAMES if environ.get(name)},
        no_proxy=_no_proxy(environ),
        programs=programs,
        go_version=_go_version(programs.get("go")),
        seccomp_headers=_is_there(root / "usr/include/seccomp.h"),
    )


def port_is_free(port: int) -> bool | None:
    """Whether a server could listen on a port of the loopback address; None if that cannot be told."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As JupyterLab's own server does: a connection that lingers from the last run does not take the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return False if error.errno == errno.EADDRINUSE else None
    return True


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _is_there(path: Path) -> bool:
    # Path.exists() raises where a folder on the way may not be searched; there is nothing there for us, then.
    try:
        path.stat()
    except OSError:
        return False
    return True


def _memory(root: Path) -> dict[str, int]:
    if (text := _text(root / "proc/meminfo")) is not None:
        return parsing.meminfo(text)
    if root != Path("/"):
        return {}
    try:
        return {"MemTotal": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")}
    except (ValueError, OSError):
        return {}


def _programs(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    # dockerd lies where the PATH of a user who is not root may not lead.
    path = os.pathsep.join([path_outside(environ.get("PATH", os.defpath)), str(root / "usr/sbin")])
    places = {name: shutil.which(name, path=path) for name in _PROGRAMS}
    return {name: place for name, place in places.items() if place}


def _go_version(go: str | None) -> str | None:
    """The toolchain's own VERSION file: starting the program to ask it would cost more than all else together."""
    if go is None:
        return None
    text = _text(Path(os.path.realpath(go)).parent.parent / "VERSION") or ""
    first = text.partition("\n")[0].strip()
    return first.removeprefix("go") if first.startswith("go") else None


def _docker_group(root: Path) -> parsing.Membership | None:
    text = _text(root / "etc/group")
    if text is None:
        return None
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = ""
    return parsing.membership(text, "docker", user, frozenset(os.getgroups()) | {os.getegid()})


def _socket(root: Path, host: str | None) -> SocketState | None:
    if host is not None and not host.startswith("unix://"):
        return None
    path = Path(host.removeprefix("unix://")) if host else root / "var/run/docker.sock"
    if not _is_there(path):
        return "absent"
    return "open" if os.access(path, os.R_OK | os.W_OK) else "closed to us"


def _no_proxy(environ: Mapping[str, str]) -> tuple[str, ...]:
    listed = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    return tuple(entry.strip() for entry in listed.split(",") if entry.strip())


def _disk(root: Path, folder: Path, mountinfo: str) -> Disk | None:
    """Look at the folder, or at the nearest one above it that is there: the engine may not be installed yet."""
    inside = Path(os.path.realpath(root / folder.relative_to("/"))) if folder.is_absolute() else folder.absolute()
    for candidate in (inside, *inside.parents):
        try:
            space = os.statvfs(candidate)
            device = candidate.stat().st_dev
        except OSError:
            continue
        kind = parsing.file_system_of(_without_root(candidate, root), mountinfo)
        return Disk(folder, space.f_bavail * space.f_frsize, device, kind)
    return None


def _without_root(path: Path, root: Path) -> str:
    return f"/{path.relative_to(root)}" if path.is_relative_to(root) else str(path)
