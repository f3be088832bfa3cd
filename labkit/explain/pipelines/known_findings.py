"""The baseline: findings that were there when a gate was put up, so that only new ones shut it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from labkit.base.errors import Misuse
from labkit.base.files import read_versioned, write_atomically
from labkit.explain.pipelines.findings import GateFinding

_VERSION = 1
_FIELDS = ("rule", "file", "kind", "namespace", "name", "container", "message")
_REMEDY = "write it again\n  labkit explain --write-baseline FILE ..."
_MODE = 0o644

Baseline = Counter[tuple[str, ...]]
"""How often each finding is known, by its identity."""


def write_baseline(path: Path, findings: Sequence[GateFinding]) -> int:
    """Write down findings as known.

    Returns:
        How many.
    """
    known = sorted(finding.identity for finding in findings if not finding.always)
    content = {"version": _VERSION, "findings": [dict(zip(_FIELDS, identity, strict=True)) for identity in known]}
    write_atomically(path, json.dumps(content, indent=2, ensure_ascii=True) + "\n", _MODE)
    return len(known)


def read_baseline(path: Path) -> Baseline:
    """Read known findings.

    Raises:
        Misuse: the file is not there, or is no baseline of this version.
    """
    doing = f"Reading baseline {path}"
    findings = read_versioned(path, doing, _VERSION, _REMEDY).get("findings")
    if not isinstance(findings, list) or not all(map(_is_finding, findings)):
        raise Misuse(doing, f"its findings are not objects with {', '.join(_FIELDS)}", _REMEDY)
    return Counter(tuple(finding[name] for name in _FIELDS) for finding in findings)


def _is_finding(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in _FIELDS)
