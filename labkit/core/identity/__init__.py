"""PURE: who a process runs as, by the rules of the engine, the kubelet and the runtime.

What concerns Windows is imported when it is first used (PEP 562): next to no container is for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.core.identity.windows_rules import explain_on_windows

__all__ = ["explain_on_windows"]

__getattr__ = imported_when_used(__name__, {"explain_on_windows": "windows_rules"})
