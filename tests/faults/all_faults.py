"""All faults, written down by being imported, in the order of docs/faults.md."""

from __future__ import annotations

from tests.faults import (
    cluster_faults,
    command_faults,
    engine_faults,
    file_faults,
    kit_faults,
    lesson_faults,
    machine_faults,
    network_faults,
    node_faults,
)

__all__ = [
    "cluster_faults",
    "command_faults",
    "engine_faults",
    "file_faults",
    "kit_faults",
    "lesson_faults",
    "machine_faults",
    "network_faults",
    "node_faults",
]
