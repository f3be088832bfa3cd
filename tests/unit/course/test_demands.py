"""A check by demands: what is as it was given, what is missing, the first demand that is not met."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from labkit.course.judging.assessment import Assessment, CheckVerdict, not_right
from labkit.course.judging.demands import Demand, DemandCheck


@dataclass(frozen=True)
class _PaperAnswer:
    traits: frozenset[str] = frozenset()
    is_missing: bool = False
    asked: list[str] = field(default_factory=list)

    def missing(self) -> Assessment | None:
        return not_right("it is missing") if self.is_missing else None


def _demand(name: str) -> Demand[_PaperAnswer]:
    def unmet(paper: _PaperAnswer) -> str | None:
        paper.asked.append(name)
        return None if name in paper.traits else f"{name} was not seen"

    return Demand(name, f"be {name}", unmet)


def _check(paper: _PaperAnswer) -> Assessment:
    check = DemandCheck(
        look=lambda world, answer: paper,
        demands=(_demand("first"), _demand("second")),
        praise=lambda paper: f"{len(paper.traits)} traits",
        as_given=lambda paper: "nothing was done" if "given" in paper.traits else None,
    )
    world: Any = None
    return check(world, None)


_WHOLE = _PaperAnswer(frozenset({"first", "second"}))


def test_all_demands_met_is_passed_with_what_was_seen() -> None:
    assert _check(_WHOLE) == Assessment(CheckVerdict.PASSED, "2 traits")


def test_the_first_demand_that_is_not_met_gives_the_diagnosis() -> None:
    paper = _PaperAnswer()
    assert _check(paper) == Assessment(CheckVerdict.NOT_RIGHT, "first was not seen", "first")
    assert paper.asked == ["first"]
    assert _check(_PaperAnswer(frozenset({"first"}))).demand == "second"


def test_not_yet_is_for_what_is_as_it_was_given_alone() -> None:
    assert _check(_PaperAnswer(frozenset({"given"}))).verdict is CheckVerdict.NOT_YET


def test_what_is_missing_is_told_before_any_demand_is_looked_at() -> None:
    paper = _PaperAnswer(_WHOLE.traits, is_missing=True)
    assert _check(paper).message == "it is missing"
    assert paper.asked == []
