"""The rules that need nothing but Python: identities, pods, causes. Nothing here does I/O."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.core.image_platform import ImagePlatform, image_architecture
    from labkit.core.image_reference import full_name

__all__ = ["ImagePlatform", "full_name", "image_architecture", "imported_when_used"]


def imported_when_used(offering: str, modules: Mapping[str, str], package: str = "") -> Callable[[str], object]:
    """A __getattr__ that imports what a package or module offers when it is first used (PEP 562).

    Args:
        offering: the __name__ of the package or module.
        modules: the module that has a name, by that name; its own name for a module itself.
        package: in which those modules are, if that is not `offering` itself.
    """

    def find(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {offering!r} has no attribute {name!r}")
        module = import_module(f"{package or offering}.{modules[name]}")
        value = module if modules[name] == name else getattr(module, name)
        setattr(sys.modules[offering], name, value)
        return value

    return find


__getattr__ = imported_when_used(
    __name__,
    {"ImagePlatform": "image_platform", "image_architecture": "image_platform", "full_name": "image_reference"},
)
