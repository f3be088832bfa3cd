"""Whether the API server lets an object in: decoding, validation, Pod Security. PURE.

What concerns Windows is imported when it is first used (PEP 562): next to no manifest has any of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labkit.core.admission.windows import host_process_errors, options_errors, system_errors

__all__ = ["host_process_errors", "options_errors", "system_errors"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.windows"), name)
