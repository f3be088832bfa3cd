"""What holds for every hostile file."""

from __future__ import annotations

import tests.properties  # noqa: F401
