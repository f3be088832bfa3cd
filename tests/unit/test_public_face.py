"""What `import labkit` gives a notebook stays what it is, whatever of the kit is imported later."""

from __future__ import annotations

import subprocess
import sys

import labkit

_IMPORT_EVERYTHING = """
import importlib, pkgutil
import labkit
for module in pkgutil.walk_packages(labkit.__path__, "labkit."):
    if module.name != "labkit.__main__":
        importlib.import_module(module.name)
print(*[name for name in labkit.__all__ if type(getattr(labkit, name)).__name__ == "module"])
"""


def test_no_folder_of_the_kit_takes_the_place_of_what_a_notebook_calls() -> None:
    # In a process of its own: a folder takes the place when it is first imported.
    finished = subprocess.run(
        [sys.executable, "-c", _IMPORT_EVERYTHING], capture_output=True, text=True, timeout=60, check=True
    )
    assert finished.stdout.split() == []
    assert callable(labkit.explain)
