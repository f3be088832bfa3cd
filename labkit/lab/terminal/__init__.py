"""What a terminal of the lab has: `docker` and `kubectl` that know the lab's names, and the lesson's namespace.

What makes a typed line ready is imported when it is first used (PEP 562): each such line is a program of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.lab.terminal.typed_docker import prepare_docker
    from labkit.lab.terminal.typed_kubectl import prepared_kubectl

__all__ = ["prepare_docker", "prepared_kubectl"]

__getattr__ = imported_when_used(__name__, {"prepare_docker": "typed_docker", "prepared_kubectl": "typed_kubectl"})
