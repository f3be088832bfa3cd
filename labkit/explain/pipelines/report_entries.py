"""The lines of a report: each finding with the file and the place in it where one would change something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from os.path import normpath
from pathlib import Path

from labkit.base.files import read_given
from labkit.explain.manifests.documents import decode
from labkit.explain.pipelines.findings import GateFinding
from labkit.explain.pipelines.gate_verdict import GateVerdict, JudgedFinding
from labkit.explain.pipelines.setting_positions import Position, position_in_message, position_of

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class ReportEntry:
    """A finding in a report.

    Args:
        judged: the finding, and what a gate makes of it.
        file: as it was named; None for standard input and for an image that was named.
        position: in the file, None if it is not known.
    """

    judged: JudgedFinding
    file: str | None
    position: Position | None = None

    @property
    def finding(self) -> GateFinding:
        """The finding."""
        return self.judged.finding

    @property
    def level(self) -> str:
        """SARIF's word: error for what shuts a gate, warning for what is excused or known, note for what passes."""
        return {"shuts": "error", "passes": "note"}.get(self.judged.standing, "warning")

    @property
    def excuse(self) -> str | None:
        """Why it does not shut the gate although it is minded, None if there is nothing to say."""
        if self.judged.exception is not None:
            return f"until {self.judged.exception.expires}: {self.judged.exception.reason}"
        return "known from the baseline" if self.judged.standing == "known" else None


def entries_of(verdict: GateVerdict) -> list[ReportEntry]:
    """An entry for each finding; each file is read once."""
    read = cache(_read)
    return [_entry(judged, read) for judged in verdict.judged]


def repository_root(folder: Path) -> Path:
    """The root of the repository that a folder is in, the folder itself if it is in none."""
    return next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)


def path_inside(file: str, root: Path) -> str | None:
    """A file's path from a repository's root, with slashes; None if it lies outside. Links are not followed."""
    absolute = _absolute(file)
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else None


def uri_outside(file: str) -> str:
    """A file's address, for one that lies outside of the repository."""
    return _absolute(file).as_uri()


def _absolute(file: str) -> Path:
    return Path(normpath(Path.cwd() / file))


def _entry(judged: JudgedFinding, read: Callable[[str], str | None]) -> ReportEntry:
    finding = judged.finding
    if finding.row is None:
        file = _named_at_the_beginning(finding.message)
        return ReportEntry(judged, file, position_in_message(finding.message) if file is not None else None)
    file = finding.row.file
    if file is None or file == STANDARD_INPUT:
        return ReportEntry(judged, None)
    text = read(file)
    return ReportEntry(judged, file, position_of(text, finding.row) if text is not None else None)


def _named_at_the_beginning(message: str) -> str | None:
    """The file that a message begins with."""
    name, colon, _ = message.partition(": ")
    try:
        return name if colon and Path(name).exists() else None
    except (OSError, ValueError):  # It is no name that a file can have.
        return None


def _read(file: str) -> str | None:
    try:
        return decode(read_given(Path(file)))
    except (OSError, ValueError):
        return None
