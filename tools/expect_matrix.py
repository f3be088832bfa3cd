"""Measure the matrix and write it down as the expected one; look at the difference before you commit it."""

from __future__ import annotations

import sys

from labkit.lab.lab import Lab
from labkit.threat import expected
from labkit.threat.measure import measure

matrix = measure(Lab())
changed = [(cell, allowed) for cell, allowed in expected.unexpected(matrix)]
for cell, allowed in changed:
    print(f"{' '.join(cell.key)}: {cell.short} instead of {' or '.join(allowed) or 'nothing'}")
expected.FILE.write_text(expected.to_csv(matrix), encoding="utf-8")
print(f"{len(changed)} cells differ; written to {expected.FILE.name}", file=sys.stderr)
