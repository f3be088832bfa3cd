"""What is imported is declared in pyproject.toml: for the core, for the lab, or for the tests."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from labkit.base.resources import CHECKOUT
from tests.architecture import Import, all_imports, imports_by_module, imports_of, modules

OWN = {"labkit", "tests", "tools", "classhub", *(path.stem for path in (CHECKOUT / "tools").glob("*.py"))}
"""What is imported from the checkout itself."""

CORE = (
    *("labkit.base", "labkit.core", "labkit.archives", "labkit.publish.rules", "labkit.show.table"),
    *("labkit.cli.explain_command", "labkit.cli.publish_command", "labkit.cli.completion_command"),
)
"""Rooms and modules that have to work where nothing but the core is installed."""


@cache
def declared(*extras: str) -> frozenset[str]:
    """The distributions that pyproject.toml asks for.

    Args:
        extras: which extras count, beside the core.
    """
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return frozenset(canonicalize_name(Requirement(text).name) for texts in lists for text in texts)


@cache
def supplied() -> Mapping[str, list[str]]:
    """The distributions that supply each package that is installed; reading them all takes a while."""
    return packages_distributions()


def undeclared(imports: Iterable[Import], declared: frozenset[str]) -> set[str]:
    """The imports that no declared distribution supplies."""
    supply = supplied()
    outside = [imported for imported in imports if imported.root not in OWN | set(sys.stdlib_module_names)]
    return {
        f"{imported.importer} imports {imported.imported}"
        for imported in outside
        if not {canonicalize_name(name) for name in supply.get(imported.root, [])} & declared
    }


def imported_with(rooms: tuple[str, ...]) -> list[Import]:
    """Every import that happens when the modules of some rooms are imported, through all that they import."""
    left = [name for name in modules() if name.startswith(rooms)]
    reached: set[str] = set()
    imports = []
    while left:
        module = left.pop()
        if module in reached:
            continue
        reached.add(module)
        for statement in imports_by_module().get(module, ()):
            if not statement.in_function and not statement.for_typing:
                imports.append(statement)
                left.append(statement.imported)
    return imports


def imports_in(folder: Path) -> list[Import]:
    """The imports of every file below a folder of the checkout."""
    return [
        statement
        for path in folder.rglob("*.py")
        for statement in imports_of(str(path.relative_to(CHECKOUT)), path.read_text(encoding="utf-8"))
    ]


def test_what_the_kit_imports_is_declared_for_the_lab() -> None:
    assert undeclared(all_imports(), declared("lab")) == set()


def test_what_the_core_imports_is_declared_for_the_core() -> None:
    assert undeclared(imported_with(CORE), declared()) == set()


@pytest.mark.parametrize("folder", ["tests", "tools"])
def test_what_tests_and_tools_import_is_declared_for_the_tests(folder: str) -> None:
    assert undeclared(imports_in(CHECKOUT / folder), declared("lab", "test")) == set()


def test_an_import_that_is_not_declared_is_named() -> None:
    imports = list(imports_of("labkit.show.table", "import yaml\nimport docker.errors\nimport json"))
    assert undeclared(imports, declared()) == {"labkit.show.table imports docker.errors"}
    assert undeclared(imports, declared("lab")) == set()
