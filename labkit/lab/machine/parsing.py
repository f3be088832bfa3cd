"""PURE. From the text of the kernel's and the system's files to facts.

None of these functions raises for any text: what cannot be read is left out or None.
"""

from __future__ import annotations

import re
from typing import Literal

from packaging.version import Version

CgroupVersion = Literal["v1", "v2", "hybrid"]
Membership = Literal["yes", "after login", "no", "no such group"]


# By number, as in linux:include/uapi/linux/capability.h.
_CAPABILITY_NAMES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT "
    "SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP "
    "MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
_CAPABILITIES = tuple(_CAPABILITY_NAMES.split())


def can_speak_to(kubectl: Version, cluster: Version) -> bool:
    """Whether Kubernetes supports this kubectl for that cluster: one minor older or newer.

    The rule is its version skew policy (kubernetes.io/releases/version-skew-policy/#kubectl).
    """
    return kubectl.major == cluster.major and abs(kubectl.minor - cluster.minor) <= 1


def meminfo(text: str) -> dict[str, int]:
    """The sizes in /proc/meminfo, in bytes."""
    sizes = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"(\S+):\s*([0-9]{1,18})\s*kB\s*", line):
            sizes[match[1]] = int(match[2]) * 1024
    return sizes


def whole_number(text: str | None) -> int | None:
    """The number that a file below /proc/sys holds."""
    digits = (text or "").strip()
    return int(digits) if re.fullmatch(r"[0-9]{1,20}", digits) else None


def missing_capabilities(status: str, last: int | None) -> tuple[str, ...] | None:
    """What the capability bounding set lacks, by name.

    Args:
        status: the text of /proc/self/status.
        last: the number of the kernel's last capability (/proc/sys/kernel/cap_last_cap).

    Returns:
        The names, empty if the set is whole; None if the text does not have it.
    """
    match = re.search(r"^CapBnd:\s*([0-9a-fA-F]{1,16})\s*$", status, re.MULTILINE)
    if match is None or last is None or last > 63:
        return None
    bounding = int(match[1], 16)
    return tuple(_capability(number) for number in range(last + 1) if not bounding >> number & 1)


def _capability(number: int) -> str:
    return f"CAP_{_CAPABILITIES[number]}" if number < len(_CAPABILITIES) else f"capability {number}"


def mounts(mountinfo: str) -> list[tuple[str, str]]:
    """Mount point and kind of file system of each line of a mountinfo file (proc_pid_mountinfo(5))."""
    mounted = []
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if dash and len(fields) >= 6 and after:
            point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
            mounted.append((point, after.split(" ")[0]))
    return mounted


def file_system_of(path: str, mountinfo: str) -> str | None:
    """The kind of file system that an absolute path lies on; of two mounts on one point the later one counts."""
    best: tuple[int, str] | None = None
    for point, kind in mounts(mountinfo):
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and (best is None or len(point) >= best[0]):
            best = (len(point), kind)
    return best[1] if best else None


def cgroup_version(mountinfo: str) -> CgroupVersion | None:
    """Which cgroup hierarchies are mounted where everyone looks for them.

    `hybrid` is version 1 with a version 2 tree beside it that has no controllers: it behaves as version 1.
    """
    mounted = mounts(mountinfo)
    if ("/sys/fs/cgroup", "cgroup2") in mounted:
        return "v2"
    kinds = {kind for point, kind in mounted if point.startswith("/sys/fs/cgroup/")}
    if "cgroup" not in kinds:
        return None
    return "hybrid" if "cgroup2" in kinds else "v1"


def membership(group_file: str, group: str, user: str, active: frozenset[int]) -> Membership:
    """Whether a user is in a group, and whether this process knows it yet.

    Args:
        group_file: the text of /etc/group.
        group: the group's name.
        user: the user's name.
        active: the numbers of the groups that this process runs with.
    """
    for line in group_file.splitlines():
        fields = line.split(":")
        if len(fields) < 4 or fields[0] != group:
            continue
        if whole_number(fields[2]) in active:
            return "yes"
        return "after login" if user in fields[3].split(",") else "no"
    return "no such group"


def without_credentials(url: str) -> str:
    """A proxy's address with `user:password@` taken out, so that it can be shown."""
    before, at, after = url.rpartition("@")
    if not at:
        return url
    # A password may hold anything, "://" and "@" too: only what can be nothing but a scheme is kept.
    scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", before)
    return f"{scheme[0] if scheme else ''}***@{after}"
