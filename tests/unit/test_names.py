"""One word, one thing: what docs/design.md says of names, held for the whole kit."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict

import pytest

from tests.architecture import modules

SAYS_NOTHING = {"one", "found", "said", "heard", "words", "what", "peek", "tell_node"}
"""Names that do not say what the value is."""


def _classes() -> dict[str, list[str]]:
    places = defaultdict(list)
    for module, path in modules().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(module)
    return places


def _bound_names(source: str) -> set[str]:
    """Every name that a source binds: variables, arguments, functions, attributes of self, fields."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return names


def test_no_two_classes_have_one_name() -> None:
    assert {name: places for name, places in _classes().items() if len(places) > 1} == {}


def test_no_two_modules_have_one_name() -> None:
    files = Counter(path.stem for path in modules().values() if path.stem != "__init__")
    assert [name for name, count in files.items() if count > 1] == []


@pytest.mark.parametrize("module", sorted(modules()))
def test_names_say_what_a_value_is(module: str) -> None:
    assert {
        name.lstrip("_") for name in _bound_names(modules()[module].read_text(encoding="utf-8"))
    } & SAYS_NOTHING == set()
