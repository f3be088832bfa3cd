"""The catalogue of sample images: one folder each, with its recipe and its contract."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from labkit.base.errors import LabFailed, Misuse
from labkit.base.files import read_given_text
from labkit.base.resources import restoring
from labkit.lab.samples.contract import Contract
from labkit.lab.samples.image_facts import FileFact
from labkit.lab.samples.near_image import near_image


@dataclass(frozen=True, kw_only=True)
class _RecipeFile:
    """What an image.toml may hold, by its keys."""

    summary: str
    recorded: date
    contract: Contract
    upstream: str | None = None
    bases: tuple[str, ...] = ()
    app: bool = False
    rootfs: bool = False
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Recipe(_RecipeFile):
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
    folder: Path


class Catalogue(Mapping[str, Recipe]):
    """The recipes by name. Names come from the folders; a recipe is read when it is asked for, and none before.

    So a mistake in one recipe stops only what needs that image.

    Args:
        folder: the folder with one folder per image.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: tuple[str, ...] | None = None
        self._read: dict[str, Recipe] = {}

    def _all_names(self) -> tuple[str, ...]:
        if self._names is None:
            self._names = tuple(sorted(file.parent.name for file in self._folder.glob("*/image.toml")))
        return self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._all_names())

    def __len__(self) -> int:
        return len(self._all_names())

    def __contains__(self, name: object) -> bool:
        return name in self._all_names()

    def __getitem__(self, name: str) -> Recipe:
        """The recipe of a name.

        Raises:
            KeyError: there is no such image.
            LabFailed: the recipe cannot be read; the error names its file and the field.
        """
        if name not in self._all_names():
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = _read(self._folder / name / "image.toml")
        return self._read[name]


def bases_first(catalogue: Mapping[str, Recipe]) -> list[Recipe]:
    """Every recipe, after those that it builds on.

    Raises:
        LabFailed: a recipe cannot be read; the error names its file and the field.
    """
    ordered: dict[str, Recipe] = {}

    def add(name: str, needed_by: tuple[str, ...]) -> None:
        if name not in catalogue or name in needed_by:
            wrong = "builds on itself" if name in needed_by else "is not in the catalogue"
            raise _broken(catalogue[needed_by[-1]].folder / "image.toml", f"bases: {name} {wrong}")
        for base in catalogue[name].bases:
            add(base, (*needed_by, name))
        ordered.setdefault(name, catalogue[name])

    for name in catalogue:
        add(name, ())
    return list(ordered.values())


def find(catalogue: Mapping[str, Recipe], name: str) -> Recipe:
    """A recipe by its name.

    Raises:
        Misuse: it does not exist; similar names are in the remedy.
        LabFailed: the recipe cannot be read.
    """
    return catalogue[require_recipe(catalogue, name)]


def require_recipe(catalogue: Mapping[str, Recipe], name: str) -> str:
    """The name of an image, if the catalogue has it; its recipe is not read.

    Raises:
        Misuse: it does not exist; similar names are in the remedy.
    """
    if name in catalogue:
        return name
    hint = near_image(name, catalogue, "see what there is\n  labkit images", most=3)
    raise Misuse(f"Looking for image {name!r}", "there is no such image", hint)


def _read(file: Path) -> Recipe:
    import msgspec  # Up to a tenth of a second that most commands would wait for in vain.

    try:
        table = tomllib.loads(read_given_text(file))
        values = msgspec.convert(table, _RecipeFile, builtin_types=(date, datetime))
        _reject_unknown(table)
    except msgspec.ValidationError as error:
        # "Expected `str`, got `int` - at `$.contract.users[0]`"
        problem, _, path = str(error).partition(" - at `$")
        raise _broken(file, ": ".join(filter(None, [path.strip("`."), problem]))) from error
    except (ValueError, OSError, RecursionError) as error:
        raise _broken(file, str(error)) from error
    parts = {field.name: getattr(values, field.name) for field in fields(values)}
    return Recipe(name=file.parent.name, folder=file.parent, **parts)


def _reject_unknown(table: Mapping[str, Any]) -> None:
    """Refuse keys that nothing reads; msgspec does so for its own classes only."""
    contract = table["contract"]
    tables = [("", table, _RecipeFile), ("contract.", contract, Contract)]
    tables += [(f"contract.files.{path}.", facts, FileFact) for path, facts in contract.get("files", {}).items()]
    for prefix, keys, known in tables:
        if unknown := set(keys) - {field.name for field in fields(known)}:
            raise ValueError(f"{prefix}{min(unknown)}: there is no such key")


def _broken(file: Path, why: str) -> LabFailed:
    return LabFailed(f"Reading {file}", why, f"correct it, or restore it\n  {restoring(file)}")
