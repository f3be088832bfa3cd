"""The doctor's problems, before anything takes minutes; its warnings, when all is done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from labkit.adapters.engine import EngineUnreachable
from labkit.base.errors import LabError, MachineLacks
from labkit.lab.bringup.early_compile import is_wanted
from labkit.lab.bundles.find_bundle import find_bundles
from labkit.lab.doctor import examine
from labkit.lab.lab import Lab
from labkit.lab.machine.checks import Check
from labkit.lab.samples.sources import Source, asked_source


def problems_first(lab: Lab, source: str | None = None, bundle: Path | None = None) -> list[Check]:
    """Stop where the lab cannot be made, unless it is up.

    What bringing the lab up does by itself, such as starting the engine, is no reason to stop.

    Args:
        lab: that is about to be brought up.
        source: where images should come from, if that was asked for.
        bundle: a bundle that was named.

    Returns:
        What may not work, to be told at the end (`tell_warnings`).

    Raises:
        MachineLacks: the doctor's problems, all of them.
    """
    if lab.is_nearly_up():
        return []
    try:
        checks = examine(lab, stand_ins=_will_build(lab, source), bundled=_has_bundle(bundle))
    except LabError:
        return []  # Whatever it is, bringing the lab up meets it, too.
    problems = [check for check in checks if check.status == "problem" and not check.by_kit]
    if len(problems) == 1:
        raise problems[0].error()
    if problems:
        listed = "".join(f"\n{check.name}: {check.finding}" for check in problems)
        remedies = "\n".join(f"for the {check.name}, {check.remedy}" for check in problems)
        raise MachineLacks(
            "Checking this machine, before anything is made", f"{len(problems)} problems{listed}", remedies
        )
    return [check for check in checks if check.status == "warning"]


def tell_warnings(checks: Sequence[Check]) -> None:
    """Say in a line each what may not work.

    Args:
        checks: the doctor's warnings.
    """
    for check in checks:
        click.echo(f"warning: {check.name}: {check.finding}", err=True)
    if checks:
        click.echo("what to do about it: labkit doctor", err=True)


def _will_build(lab: Lab, source: str | None) -> bool | None:
    """Whether the embedded default will be built, as far as that is known without the engine; None to ask it."""
    if asked := asked_source(source):
        return asked == Source.STAND_IN
    try:
        lab.engine()
    except EngineUnreachable as error:
        # One that the kit is to start or add; where another was chosen, its answer is awaited first.
        return None if error.elsewhere else is_wanted(os.environ)
    return None


def _has_bundle(bundle: Path | None) -> bool:
    return bool(bundle or os.environ.get("LABKIT_BUNDLE") or find_bundles(lambda _: None))
