"""The rules that need nothing but Python: identities, pods, causes. Nothing here does I/O."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def imported_when_used(package: str, modules: Mapping[str, str]) -> Callable[[str], object]:
    """A package's __getattr__ that imports what the package offers when it is first used (PEP 562).

    Args:
        package: its __name__.
        modules: the module in it that has a name, by that name.
    """

    def find(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return find
