"""Findings as GitHub Actions' workflow commands, which become annotations of a pull request.

Source: actions/toolkit:packages/core/src/command.ts (escapeData, escapeProperty).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from labkit.explain.pipelines.report_entries import ReportEntry, path_inside

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def github_report(entries: Sequence[ReportEntry], root: Path) -> str:
    """A line for each finding; empty if there is none.

    Args:
        entries: what was found.
        root: of the repository: an annotation of a file that lies outside is shown without a place.
    """
    return "\n".join(_command(entry, root) for entry in entries)


def _command(entry: ReportEntry, root: Path) -> str:
    properties = {"title": entry.finding.rule}
    inside = path_inside(entry.file, root) if entry.file is not None else None
    message = entry.finding.text + (f" ({entry.excuse})" if entry.excuse is not None else "")
    if inside is not None:
        properties["file"] = inside
        if entry.position is not None:
            properties |= {"line": str(entry.position.line), "col": str(entry.position.column)}
    elif entry.file is not None:
        message = f"{entry.file}: {message}"
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{_COMMANDS[entry.level]} {listed}::{_data(message)}"


def _data(text: str) -> str:
    """As the last part of a command: a line break in it would begin another command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
