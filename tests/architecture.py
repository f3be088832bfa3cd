"""The kit's modules and what they import, read from their sources; the tests of the layers and of the names use it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from labkit.base.resources import CHECKOUT

PLACEHOLDER = "X"
"""Stands for a value in the texts of the kit."""


_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Where a statement has others."""


@dataclass(frozen=True)
class Import:
    """One import statement.

    Args:
        importer: the module that it stands in.
        imported: the module that it names.
        in_function: whether it stands inside a function.
        for_typing: whether only the type checker sees it.
    """

    importer: str
    imported: str
    in_function: bool
    for_typing: bool = False

    @property
    def root(self) -> str:
        """The package that is imported."""
        return self.imported.partition(".")[0]


@cache
def modules() -> Mapping[str, Path]:
    """Every module of the kit, by its dotted name."""
    files = {path.relative_to(CHECKOUT).with_suffix(""): path for path in (CHECKOUT / "labkit").rglob("*.py")}
    return {".".join(name.parts).removesuffix(".__init__"): path for name, path in files.items()}


@cache
def parsed(source: str) -> ast.Module:
    """The syntax tree of a source; many tests look at the same sources."""
    return ast.parse(source)


@cache
def trees() -> Mapping[str, ast.Module]:
    """The syntax tree of every module of the kit."""
    return {module: parsed(path.read_text(encoding="utf-8")) for module, path in modules().items()}


@cache
def nodes() -> tuple[tuple[str, ast.AST], ...]:
    """Every node of every module of the kit, with the module that it stands in."""
    return tuple((module, node) for module, inner in _nodes_by_module().items() for node in inner)


@cache
def _nodes_by_module() -> Mapping[str, Sequence[ast.AST]]:
    return {module: _nodes_of(tree) for module, tree in trees().items()}


def _nodes_of(tree: ast.Module) -> Sequence[ast.AST]:
    """As ast.walk gives them, in half its time; whether a name is read or bound is no node of its own here."""
    reached: list[ast.AST] = [tree]
    for node in reached:  # which grows meanwhile
        for name in node._fields:
            part = getattr(node, name, None)
            if isinstance(part, list):
                reached += [inner for inner in part if isinstance(inner, ast.AST)]
            elif isinstance(part, ast.AST) and not isinstance(part, ast.expr_context):
                reached.append(part)
    return reached


@cache
def texts() -> Mapping[str, frozenset[str]]:
    """The texts of each module of the kit; what a value stands for in one is a placeholder. Docstrings are left out."""
    return {module: _texts_of(inner) for module, inner in _nodes_by_module().items()}


def texts_of_modules(folder: str) -> frozenset[str]:
    """The texts of all modules of a folder, such as `labkit.lab.machine`."""
    return frozenset(text for module, of_module in texts().items() if module.startswith(folder) for text in of_module)


def _texts_of(nodes_of_module: Sequence[ast.AST]) -> frozenset[str]:
    literals = set()
    passed_over: set[int] = set()
    for node in nodes_of_module:
        if isinstance(node, ast.Expr):
            passed_over.add(id(node.value))
        elif id(node) in passed_over:
            continue
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            literals.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            passed_over.update(map(id, node.values))
            parts = (part.value if isinstance(part, ast.Constant) else PLACEHOLDER for part in node.values)
            literals.add("".join(map(str, parts)))
    return frozenset(literals)


def imports_of(module: str, source: str) -> Iterator[Import]:
    """The imports of a module: at its top, in functions, and those for typing alone."""

    def walk(node: ast.AST, in_function: bool, for_typing: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(module, alias.name, in_function, for_typing) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{module}: a relative import hides where it points"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            targets = [name if name in modules() else node.module for name in names]
            yield from (Import(module, target, in_function, for_typing) for target in targets)
        inside = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        guard = node.test if isinstance(node, ast.If) else None
        typing = for_typing or (isinstance(guard, ast.Name) and guard.id == "TYPE_CHECKING")
        for block in _BLOCKS:
            for child in getattr(node, block, ()):
                yield from walk(child, inside, typing)

    return walk(parsed(source), False, False)


@cache
def all_imports() -> tuple[Import, ...]:
    """Every import of the kit."""
    return tuple(
        statement for name, path in modules().items() for statement in imports_of(name, path.read_text("utf-8"))
    )


@cache
def imports_by_module() -> Mapping[str, Sequence[Import]]:
    """The imports of each module of the kit that has some."""
    by_module: dict[str, list[Import]] = {}
    for statement in all_imports():
        by_module.setdefault(statement.importer, []).append(statement)
    return by_module


def room(module: str) -> str:
    """The folder or module directly under labkit/ that a module lies in."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "labkit"
