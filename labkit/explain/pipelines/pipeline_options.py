"""What was asked of `labkit explain` for a pipeline, put together with what the configuration file says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from labkit.base.errors import Misuse
from labkit.core.image_reference import ImageReference
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.pipelines.explain_configuration import FILE_NAME, ExplainConfiguration, read_configuration
from labkit.explain.pipelines.findings import findings_of
from labkit.explain.pipelines.gate_levels import ALL, parse_levels
from labkit.explain.pipelines.gate_verdict import GateVerdict, judge_findings
from labkit.explain.pipelines.github_report import github_report
from labkit.explain.pipelines.image_lock import FILE_NAME as LOCK_NAME
from labkit.explain.pipelines.image_lock import ImageLock, read_lock, write_lock
from labkit.explain.pipelines.junit_report import junit_report
from labkit.explain.pipelines.known_findings import read_baseline, write_baseline
from labkit.explain.pipelines.report_entries import ReportEntry, entries_of, repository_root
from labkit.explain.pipelines.sarif_report import sarif_report
from labkit.explain.rows import Explanation, Explanations

GATE = "--gate"
AS_CONFIGURED = "configured"
"""What `--gate` alone stands for: the levels of the configuration file, or else all."""

_CONFIGURATION = Path(FILE_NAME)
_REPORTS: dict[str | None, Callable[[Sequence[ReportEntry], Sequence[Explanation], Path], str]] = {
    "sarif": lambda entries, _, root: sarif_report(entries, root),
    "junit": lambda entries, rows, _: junit_report(entries, rows),
    "github": lambda entries, _, root: github_report(entries, root),
}
_NO_CONFIGURATION = ExplainConfiguration()


@dataclass(frozen=True)
class PipelineOptions:
    """The options as they were given.

    Args:
        gate: levels with commas, `AS_CONFIGURED`, or None for no gate.
        config: the configuration file, None for that of the folder.
        baseline: file with what is known.
        write_baseline: file to write what is known into.
        report: json, sarif, junit or github; None for text.
        lock: whether to write the lock file.
        fix: whether to print a patch.

    Raises:
        Misuse: a baseline is named and no gate.
    """

    gate: str | None = None
    config: Path | None = None
    baseline: Path | None = None
    write_baseline: Path | None = None
    report: str | None = None
    lock: bool = False
    fix: bool = False

    def __post_init__(self) -> None:
        if self.baseline is not None and self.gate is None and self.write_baseline is None:
            raise Misuse("Reading --baseline", "only a gate fails on what is not in it", f"add {GATE}")

    @property
    def needs_verdict(self) -> bool:
        """Whether anything that was asked for has to do with a gate's verdict."""
        return self.gate is not None or self.write_baseline is not None or self.report in _REPORTS

    @cached_property
    def configuration(self) -> ExplainConfiguration:
        """What the configuration file says; nothing if there is none.

        Raises:
            Misuse: it cannot be read, or holds what is not known.
        """
        if self.config is None and not _CONFIGURATION.exists():
            return _NO_CONFIGURATION
        return read_configuration(self.config or _CONFIGURATION)

    def configured_users(self, given: Iterable[str]) -> dict[str, str]:
        """The users of images that the configuration says, but for those of images that are given by any spelling."""
        overridden = {ImageReference.parse(name).tagged() for name in given}
        configured = self.configuration.image_users.items()
        return {name: user for name, user in configured if ImageReference.parse(name).tagged() not in overridden}

    @property
    def lock_path(self) -> Path:
        """The lock file: beside the configuration file."""
        return (self.config or _CONFIGURATION).with_name(LOCK_NAME)

    def read_lock(self) -> ImageLock | None:
        """The images of the lock file; None if there is none, or if it is to be written.

        Raises:
            Misuse: it cannot be read, or is of another version.
        """
        return read_lock(self.lock_path) if not self.lock and self.lock_path.exists() else None

    def write_lock(self, finder: ImageFinder) -> int:
        """Write down the images that were found.

        Returns:
            How many.
        """
        images = finder.known()
        write_lock(self.lock_path, images)
        return len(images)

    def judge(self, explained: Explanations) -> GateVerdict:
        """What the gate makes of the answers; the baseline is written if it is to be.

        Raises:
            Misuse: a level does not exist, or the baseline cannot be read.
        """
        shut_by = self.configuration.gate if self.configuration.gate is not None else ALL
        if self.gate is not None and self.gate != AS_CONFIGURED:
            shut_by = parse_levels(self.gate.split(","), GATE)
        baseline = read_baseline(self.baseline) if self.baseline is not None else None
        findings = findings_of(explained)
        verdict = judge_findings(findings, explained.rows, shut_by, self.configuration.exceptions, baseline)
        if self.write_baseline is not None:
            write_baseline(self.write_baseline, verdict.of("shuts", "known"))
        return verdict

    def printed_report(self, explained: Explanations, verdict: GateVerdict) -> str | None:
        """The report in the form that was asked for; None for text and for JSON of the answers themselves."""
        if self.report not in _REPORTS:
            return None
        return _REPORTS[self.report](entries_of(verdict), explained.rows, repository_root(Path.cwd()))
