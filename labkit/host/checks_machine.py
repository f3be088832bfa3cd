"""PURE. What is known of this machine, judged: can the lab run here, and what will spoil it?"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from labkit.host import remedies
from labkit.host.machine import Disk, Machine
from labkit.host.parsing import version_of
from labkit.host.verdict import Check, not_checked, ok, problem, warning

GB = 1000**3
GIB = 1024**3

LAB_BYTES = 5 * GB // 2
"""What images, node and cluster of the embedded lab may take where the engine stores."""

CACHE_BYTES = 6 * GB
"""What building the embedded default needs for Go's and the kit's own caches."""

MEMORY_WANTED = 4 * GIB
MEMORY_NEEDED = 1700 * 1024**2
"""kubeadm's own minimum for a control plane (kubernetes:cmd/kubeadm/app/constants/constants.go, ControlPlaneMem)."""

INOTIFY_WATCHES = 524288
INOTIFY_INSTANCES = 512
"""kind:site/content/docs/user/known-issues.md, pod errors due to "too many open files"."""

OLDEST_KERNEL = (4, 19, 0)
"""kubernetes/system-validators:validators/types_unix.go, as of Kubernetes 1.32."""

IDMAPPED_KERNEL = (6, 3, 0)
"""From here on a pod with `hostUsers: false` works with tmpfs volumes (kubernetes.io: user namespaces)."""

LOCAL_NAMES = ("localhost", "127.0.0.1")
CLUSTER_RANGES = ("10.96.0.0/16", "10.244.0.0/16")
"""Where services and pods are unless told otherwise (kind:pkg/internal/apis/config/default.go)."""

_ARCHITECTURES = {"x86_64", "amd64", "aarch64", "arm64"}
_IN_MEMORY = {"tmpfs", "ramfs"}
_NOT_FOR_LAYERS = {"overlay", "nfs", "nfs4", "cifs", "9p", "fuse.sshfs"}


def check_machine(
    machine: Machine, *, stand_ins: bool | None = None, built: bool = False, port_wanted: bool = True
) -> list[Check]:
    """Judge this machine.

    Args:
        machine: what was read.
        stand_ins: whether the embedded default has to be built here; None if that is not decided yet.
        built: whether the lab's images are there already, and the space they take is taken.
        port_wanted: whether a JupyterLab is still to be started (not so if the lab's own holds the port).
    """
    checks = [_system(machine), architecture_check("architecture", machine.architecture)]
    if machine.is_linux:
        checks += [kernel_check("kernel", machine.kernel, machine), _cgroup(machine)]
    checks.append(memory_check("memory", machine.memory_total, machine.memory_available, machine))
    checks += _disks(machine, stand_ins, built)
    if machine.is_linux:
        checks.append(_inotify(machine))
    if port_wanted:
        checks.append(_port(machine))
    checks.append(_proxies(machine))
    return checks


def architecture_check(name: str, architecture: str) -> Check:
    """Whether there are images and programs for a processor."""
    if architecture in _ARCHITECTURES:
        return ok(name, architecture)
    if not architecture:
        return not_checked(name, "not known", "see it\n  uname -m")
    return problem(name, f"{architecture}: nothing of the lab is built for it", "use a machine that says x86_64 or aarch64 to\n  uname -m")


def kernel_check(name: str, release: str, machine: Machine) -> Check:
    """Whether a Linux kernel is young enough.

    Args:
        name: of the check.
        release: the kernel's.
        machine: the machine that the person sits at, for the remedy.
    """
    parsed = version_of(release)
    if parsed is None:
        return not_checked(name, f"it calls itself {release!r}", "see it\n  uname -r")
    if parsed < OLDEST_KERNEL:
        return problem(name, f"{release}; Kubernetes needs {_short(OLDEST_KERNEL)} or later", _newer_kernel(machine))
    if parsed < IDMAPPED_KERNEL:
        return warning(
            name,
            f"{release}: pods with user namespaces (hostUsers: false) need {_short(IDMAPPED_KERNEL)} or later; "
            "all else works",
            _newer_kernel(machine),
        )
    return ok(name, release)


