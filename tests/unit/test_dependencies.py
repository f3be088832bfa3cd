"""What is imported is declared in pyproject.toml: for the core, for the lab, or for the tests."""

from __future__ import annotations

import re
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
        if not _among(supply.get(imported.root, []), declared)
    }


def _among(distributions: Iterable[str], declared: frozenset[str]) -> bool:
    return not declared.isdisjoint(map(canonicalize_name, distributions))


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


_MODULE = r"\w[\w.]*(?:\s+as\s+\w+)?"
_IMPORTED = re.compile(rf"\bfrom[\s\\]+([\w.]+)[\s\\]+import\b|\bimport[\s\\]+({_MODULE}(?:\s*,[\s\\]*{_MODULE})*)")
"""All that could be an import, also in texts and comments."""


def may_import_more(source: str, allowed: frozenset[str]) -> bool:
    """Whether a source may import other than the allowed packages; whether it does, parsing tells, which is slow."""
    modules = (name for match in _IMPORTED.finditer(source) for name in (match[1] or match[2]).split(","))
    return any(module.strip(" \\\n").split()[0].partition(".")[0] not in allowed for module in modules)


def imports_in(folder: Path, allowed: frozenset[str]) -> list[Import]:
    """The imports of every file below a folder of the checkout that may import other than the allowed packages."""
    sources = {str(path.relative_to(CHECKOUT)): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}
    return [
        statement
        for name, source in sources.items()
        if may_import_more(source, allowed)
        for statement in imports_of(name, source)
    ]


def test_what_the_kit_imports_is_declared_for_the_lab() -> None:
    assert undeclared(all_imports(), declared("lab")) == set()


def test_what_the_core_imports_is_declared_for_the_core() -> None:
    assert undeclared(imported_with(CORE), declared()) == set()


@pytest.mark.parametrize("folder", ["tests", "tools"])
def test_what_tests_and_tools_import_is_declared_for_the_tests(folder: str) -> None:
    wanted = declared("lab", "test")
    allowed = OWN | sys.stdlib_module_names | {root for root, names in supplied().items() if _among(names, wanted)}
    assert undeclared(imports_in(CHECKOUT / folder, frozenset(allowed)), wanted) == set()


def test_an_import_that_is_not_declared_is_named() -> None:
    imports = list(imports_of("labkit.show.table", "import yaml\nimport docker.errors\nimport json"))
    assert undeclared(imports, declared()) == {"labkit.show.table imports docker.errors"}
    assert undeclared(imports, declared("lab")) == set()


@pytest.mark.parametrize(
    ("source", "may"),
    [
        ("from __future__ import annotations\nimport json, docker.errors as e", False),
        ("if json:\n    import json as j, yaml", True),
        ("import json, \\\n    yaml", True),
        ("x = 1; from yaml.nodes import Node", True),
        ("from . import yaml", True),
        ("# from yaml import what a comment says", True),
    ],
)
def test_no_import_goes_past_the_quick_look(source: str, may: bool) -> None:
    assert may_import_more(source, frozenset({"__future__", "json", "docker"})) is may
