"""Findings as SARIF 2.1.0, for code scanning.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0 Plus Errata 01, 3.13 to 3.49.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from labkit.explain.pipelines.findings import RULES
from labkit.explain.pipelines.report_entries import ReportEntry, path_inside, uri_outside

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"


def sarif_report(entries: Sequence[ReportEntry], root: Path) -> str:
    """A SARIF log with one run.

    Args:
        entries: what was found.
        root: of the repository: files in it are named from there, others by their address.
    """
    ids = sorted({entry.finding.rule for entry in entries})
    rules = [{"id": rule, "shortDescription": {"text": RULES[rule]}} for rule in ids]
    run = {
        "tool": {"driver": {"name": "labkit explain", "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(entry, ids.index(entry.finding.rule), root) for entry in entries],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(entry: ReportEntry, rule_index: int, root: Path) -> dict[str, object]:
    identity = hashlib.sha256("\0".join(entry.finding.identity).encode("utf-8", "replace")).hexdigest()
    result: dict[str, object] = {
        "ruleId": entry.finding.rule,
        "ruleIndex": rule_index,
        "level": entry.level,
        "message": {"text": entry.finding.text},
        "partialFingerprints": {"labkitExplain/v1": identity},
    }
    if (location := _location(entry, root)) is not None:
        result["locations"] = [location]
    if entry.judged.standing == "known":
        result["baselineState"] = "unchanged"
    if entry.excuse is not None:
        in_source = entry.judged.exception is not None and entry.judged.exception.is_annotation
        result["suppressions"] = [{"kind": "inSource" if in_source else "external", "justification": entry.excuse}]
    return result


def _location(entry: ReportEntry, root: Path) -> dict[str, object] | None:
    location: dict[str, object] = {}
    if entry.file is not None:
        inside = path_inside(entry.file, root)
        artifact = (
            {"uri": quote(inside), "uriBaseId": _ROOT} if inside is not None else {"uri": uri_outside(entry.file)}
        )
        region = {}
        if entry.position is not None:
            region = {"region": {"startLine": entry.position.line, "startColumn": entry.position.column}}
        location["physicalLocation"] = {"artifactLocation": artifact, **region}
    if (row := entry.finding.row) is not None:
        name = "/".join((row.namespace, row.kind, row.name, row.container))
        location["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "resource"}]
    return location or None
