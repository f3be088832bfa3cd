"""What the probes saw, put in order: one cell for a probe in a posture at a place, all of them in a matrix. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from labkit.threat.judge import Control, Judgement, Verdict, judge
from labkit.threat.postures import CLUSTER, ENGINE, PLACES, find_posture
from labkit.threat.probes import PROBES

MARKS = ("mark-node", "make-cgroup")
"""The probes that leave something which can be seen from outside of the container."""

Key = tuple[str, str, str]
"""Posture, probe, place."""

_COLUMNS = ("posture", "probe", "where", "verdict", "control", "reason", "call", "errno", "said", "outside")


@dataclass(frozen=True)
class Cell:
    """A probe in a posture.

    Args:
        posture: its name.
        probe: its name.
        where: "engine" or "cluster".
        verdict: could, could not, or unknown.
        control: what said no, None if nothing did.
        reason: in words.
        evidence: the call, its error, what came back; `outside` tells whether a mark was seen from outside of the
            container, null where nobody could look.
    """

    posture: str
    probe: str
    where: str
    verdict: Verdict
    control: Control | None
    reason: str
    evidence: Mapping[str, Any]

    @property
    def key(self) -> Key:
        return self.posture, self.probe, self.where

    @property
    def short(self) -> str:
        """The verdict in a word: `could`, the control that said no, or `unknown`."""
        return str(self.control) if self.control else str(self.verdict)

    @property
    def said(self) -> str:
        """The verdict with its control: `could`, `could not: DAC`."""
        return f"{self.verdict}: {self.control}" if self.control else str(self.verdict)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Cell:
        """A cell from what `to_dict` gave.

        Raises:
            ValueError: its verdict, control or place is none.
        """
        if told["where"] not in PLACES:
            raise ValueError(f"where is {told['where']!r}, engine or cluster is wanted")
        verdict = Verdict(told["verdict"])
        control = Control(told["control"]) if told["control"] is not None else None
        if (verdict is Verdict.COULD_NOT) is (control is None):
            raise ValueError(f"a verdict {str(verdict)!r} with control {control!r} makes no sense")
        names = (str(told["posture"]), str(told["probe"]), str(told["where"]))
        return cls(*names, verdict, control, str(told["reason"]), dict(told["evidence"]))

    def to_dict(self) -> dict[str, Any]:
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
        line: what one would type for the posture.
        cells: one for each probe.
    """

    line: str
    cells: Sequence[Cell]

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    def __getitem__(self, probe: str) -> Cell:
        return next(cell for cell in self.cells if cell.probe == probe)

    def expect(self, *said: str) -> Tried:
        """Assert how the probes ended, one word for each; returns itself.

        Args:
            said: `could`, `unknown`, or the control that said no.

        Raises:
            UnexpectedVerdict: one ended otherwise.
        """
        seen = tuple(cell.short for cell in self.cells)
        if seen != said:
            raise UnexpectedVerdict(f"{', '.join(said)} was expected; seen was\n{self}")
        return self

    def __str__(self) -> str:
        lines = (f"{cell.probe:<24}{cell.said:<26}{cell.reason}" for cell in self.cells)
        return "\n".join([f"$ {self.line}", *lines])

    __repr__ = __str__


@dataclass(frozen=True)
class Said:
    """What the probe program said before it ended or was stopped (cluster/probe/main.go)."""

    facts: Mapping[str, Any]
    answers: Mapping[str, Mapping[str, Any]]
    is_whole: bool


@dataclass(frozen=True)
class Trial:
    """A posture tried at a place.

    Args:
        posture: its name.
        where: "engine" or "cluster".
        line: what one would type.
        facts: who ran the probes, and under which of the kernel's controls; empty if nothing ran.
        cells: one for each probe.
        seconds: from asking for the container to the last answer.
    """

    posture: str
    where: str
    line: str
    facts: Mapping[str, Any]
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
        return [(one, other) for one, other in pairs if one.said != other.said]

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "made": dict(self.made),
            "postures": [find_posture(name).to_dict() for name in dict.fromkeys(one.posture for one in self.trials)],
            "probes": [PROBES[name].to_dict() for name in dict.fromkeys(one.probe for one in self.cells)],
            "trials": [
                {"posture": one.posture, "where": one.where, "line": one.line, "facts": dict(one.facts)}
                for one in self.trials
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


def read_said(output: str) -> Said:
    """Read the probe program's lines; what is not one of its lines is passed over."""
    facts: Mapping[str, Any] = {}
    answers: dict[str, Mapping[str, Any]] = {}
    is_whole = False
    for line in output.splitlines():
        try:
            one = json.loads(line)
        except ValueError:
            continue
        if not isinstance(one, dict):
            continue
        if isinstance(one.get("probe"), str):
            answers[one["probe"]] = one
        elif one.get("end") is True:
            is_whole = True
        elif "cap_effective" in one:
            facts = one
    return Said(facts, answers, is_whole)


def judged(
    posture: str, where: str, said: Said, wanted: Sequence[str], ended: str, outside: Mapping[str, bool | None]
) -> list[Cell]:
    """The cells of a container that ran.

    Args:
        posture: its name.
        where: "engine" or "cluster".
        said: what the probe program said.
        wanted: the probes that were asked for.
        ended: how the container ended, for a probe without an answer.
        outside: for each probe that leaves a mark, whether it was seen from outside; None where nobody could look.
    """
    cells = []
    for probe in wanted:
        answer = said.answers.get(probe, {"unknown": f"there is no answer: {ended}"})
        found = judge(answer, said.facts)
        evidence = {name: value for name, value in answer.items() if name != "probe"}
        if probe in outside:
            evidence["outside"] = outside[probe]
            if found.verdict is Verdict.COULD and outside[probe] is False:
                found = Judgement(Verdict.UNKNOWN, None, "the container says so, but from outside it is not seen")
        cells.append(Cell(posture, probe, where, found.verdict, found.control, found.reason, evidence))
    return cells


def all_alike(
    posture: str, where: str, wanted: Sequence[str], found: Judgement, evidence: Mapping[str, Any]
) -> list[Cell]:
    """The cells of a posture in which nothing ran: every probe ended for the same reason."""
    return [Cell(posture, probe, where, found.verdict, found.control, found.reason, dict(evidence)) for probe in wanted]
