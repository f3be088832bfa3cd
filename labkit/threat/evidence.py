"""What the probes saw, put in order: one cell for a probe in a posture at a place, all of them in a matrix. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict, cast

import msgspec

from labkit.threat.judge import Control, Judgement, ProbeAnswer, ProbeFacts, Verdict, judge
from labkit.threat.postures import CLUSTER, ENGINE, PLACES, PostureJson, find_posture
from labkit.threat.probes import PROBES

MARKS = ("mark-node", "make-cgroup")
"""The probes that leave something which can be seen from outside of the container."""

LOOK_SECONDS = 5.0
"""How long such a mark is looked for, while the container that reports it holds."""

Key = tuple[str, str, str]
"""Posture, probe, place."""

_COLUMNS = ("posture", "probe", "where", "verdict", "control", "reason", "call", "errno", "said", "outside")


class CellJson(TypedDict):
    """What came of a probe in a posture."""

    posture: str
    probe: str
    where: str
    verdict: str
    control: str | None
    reason: str
    evidence: dict[str, object]


class TrialJson(TypedDict):
    """A posture's container or pod, as it was started and seen."""

    posture: str
    where: str
    line: str
    facts: dict[str, object]


class MatrixJson(TypedDict):
    """All cells, as `labkit matrix --json` prints them."""

    made: dict[str, str]
    postures: list[PostureJson]
    probes: list[dict[str, str]]
    trials: list[TrialJson]
    cells: list[CellJson]


@dataclass(frozen=True)
class Cell:
    """A probe in a posture.

    Args:
        posture: its name.
        probe: its name.
        where: "engine" or "cluster".
        verdict: could, could not, or unknown.
        control: what stopped it, None if nothing did.
        reason: why, in a sentence.
        evidence: the call, its error, what came back; `outside` is whether a mark was seen from outside of the
            container, null where nobody could look.

    Raises:
        ValueError: there is no such place, or verdict and control do not go together.
    """

    posture: str
    probe: str
    where: str
    verdict: Verdict
    control: Control | None
    reason: str
    evidence: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.where not in PLACES:
            raise ValueError(f"where is {self.where!r}, engine or cluster is expected")
        if (self.verdict is Verdict.COULD_NOT) is (self.control is None):
            raise ValueError(f"a verdict {str(self.verdict)!r} with control {self.control!r} makes no sense")

    @property
    def key(self) -> Key:
        return self.posture, self.probe, self.where

    @property
    def short(self) -> str:
        """The verdict in a word: `could`, the control that stopped it, or `unknown`."""
        return str(self.control) if self.control else str(self.verdict)

    @property
    def full_verdict(self) -> str:
        """The verdict with its control: `could`, `could not: DAC`."""
        return f"{self.verdict}: {self.control}" if self.control else str(self.verdict)

    @classmethod
    def from_dict(cls, record: object) -> Cell:
        """A cell from the values of `to_dict`.

        Raises:
            ValueError: a field is missing or is of the wrong type, or there is no such verdict, control or place, or
                they do not go together.
        """
        return msgspec.convert(record, cls)

    def to_dict(self) -> CellJson:
        """As JSON-ready values."""
        return {
            "posture": self.posture,
            "probe": self.probe,
            "where": self.where,
            "verdict": str(self.verdict),
            "control": str(self.control) if self.control else None,
            "reason": self.reason,
            "evidence": dict(self.evidence),
        }


