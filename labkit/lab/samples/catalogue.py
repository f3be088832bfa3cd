"""The catalogue of sample images: one folder each, with its recipe and its contract."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from labkit.base.errors import LabFailed, Misuse, did_you_mean
from labkit.lab.samples.contract import Contract

_KEYS = {"summary", "upstream", "bases", "app", "rootfs", "note", "recorded", "contract"}


@dataclass(frozen=True)
class Recipe:
    """One sample image.

    Args:
        name: the folder's name.
        summary: one line.
        folder: where its recipe lies.
        upstream: the reference of the real image; None where the kit's own recipe serves with either source.
        bases: the catalogue's images that its Dockerfile builds on.
        app: whether the compiled sample program goes into its build context.
        rootfs: whether it is made from packages alone, without a Dockerfile.
        note: where a stand-in differs in what a learner could notice.
        recorded: the day on which the contract was taken from the image.
        contract: what it must show.
    """

    name: str
    summary: str
    folder: Path
    upstream: str | None
    bases: tuple[str, ...]
    app: bool
    rootfs: bool
    note: str
    recorded: date
    contract: Contract


def load_catalogue(folder: Path) -> dict[str, Recipe]:
    """Read the catalogue.

    Args:
        folder: the folder with one folder per image.

    Returns:
        Name -> recipe, every image after those that it builds on.

    Raises:
        LabFailed: a recipe makes no sense; the error names its file.
    """
    recipes = {file.parent.name: _read(file) for file in sorted(folder.glob("*/image.toml"))}
    ordered: dict[str, Recipe] = {}

    def add(name: str, needed_by: tuple[str, ...]) -> None:
        if name not in recipes or name in needed_by:
            wrong = "builds on itself" if name in needed_by else "is not in the catalogue"
            raise _broken(folder / needed_by[-1] / "image.toml", f"its base {name} {wrong}")
        for base in recipes[name].bases:
            add(base, (*needed_by, name))
        ordered.setdefault(name, recipes[name])

    for name in recipes:
        add(name, ())
    return ordered


def find(catalogue: Mapping[str, Recipe], name: str) -> Recipe:
    """A recipe by its name.

    Raises:
        Misuse: there is none; near names are in the remedy.
    """
    if name in catalogue:
        return catalogue[name]
    hint = did_you_mean(name, catalogue, "see what there is\n  labkit images", most=3, cutoff=0.5)
    raise Misuse(f"Looking for image {name!r}", "there is none of that name", hint)


def _read(file: Path) -> Recipe:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        if unknown := sorted(set(table) - _KEYS):
            raise ValueError(f"unknown keys {', '.join(unknown)}")
        return Recipe(
            name=file.parent.name,
            summary=table["summary"],
            folder=file.parent,
            upstream=table.get("upstream"),
            bases=tuple(table.get("bases", ())),
            app=bool(table.get("app", False)),
            rootfs=bool(table.get("rootfs", False)),
            note=table.get("note", ""),
            recorded=_day(table["recorded"]),
            contract=Contract.from_table(table["contract"]),
        )
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise _broken(file, f"{type(error).__name__}: {error}") from error


def _day(value: object) -> date:
    # A TOML date with a time is a date to Python too, and would be shown as one.
    if type(value) is not date:
        raise ValueError(f"recorded is {value!r}, not a day such as 2026-11-24")
    return value


def _broken(file: Path, why: str) -> LabFailed:
    return LabFailed(f"Reading {file}", why, f"restore it\n  git checkout -- {file}")
