"""PURE: who a process runs as, by the rules of the engine, the kubelet and the runtime.

What a pod for Linux does not need is imported when it is first used (PEP 562): most calls of `labkit explain` have
nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.core.identity.docker_run import explain_in_engine
    from labkit.core.identity.identity_cases import (
        CONTAINER_FIELDS,
        POD_FIELDS,
        MalformedCase,
        answer_lines,
        read_settings,
    )
    from labkit.core.identity.windows_rules import ADMINISTRATOR, explain_on_windows

__all__ = [
    "ADMINISTRATOR",
    "CONTAINER_FIELDS",
    "POD_FIELDS",
    "MalformedCase",
    "answer_lines",
    "explain_in_engine",
    "explain_on_windows",
    "read_settings",
]

__getattr__ = imported_when_used(
    __name__,
    {
        "ADMINISTRATOR": "windows_rules",
        "CONTAINER_FIELDS": "identity_cases",
        "POD_FIELDS": "identity_cases",
        "MalformedCase": "identity_cases",
        "answer_lines": "identity_cases",
        "explain_in_engine": "docker_run",
        "explain_on_windows": "windows_rules",
        "read_settings": "identity_cases",
    },
)
