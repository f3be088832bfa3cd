"""All faults, written down by being imported, in the order of docs/faults.md."""

from __future__ import annotations

from tests.faults import file_faults, kit_faults, machine_faults, network_faults

__all__ = ["file_faults", "kit_faults", "machine_faults", "network_faults"]
