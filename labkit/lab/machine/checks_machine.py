"""PURE. What is known of this machine, judged: can the lab run here, and what will break it?"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from labkit.lab.machine import remedies
from labkit.lab.machine.checks_system import architecture_check, kernel_check, memory_check, system_check
from labkit.lab.machine.machine_check import Check, not_checked, ok, problem, warning
from labkit.lab.machine.machine_facts import Disk, Machine

GB = 1000**3

LAB_BYTES = 5 * GB // 2
"""What images, node and cluster of the embedded lab may take where the engine stores."""

CACHE_BYTES = 6 * GB
"""What building the embedded default needs for Go's and the kit's own caches."""

SPARE_BYTES = GB
"""A lab that is there needs a little room too: logs, containers' own files."""

INOTIFY_WATCHES = 524288
INOTIFY_INSTANCES = 512
"""kind:site/content/docs/user/known-issues.md, pod errors due to "too many open files"."""

LOCAL_NAMES = ("localhost", "127.0.0.1")
CLUSTER_RANGES = ("10.96.0.0/16", "10.244.0.0/16")
"""Where services and pods are unless told otherwise (kind:pkg/internal/apis/config/default.go)."""

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
    checks = [system_check(machine), architecture_check("architecture", machine.architecture)]
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


def _cgroup(machine: Machine) -> Check:
    name = "cgroups"
    if machine.cgroup is None:
        return not_checked(name, "/proc/self/mountinfo shows none", "see them\n  grep cgroup /proc/self/mountinfo")
    accepted = "the kit lets the kubelet accept it"
    shown = {"v2": "v2", "v1": f"v1: {accepted}", "hybrid": f"v1 with an empty v2 beside it: {accepted}"}
    return ok(name, shown[machine.cgroup])


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
        why = "it is not on this machine, or not known"
        return not_checked(name, why, "see what the engine takes, and what there is\n  docker system df\n  df -h")
    finding = f"{disk.free / GB:.1f} GB free for {shown}"
    if disk.free >= max(needed, SPARE_BYTES):
        return ok(name, finding)
    remedy = (
        "free some space; these show what takes it, and the third removes Docker's unused images and build cache\n"
        "  docker system df\n  du -xh --max-depth=2 ~/.cache | sort -h | tail\n  docker system prune"
    )
    if disk.free >= needed:
        return warning(name, f"{finding}: nearly full", remedy)
    return problem(name, f"{finding}; {needed / GB:.1f} GB are needed", remedy)


def _kinds_of_disk(machine: Machine, engine_disk: Disk | None, cache_disk: Disk | None) -> list[Check]:
    """Only what is wrong: the usual kinds need no row."""
    checks = []
    if engine_disk and engine_disk.kind in _IN_MEMORY:
        checks.append(
            _in_memory("kind of the engine's disk", engine_disk, 'another "data-root" in /etc/docker/daemon.json')
        )
    elif engine_disk and engine_disk.kind in _NOT_FOR_LAYERS:
        where = f"{engine_disk.path} is on {engine_disk.kind}"
        checks.append(
            warning(
                "kind of the engine's disk",
                f"{where}, which overlay2 cannot use: the engine falls back to slow full copies",
                'set "data-root" in /etc/docker/daemon.json to a folder on ext4, xfs or btrfs, then\n'
                + remedies.restart_engine(machine),
            )
        )
    if cache_disk and cache_disk.kind in _IN_MEMORY:
        instead = "a folder on a disk\n  export LABKIT_CACHE=FOLDER"
        checks.append(_in_memory("kind of the cache's disk", cache_disk, instead))
    return checks


def _in_memory(name: str, disk: Disk, instead: str) -> Check:
    finding = f"{disk.path} is on {disk.kind}: it takes memory and is lost at the next start"
    return warning(name, finding, f"choose {instead}\nthese are the disks\n  df -hT -x tmpfs -x devtmpfs")


def _inotify(machine: Machine) -> Check:
    name = "inotify limits"
    watches, instances = machine.inotify_watches, machine.inotify_instances
    look = "see them\n  sysctl fs.inotify.max_user_watches fs.inotify.max_user_instances"
    if watches is None or instances is None:
        return not_checked(name, "/proc/sys/fs/inotify cannot be read", look)
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
    if machine.jupyter_port_own:
        return ok(name, f"the lab's own JupyterLab has {port}")
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
        f'add them\n  export NO_PROXY="${{NO_PROXY:-$no_proxy}},{added}"\n  export no_proxy="$NO_PROXY"',
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
