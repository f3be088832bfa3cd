"""One word, one thing: what docs/design.md says of names, held for the whole kit."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict

import pytest

from labkit.base.resources import CHECKOUT
from tests.architecture import modules, nodes, parsed

SAYS_NOTHING = {"one", "found", "said", "heard", "words", "what", "peek", "tell_node"}
"""Names that do not say what the value is."""

_MAY_BE_BOUND = re.compile(rf"\b_*(?:{'|'.join(SAYS_NOTHING)})\b(?= *(?:[-+*/|&]?=(?!=)|:|,|\)| in\b|\())")
"""Most files have no such name, and parsing all of them takes seconds."""

_CLASS = re.compile(r"^ *class (\w+)", re.MULTILINE)


def _classes() -> dict[str, list[str]]:
    places = defaultdict(list)
    for module, node in nodes():
        if isinstance(node, ast.ClassDef):
            places[node.name].append(module)
    return places


def _bound_name(node: ast.AST) -> str | None:
    """The name that is bound: a variable's, an argument's, a function's, that of an attribute of self, of a field."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    if isinstance(node, ast.arg):
        return node.arg
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return node.attr
    return None


def test_no_two_classes_have_one_name() -> None:
    assert {name: places for name, places in _classes().items() if len(places) > 1} == {}


def test_no_two_classes_of_the_tests_have_one_name() -> None:
    places = defaultdict(list)
    for path in (CHECKOUT / "tests").rglob("*.py"):
        for name in _CLASS.findall(path.read_text(encoding="utf-8")):
            places[name].append(str(path.relative_to(CHECKOUT)))
    assert "CheckoutWithStandIns" in places
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_no_two_modules_have_one_name() -> None:
    files = Counter(path.stem for path in modules().values() if path.stem != "__init__")
    assert [name for name, count in files.items() if count > 1] == []


def test_a_long_module_has_a_reason() -> None:
    reasons = (CHECKOUT / "docs" / "design.md").read_text(encoding="utf-8")
    long = [path for path in modules().values() if path.read_text(encoding="utf-8").count("\n") > 300]
    assert any(path.name == "rows.py" for path in long)
    named = [path for path in long if path.parent.name != "exercises"]
    assert [path.name for path in named if f"`{path.name}`" not in reasons] == []


def test_names_say_what_a_value_is() -> None:
    bound = {(module, name) for module, node in nodes() if (name := _bound_name(node))}
    assert sorted((module, name) for module, name in bound if name.lstrip("_") in SAYS_NOTHING) == []


def test_names_in_the_tools_and_the_tests_do_so_too() -> None:
    files = [path for folder in ("tools", "tests") for path in (CHECKOUT / folder).rglob("*.py")]
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    assert any(_MAY_BE_BOUND.search(text) for text in texts.values())
    bound = {
        (path.name, name)
        for path, text in texts.items()
        if _MAY_BE_BOUND.search(text)
        for node in ast.walk(parsed(text))
        if (name := _bound_name(node))
    }
    assert sorted((file, name) for file, name in bound if name.lstrip("_") in SAYS_NOTHING) == []


@pytest.mark.parametrize(
    "source",
    [
        *("one = 1", "first, one = 1, 2", "one: int = 1", "self._one = 1", "one += 1", "f(one := 1)"),
        *("[1 for one in ()]", "for one, two in (): pass", "def one(): pass", "def f(a, *one): pass"),
        *("def f(a, one: int = 2): pass", "lambda one: 1", "with f() as one: pass", "class one: pass"),
    ],
)
def test_a_name_that_says_nothing_is_seen_wherever_it_is_bound(source: str) -> None:
    assert _MAY_BE_BOUND.search(source)
    bound = {_bound_name(node) for node in ast.walk(parsed(source))}
    assert {name.lstrip("_") for name in bound if name} & SAYS_NOTHING
