"""PURE. What a check found: ok, or not and then what to do about it; and all of them as rows and as an exit status."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from labkit.base.errors import MachineLacks

Status = Literal["ok", "warning", "problem", "not checked"]

HEADERS = ["check", "status", "found", "what to do"]
"""What the columns of `rows` hold."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        name: what was looked at.
        status: `problem` keeps the lab from running, with `warning` a part of it may not work.
        finding: what is there.
        remedy: what to do, commands on lines of their own; None if and only if all is well.
        by_kit: whether bringing the lab up does that by itself.
    """

    name: str
    status: Status
    finding: str
    remedy: str | None = None
    by_kit: bool = False

    def __post_init__(self) -> None:
        if (self.status == "ok") != (self.remedy is None):
            raise ValueError(f"{self.name}: a remedy is for what is not ok, and for all of that")

    def error(self) -> MachineLacks:
        """The finding as an error, for what cannot go on with it."""
        return MachineLacks(f"Checking the {self.name}", self.finding, self.remedy or "")

    def to_dict(self) -> dict[str, str | None]:
        """As JSON has it."""
        return {"name": self.name, "status": self.status, "found": self.finding, "remedy": self.remedy}


def ok(name: str, finding: str) -> Check:
    """All is well."""
    return Check(name, "ok", finding)


def warning(name: str, finding: str, remedy: str) -> Check:
    """A part of the lab may not work."""
    return Check(name, "warning", finding, remedy)


def problem(name: str, finding: str, remedy: str) -> Check:
    """The lab cannot run."""
    return Check(name, "problem", finding, remedy)


def not_checked(name: str, why: str, remedy: str) -> Check:
    """A check that could not be made.

    Args:
        name: what was to be looked at.
        why: what was missing.
        remedy: how to look for oneself, or what makes the check possible.
    """
    return Check(name, "not checked", why, remedy)


def worst(checks: Iterable[Check]) -> int:
    """The exit status for a list of checks: 3 if the machine lacks something, else 0. A warning is no failure."""
    return MachineLacks.exit_status if any(check.status == "problem" for check in checks) else 0


def rows(checks: Iterable[Check]) -> list[list[str]]:
    """The checks as the rows of a table, under `HEADERS`."""
    return [[check.name, check.status, check.finding, check.remedy or ""] for check in checks]