def _short(version: tuple[int, int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _newer_kernel(machine: Machine) -> str:
    if machine.system == "Darwin":
        return "bring the engine up to date, its kernel comes with it\n  brew upgrade --cask docker-desktop\n  brew upgrade colima"
    if machine.is_wsl:
        return "in Windows' PowerShell\n  wsl --update\n  wsl --shutdown"
    distribution = machine.os_release.get("ID", "")
    if distribution == "ubuntu":
        package = f"linux-generic-hwe-{machine.os_release.get('VERSION_ID', '24.04')}"
        commands = ["apt-get update", f"apt-get install -y {package}", "reboot"]
    elif distribution == "debian":
        release = machine.os_release.get("VERSION_CODENAME", "stable")
        commands = [
            "apt-get update",
            f"apt-get install -y -t {release}-backports linux-image-$(dpkg --print-architecture)",
            "reboot",
        ]
    elif remedies.family(machine) == "fedora":
        commands = ["dnf upgrade -y kernel", "reboot"]
    else:
        return "install a later kernel with this system's own package manager; this is the one that runs\n  uname -r"
    return f"install a later one (Debian has it among its backports)\n{remedies.sudo(machine, *commands)}"


def memory_check(name: str, total: int | None, available: int | None, machine: Machine) -> Check:
    """Whether the lab fits into memory.

    Args:
        name: of the check.
        total: bytes that the machine (the engine's, if it has one of its own) has.
        available: bytes that could be had without swapping, None where unknown.
        machine: the machine that the person sits at, for the remedy.
    """
    if total is None:
        return not_checked(name, "not known", "see it\n  docker info --format '{{.MemTotal}}'")
    shown = f"{total / GIB:.1f} GiB" + (f", {available / GIB:.1f} GiB available" if available is not None else "")
    if total < MEMORY_NEEDED:
        return problem(name, f"{shown}; a control plane needs {MEMORY_NEEDED / GIB:.1f} GiB", _more_memory(machine))
    # A machine sold with 4 GiB shows a little less: the kernel keeps some for itself.
    enough = total >= MEMORY_WANTED * 0.9 and (available is None or available >= MEMORY_WANTED / 2)
    wanted = f"{shown}; {MEMORY_WANTED // GIB} GiB are wanted, half of them available"
    return ok(name, shown) if enough else warning(name, wanted, _more_memory(machine))


def _more_memory(machine: Machine) -> str:
    if machine.system == "Darwin":
        return "give the engine more: in Docker Desktop's settings under Resources, or\n  colima stop && colima start --memory 4"
    if machine.is_wsl:
        return (
            "write these two lines to .wslconfig in your Windows home folder\n  [wsl2]\n  memory=6GB\n"
            "then in Windows' PowerShell\n  wsl --shutdown"
        )
    return "end what takes most of it\n  ps -eo rss,pid,comm --sort=-rss | head"


def _system(machine: Machine) -> Check:
    name = "system"
    shown = machine.os_release.get("PRETTY_NAME") or machine.system
    if machine.system not in ("Linux", "Darwin"):
        return problem(name, f"{shown}: neither Linux nor macOS", "on Windows use WSL; in PowerShell\n  wsl --install")
    if not machine.is_wsl:
        return ok(name, "macOS" if machine.system == "Darwin" else shown)
    if "wsl2" not in machine.kernel.lower() and (version_of(machine.kernel) or (5, 0, 0)) < OLDEST_KERNEL:
        return problem(
            name,
            f"{shown} under WSL 1, which has no Linux kernel of its own",
            "in Windows' PowerShell, with the name that the first command shows\n  wsl --list\n  wsl --set-version NAME 2",
        )
    return ok(name, f"{shown} under WSL 2")


def _cgroup(machine: Machine) -> Check:
    if machine.cgroup is None:
        return not_checked("cgroups", "/proc/self/mountinfo shows none", "see them\n  grep cgroup /proc/self/mountinfo")
    told = {"v2": "v2", "v1": "v1: the kit lets the kubelet accept it", "hybrid": "v1 and v2 side by side: counts as v1"}
    return ok("cgroups", told[machine.cgroup])


def _disks(machine: Machine, stand_ins: bool | None, built: bool) -> list[Check]:
    lab = 0 if built else LAB_BYTES
    cache = 0 if built or stand_ins is False else CACHE_BYTES
    engine_disk, cache_disk = machine.engine_disk, machine.cache_disk
    if engine_disk and cache_disk and engine_disk.device == cache_disk.device:
        checks = [_space("disk", engine_disk, lab + cache, f"the engine's {engine_disk.path} and {cache_disk.path}")]
    else:
        checks = [
            _space("disk of the engine", engine_disk, lab, f"{engine_disk.path}" if engine_disk else ""),
            _space("disk of the cache", cache_disk, cache, f"{cache_disk.path}" if cache_disk else ""),
        ]
    return checks + _kinds_of_disk(machine, engine_disk, cache_disk)


def _space(name: str, disk: Disk | None, needed: int, shown: str) -> Check:
    if disk is None:
        return not_checked(name, "it is not on this machine, or not known", "see what the engine takes\n  docker system df")
    found = f"{disk.free / GB:.1f} GB free for {shown}"
    if disk.free >= needed:
        return ok(name, found)
    return problem(
        name,
        f"{found}; {needed / GB:.1f} GB are needed",
        "make room; these show what takes it, and the third removes Docker's unused images and build cache\n"
        "  docker system df\n  du -xh --max-depth=2 ~/.cache | sort -h | tail\n  docker system prune",
    )


def _kinds_of_disk(machine: Machine, engine_disk: Disk | None, cache_disk: Disk | None) -> list[Check]:
    """Only what is wrong: the usual kinds need no row."""
    checks = []
    if engine_disk and engine_disk.kind in _IN_MEMORY:
        checks.append(_in_memory("kind of the engine's disk", engine_disk, '"data-root" in /etc/docker/daemon.json'))
    elif engine_disk and engine_disk.kind in _NOT_FOR_LAYERS:
        where = f"{engine_disk.path} is on {engine_disk.kind}"
        restart = remedies.sudo(machine, "systemctl restart docker" if machine.systemd else "service docker restart")
        checks.append(
            warning(
                "kind of the engine's disk",
                f"{where}, which overlay2 cannot use: the engine falls back to slow full copies",
                f'set "data-root" in /etc/docker/daemon.json to a folder on ext4, xfs or btrfs, then\n{restart}',
            )
        )
    if cache_disk and cache_disk.kind in _IN_MEMORY:
        checks.append(_in_memory("kind of the cache's disk", cache_disk, "a folder on a disk with\n  export LABKIT_CACHE=DIR"))
    return checks


def _in_memory(name: str, disk: Disk, instead: str) -> Check:
    found = f"{disk.path} is on {disk.kind}: it takes memory and is lost at the next start"
    return warning(name, found, f"choose {instead}\nthese are the disks\n  df -hT -x tmpfs -x devtmpfs")


def _inotify(machine: Machine) -> Check:
    name = "inotify limits"
    watches, instances = machine.inotify_watches, machine.inotify_instances
    look = "see them\n  sysctl fs.inotify.max_user_watches fs.inotify.max_user_instances"
    if watches is None or instances is None:
        return not_checked(name, "/proc/sys/fs/inotify does not tell", look)
    shown = f"{watches} watches, {instances} instances"
    wanted = {"max_user_watches": (watches, INOTIFY_WATCHES), "max_user_instances": (instances, INOTIFY_INSTANCES)}
    low = {f"fs.inotify.{key}": least for key, (has, least) in wanted.items() if has < least}
    if not low:
        return ok(name, shown)
    lines = "".join(f"{key} = {least}\\n" for key, least in low.items())
    keep = f"  printf '{lines}' | {remedies.sudo(machine, 'tee').strip()} /etc/sysctl.d/99-labkit.conf"
    commands = remedies.sudo(machine, *(f"sysctl {key}={least}" for key, least in low.items()))
    return warning(
        name,
        f'{shown}: pods may fail with "too many open files"',
        f"raise them until the next start\n{commands}\nand from then on\n{keep}",
    )


def _port(machine: Machine) -> Check:
    name, port = "port of JupyterLab", machine.jupyter_port
    look = f"see who has it\n  lsof -nP -iTCP:{port} -sTCP:LISTEN"
    if machine.jupyter_port_free is None:
        return not_checked(name, f"{port} could not be tried", look)
    if machine.jupyter_port_free:
        return ok(name, f"{port} is free")
    return warning(name, f"{port} is taken: JupyterLab will take the next one that is free", look)


def _proxies(machine: Machine) -> Check:
    name = "proxies"
    if not machine.proxies:
        return ok(name, "none set")
    shown = ", ".join(f"{key}={value}" for key, value in machine.proxies.items())
    missing = missing_from_no_proxy(machine.no_proxy)
    if not missing:
        return ok(name, f"{shown}; not for this machine and the cluster")
    added = ",".join(missing)
    return warning(
        name,
        f"{shown}, and NO_PROXY does not have {', '.join(missing)}: what is meant for the lab may go to the proxy",
        "add them\n"
        f'  export NO_PROXY="${{NO_PROXY:-$no_proxy}},{added}"\n'
        '  export no_proxy="$NO_PROXY"',
    )


def missing_from_no_proxy(no_proxy: Iterable[str]) -> list[str]:
    """Which of this machine's names and the cluster's ranges the entries of NO_PROXY leave to the proxy."""
    entries = list(no_proxy)
    if "*" in entries:
        return []
    networks = [network for entry in entries if (network := _network(entry))]
    missing = [name for name in LOCAL_NAMES if name not in entries and not _covered(name, networks)]
    return missing + [cluster for cluster in CLUSTER_RANGES if not _covered(cluster, networks)]


def _network(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return None


def _covered(text: str, networks: list[ipaddress.IPv4Network]) -> bool:
    wanted = _network(text)
    return wanted is not None and any(wanted.subnet_of(network) for network in networks)
