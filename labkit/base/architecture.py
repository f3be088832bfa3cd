"""Architectures by the names that images use (opencontainers/image-spec:config.md, from Go's GOARCH)."""

from __future__ import annotations

import platform

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386", "i386": "386"}


def image_architecture(machine: str | None = None) -> str:
    """The name that images have for a machine's architecture.

    Args:
        machine: as `uname -m` gives it; None for this machine.
    """
    machine = (machine or platform.machine()).lower()
    return _MACHINES.get(machine, machine)
