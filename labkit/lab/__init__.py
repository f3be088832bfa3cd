"""The lab as one thing: engine, images and cluster, brought up, looked at and taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

__all__ = ["Lab"]

# A line that was typed for docker or kubectl waits for it only if it needs the cluster.
__getattr__ = imported_when_used(__name__, {"Lab": "lab"})
