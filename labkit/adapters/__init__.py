"""The outside tools: one file or folder for each, and nothing else calls them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.core import imported_when_used

if TYPE_CHECKING:
    from labkit.adapters import podman

__all__ = ["podman"]

# Where Docker is chosen, `labkit explain` is over before one more module would be read.
__getattr__ = imported_when_used(__name__, {"podman": "podman"})
