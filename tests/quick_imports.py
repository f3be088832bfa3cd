"""Imported before nbformat. jsonschema, which that imports, would compile a grammar of IRIs: one to two seconds.

No test and no notebook has an IRI.
"""

from __future__ import annotations

import sys

sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