class UnexpectedVerdict(AssertionError):
    """A probe did not end as it was expected to."""

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the sentence is enough."""
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True, repr=False)
class Tried:
    """Some probes in one posture, as a notebook looks at them.

    Args:
        line: what one types for the same.
        cells: one for each probe.
    """

    line: str
    cells: Sequence[Cell]

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def __getitem__(self, probe: str) -> Cell:
        return next(cell for cell in self.cells if cell.probe == probe)

    def expect(self, *verdicts: str) -> Tried:
        """Assert how the probes ended, one word for each; returns itself.

        Args:
            verdicts: `could`, `unknown`, or the control that stopped it.

        Raises:
            UnexpectedVerdict: one ended otherwise.
        """
        if tuple(cell.short for cell in self.cells) != verdicts:
            raise UnexpectedVerdict(f"{', '.join(verdicts)} was expected; seen was\n{self}")
        return self

    def __str__(self) -> str:
        lines = (f"{cell.probe:<24}{cell.full_verdict:<26}{cell.reason}" for cell in self.cells)
        return "\n".join([f"$ {self.line}", *lines])

    __repr__ = __str__


@dataclass(frozen=True)
class ProbeOutput:
    """What the probe program printed before it ended or was stopped (cluster/probe/main.go).

    Args:
        facts: who it ran as, and under which of the kernel's controls.
        answers: what came of each probe, by the probe's name.
        is_whole: whether it came to its end.
    """

    facts: ProbeFacts
    answers: Mapping[str, ProbeAnswer]
    is_whole: bool


@dataclass(frozen=True)
class Trial:
    """A posture tried at a place.

    Args:
        posture: its name.
        where: "engine" or "cluster".
        line: what one types to start the posture itself, without the probes.
        facts: who ran the probes, and under which of the kernel's controls; empty if nothing ran.
        cells: one for each probe.
        seconds: from asking for the container to the last answer.
    """

    posture: str
    where: str
    line: str
    facts: ProbeFacts
    cells: Sequence[Cell]
    seconds: float = 0.0


@dataclass(frozen=True)
class Matrix:
    """All that was tried.

    Args:
        trials: in the order of the postures.
        made: when, and with which versions.
    """

    trials: Sequence[Trial]
    made: Mapping[str, str] = field(default_factory=dict)

    @property
    def cells(self) -> Iterator[Cell]:
        """All cells, posture by posture."""
        return (cell for trial in self.trials for cell in trial.cells)

    def cell(self, posture: str, probe: str, where: str) -> Cell | None:
        """One cell; None if that was not tried."""
        return next((cell for cell in self.cells if cell.key == (posture, probe, where)), None)

    def differences(self) -> list[tuple[Cell, Cell]]:
        """The cells in which the engine and the cluster differ for the same posture."""
        at_engine = {(cell.posture, cell.probe): cell for cell in self.cells if cell.where == ENGINE}
        others = (cell for cell in self.cells if cell.where == CLUSTER)
        pairs = ((at_engine[key], cell) for cell in others if (key := (cell.posture, cell.probe)) in at_engine)
        return [(here, there) for here, there in pairs if here.full_verdict != there.full_verdict]

    def to_dict(self) -> MatrixJson:
        """As JSON-ready values."""
        return {
            "made": dict(self.made),
            "postures": [
                find_posture(name).to_dict() for name in dict.fromkeys(trial.posture for trial in self.trials)
            ],
            "probes": [PROBES[name].to_dict() for name in dict.fromkeys(cell.probe for cell in self.cells)],
            "trials": [
                {"posture": trial.posture, "where": trial.where, "line": trial.line, "facts": dict(trial.facts)}
                for trial in self.trials
            ],
            "cells": [cell.to_dict() for cell in self.cells],
        }

    def to_csv(self) -> str:
        """One line for each cell, with a header."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for cell in self.cells:
            flat = {**cell.evidence, **cell.to_dict()}
            writer.writerow(["" if flat.get(name) is None else flat[name] for name in _COLUMNS])
        return text.getvalue()


def read_output(text: str) -> ProbeOutput:
    """Read the probe program's lines; any other line is skipped."""
    facts: ProbeFacts = {}
    answers: dict[str, ProbeAnswer] = {}
    is_whole = False
    for line in text.splitlines():
        try:
            record = msgspec.json.decode(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(record, dict):
            continue
        if isinstance(record.get("probe"), str):
            answers[record["probe"]] = cast(ProbeAnswer, record)
        elif record.get("end") is True:
            is_whole = True
        elif "cap_effective" in record:
            facts = cast(ProbeFacts, record)
    return ProbeOutput(facts, answers, is_whole)


def judged(
    posture: str,
    where: str,
    output: ProbeOutput,
    wanted: Sequence[str],
    ended: str,
    outside: Mapping[str, bool | None],
) -> list[Cell]:
    """The cells of a container that ran.

    Args:
        posture: its name.
        where: "engine" or "cluster".
        output: of the probe program.
        wanted: the probes that were asked for.
        ended: how the container ended, for a probe without an answer.
        outside: for each probe that leaves a mark, whether it was seen from outside; None where nobody could look.
    """
    cells = []
    for probe in wanted:
        answer = output.answers.get(probe, {"unknown": f"there is no answer: {ended}"})
        judgement = judge(answer, output.facts)
        # Whether a mark is seen from outside is not for the container to tell.
        evidence = {name: value for name, value in answer.items() if name not in ("probe", "outside")}
        if probe in outside:
            evidence["outside"] = outside[probe]
            if judgement.verdict is Verdict.COULD and outside[probe] is False:
                reason = "the container reports success, but from outside it is not seen"
                judgement = Judgement(Verdict.UNKNOWN, None, reason)
        cells.append(_cell(posture, probe, where, judgement, evidence))
    return cells


def all_alike(
    posture: str, where: str, wanted: Sequence[str], judgement: Judgement, evidence: Mapping[str, Any]
) -> list[Cell]:
    """The cells of a posture in which nothing ran: every probe ended for the same reason.

    Args:
        posture: its name.
        where: engine or cluster.
        wanted: the probes' names.
        judgement: the reason.
        evidence: what was seen, the same for all.
    """
    return [_cell(posture, probe, where, judgement, dict(evidence)) for probe in wanted]


def _cell(posture: str, probe: str, where: str, judgement: Judgement, evidence: Mapping[str, Any]) -> Cell:
    return Cell(posture, probe, where, judgement.verdict, judgement.control, judgement.reason, evidence)
