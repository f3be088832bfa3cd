"""The platform that an image is built for, as docker's --platform names it: linux/amd64, linux/arm/v7.

Source: containerd/platforms:platforms.go (Parse, normalizeOS) and database.go (normalizeArch). Architectures have the
names that images use: opencontainers/image-spec:config.md, from Go's GOARCH.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from dataclasses import dataclass

_PART = re.compile(r"[A-Za-z0-9_.-]+")
_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "armv6l": "arm", "i686": "386", "i386": "386"}
# The variant that is meant by none: containerd/platforms:database.go, normalizeArch.
_USUAL_VARIANTS = {"arm64": "v8", "arm": "v7", "amd64": "v1"}


@dataclass(frozen=True, slots=True)
class ImagePlatform:
    """What an image runs on.

    Args:
        system: linux or windows.
        architecture: as Go names it, such as amd64.
        variant: of the architecture, such as v7; empty for the usual one.
    """

    system: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> ImagePlatform | None:
        """Read os/arch[/variant]; None if it is nothing such."""
        parts = text.lower().split("/")
        if not 2 <= len(parts) <= 3 or not all(_PART.fullmatch(part) for part in parts):
            return None
        architecture, variant = _ARCHITECTURES.get(parts[1], (parts[1], ""))
        variant = parts[2] if len(parts) == 3 else variant
        return cls(parts[0], architecture, "" if variant == _USUAL_VARIANTS.get(architecture) else variant)

    @property
    def pair(self) -> tuple[str, str]:
        """System and architecture."""
        return self.system, self.architecture

    def choose(self, offered: Iterable[ImagePlatform]) -> int | None:
        """Which of several images runs here: the usual variant before others, and of those the newest older one.

        Returns:
            Its index; None if none does.
        """
        fitting = [
            (_variant_number(platform), -index)
            for index, platform in enumerate(offered)
            if (platform.system, platform.architecture) == (self.system, self.architecture)
            and _variant_number(platform) <= _variant_number(self)
        ]
        return -max(fitting)[1] if fitting else None

    def __str__(self) -> str:
        return "/".join(filter(None, (self.system, self.architecture, self.variant)))


def _variant_number(platform: ImagePlatform) -> int:
    variant = platform.variant or _USUAL_VARIANTS.get(platform.architecture, "v0")
    digits = variant.removeprefix("v").partition(".")[0]
    return int(digits) if digits.isdecimal() and len(digits) < 4 else 0


def image_architecture(machine: str | None = None) -> str:
    """The name that images have for a machine's architecture.

    Args:
        machine: as `uname -m` gives it; None for this machine.
    """
    machine = (machine or platform.machine()).lower()
    return _MACHINES.get(machine, machine)
