"""The doctor's checks in one place: what `labkit doctor` imports. Each is listed in its own file.

PURE: facts are read in machine_facts.py and elsewhere.
"""

from labkit.lab.machine.checks_engine import check_engine
from labkit.lab.machine.checks_machine import check_machine
from labkit.lab.machine.checks_tools import (
    DockerCommand,
    Tool,
    check_build_tools,
    check_leftovers,
    check_registry,
    check_tools,
)
from labkit.lab.machine.engine_kind import engine_folder
from labkit.lab.machine.machine_check import HEADERS, Check, Status, rows, worst

__all__ = [
    "HEADERS",
    "Check",
    "DockerCommand",
    "Status",
    "Tool",
    "check_build_tools",
    "check_engine",
    "check_leftovers",
    "check_machine",
    "check_registry",
    "check_tools",
    "engine_folder",
    "rows",
    "worst",
]
