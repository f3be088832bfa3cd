"""What a gate makes of findings: which shut it, which are excused or known, and what else is to be said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from labkit.explain.pipelines.findings import EXCEPTION_INVALID, NOT_READ, Concern, GateFinding
from labkit.explain.pipelines.gate_exceptions import GateException, of_annotations
from labkit.explain.pipelines.known_findings import Baseline
from labkit.explain.rows import Explanation

Standing = Literal["shuts", "passes", "excused", "known"]


@dataclass(frozen=True)
class JudgedFinding:
    """A finding, and what a gate makes of it.

    Args:
        finding: what was found.
        standing: whether it shuts the gate, and if not, why.
        exception: what excuses it.
    """

    finding: GateFinding
    standing: Standing
    exception: GateException | None = None


@dataclass(frozen=True)
class GateVerdict:
    """What a gate makes of findings.

    Args:
        judged: each finding.
        unused: exceptions that excuse nothing.
        gone: how many findings the baseline knows that are no longer there.
    """

    judged: Sequence[JudgedFinding]
    unused: Sequence[GateException] = ()
    gone: int = 0

    @property
    def objections(self) -> list[GateFinding]:
        """What shuts the gate, besides what could not be read, which nothing excuses and which is said anyway."""
        return [finding for finding in self.of("shuts") if finding.rule != NOT_READ]

    def remarks(self, all_is_there: bool) -> list[str]:
        """What is excused or known, a line each.

        Args:
            all_is_there: whether the files are all that there are, and not those of a commit.
        """
        excused = [
            f"excused until {judged.exception.expires}: {judged.finding.text} ({judged.exception.reason})"
            for judged in self.judged
            if judged.exception is not None
        ]
        known = len(self.of("known"))
        lines = [*excused, *([f"accepted, because the baseline has them: {known}"] if known else [])]
        if all_is_there:
            lines += [f"{exception.where} excuses nothing: remove it" for exception in self.unused]
            lines += [f"no longer there: {self.gone} of the baseline; write it again"] if self.gone else []
        return lines

    def of(self, *standings: Standing) -> list[GateFinding]:
        """The findings of some standing."""
        return [judged.finding for judged in self.judged if judged.standing in standings]


def judge_findings(
    findings: Sequence[GateFinding],
    rows: Sequence[Explanation],
    shut_by: frozenset[Concern],
    exceptions: Sequence[GateException] = (),
    baseline: Baseline | None = None,
    today: date | None = None,
) -> GateVerdict:
    """Judge findings.

    Args:
        findings: what there is.
        rows: the containers, whose workloads may have exceptions as annotations.
        shut_by: what shuts the gate.
        exceptions: of the configuration.
        baseline: what is known.
        today: the day, by which exceptions expire.
    """
    today = today or date.today()
    annotated, invalid = of_annotations(rows, today)
    valid = [*(exception for exception in exceptions if not exception.has_expired(today)), *annotated]
    invalid += [_expired(exception) for exception in exceptions if exception.has_expired(today)]
    left, used = Baseline(baseline or {}), set()
    judged = []
    for finding in [*findings, *invalid]:
        exception = next((known for known in valid if known.covers(finding, shut_by)), None)
        standing: Standing = "shuts"
        if not finding.always and not finding.concerns & shut_by:
            standing, exception = "passes", None
        elif exception is not None:
            standing = "excused"
            used.add(id(exception))
        elif not finding.always and left[finding.identity] > 0:
            standing = "known"
            left[finding.identity] -= 1
        judged.append(JudgedFinding(finding, standing, exception))
    unused = [exception for exception in valid if id(exception) not in used]
    return GateVerdict(judged, unused, sum(left.values()))


def _expired(exception: GateException) -> GateFinding:
    message = f"{exception.where} expired on {exception.expires} ({exception.reason}): renew it, or remove it"
    return GateFinding(EXCEPTION_INVALID, frozenset(), message, always=True)
