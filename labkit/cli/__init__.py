"""The `labkit` command: parsing and printing, and nothing else.

Each module adds its commands to the group of `frame`.
"""

from labkit.cli import course, images, lab, matrix, progress, publish, registry, shell
from labkit.cli.frame import main

__all__ = ["course", "images", "lab", "main", "matrix", "progress", "publish", "registry", "shell"]
