"""PURE. The system and what it runs on, judged: for this machine and for one that the engine has for itself."""

from __future__ import annotations

from packaging.version import Version

from labkit.adapters.program_versions import version_in
from labkit.lab.machine import remedies
from labkit.lab.machine.machine_check import Check, not_checked, ok, problem, warning
from labkit.lab.machine.machine_facts import Machine

GIB = 1024**3

MEMORY_WANTED = 4 * GIB
MEMORY_NEEDED = 1700 * 1024**2
"""kubeadm's own minimum for a control plane (kubernetes:cmd/kubeadm/app/constants/constants.go, ControlPlaneMem)."""

OLDEST_KERNEL = Version("4.19")
"""kubernetes/system-validators:validators/types_unix.go, as of Kubernetes 1.32."""

IDMAPPED_KERNEL = Version("6.3")
"""From here on a pod with `hostUsers: false` works with tmpfs volumes (kubernetes.io: user namespaces)."""

_ARCHITECTURES = {"x86_64", "amd64", "aarch64", "arm64"}


def system_check(machine: Machine) -> Check:
    """Whether it is a system that the lab runs on; WSL is named."""
    name = "system"
    shown = machine.os_release.get("PRETTY_NAME") or machine.system
    if machine.system not in ("Linux", "Darwin"):
        return problem(name, f"{shown}: neither Linux nor macOS", "on Windows use WSL; in PowerShell\n  wsl --install")
    if not machine.is_wsl:
        return ok(name, "macOS" if machine.system == "Darwin" else shown)
    if "wsl2" not in machine.kernel.lower() and (version_in(machine.kernel) or Version("5.0")) < OLDEST_KERNEL:
        return problem(
            name,
            f"{shown} under WSL 1, which has no Linux kernel of its own",
            "in Windows' PowerShell, with the name that the first shows\n  wsl --list\n  wsl --set-version NAME 2",
        )
    return ok(name, f"{shown} under WSL 2")


def architecture_check(name: str, architecture: str) -> Check:
    """Whether there are images and programs for a processor."""
    if architecture in _ARCHITECTURES:
        return ok(name, architecture)
    if not architecture:
        return not_checked(name, "not known", "see it\n  uname -m")
    finding = f"{architecture}: nothing of the lab is built for it"
    return problem(name, finding, "use a machine that says x86_64 or aarch64 to\n  uname -m")


def kernel_check(name: str, release: str, machine: Machine) -> Check:
    """Whether a Linux kernel is young enough.

    Args:
        name: of the check.
        release: the kernel's.
        machine: the machine that the person sits at, for the remedy.
    """
    parsed = version_in(release)
    if parsed is None:
        return not_checked(name, f"it calls itself {release!r}", "see it\n  uname -r")
    if parsed < OLDEST_KERNEL:
        return problem(name, f"{release}; Kubernetes needs {OLDEST_KERNEL} or later", remedies.newer_kernel(machine))
    if parsed < IDMAPPED_KERNEL:
        return warning(
            name,
            f"{release}: pods with user namespaces (hostUsers: false) need {IDMAPPED_KERNEL} or later; all else works",
            remedies.newer_kernel(machine),
        )
    return ok(name, release)


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
        return problem(
            name, f"{shown}; a control plane needs {MEMORY_NEEDED / GIB:.1f} GiB", remedies.more_memory(machine)
        )
    # A machine sold with 4 GiB shows a little less: the kernel keeps some for itself.
    enough = total >= MEMORY_WANTED * 0.9 and (available is None or available >= MEMORY_WANTED / 2)
    wanted = f"{shown}; {MEMORY_WANTED // GIB} GiB are expected, half of them available"
    return ok(name, shown) if enough else warning(name, wanted, remedies.more_memory(machine))
