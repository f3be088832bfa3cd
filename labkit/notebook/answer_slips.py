"""What a cell that was to give an answer has done instead: compared with ==, mistyped the name, given it to the shell.

None of these is an error of Python's, so the name stays as it was, and whoever typed it believes that it has changed.
"""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches

_IN_SHELL = re.compile(r"^\s*(?:export\s+)?(?P<name>[^\W\d]\w*)=", re.MULTILINE)
_SHELL_CELL = re.compile(r"\s*%%(?:bash|sh|script)\b[^\n]*\n")
_ASKS = re.compile(r"\s*\w+\.(?:check|hint|solution)\([^\n]*\)\s*")


def only_asks(source: str) -> bool:
    """Whether a cell does nothing but ask about an exercise.

    Args:
        source: the cell's.
    """
    return _ASKS.fullmatch(source) is not None


def slip_in(source: str, name: str) -> str:
    """Why a cell has not given a name its value, though it looks as if it was to; empty if nothing suggests that.

    Args:
        source: the cell's, as it was typed.
        name: the answer's.
    """
    if shell := _SHELL_CELL.match(source):
        given = (match["name"] for match in _IN_SHELL.finditer(source, shell.end()))
        return f"`{name}` was given to the shell of a %%bash cell, and Python has its own." if name in given else ""
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return ""
    stored = {node.id for node in _names(statements) if isinstance(node.ctx, ast.Store)}
    if name in stored - _only_annotated(statements):
        return ""
    sentences = (_slip_of(statement, name) for statement in statements)
    return next(filter(None, sentences), "") or _only_a_value(statements, name)


def _slip_of(statement: ast.stmt, name: str) -> str:
    if isinstance(statement, ast.AnnAssign) and statement.value is None:
        typed = statement.target
        if isinstance(typed, ast.Name) and _is_meant(typed.id, name):
            return f"A colon behind `{typed.id}` gives it nothing: `{name} = ...` does."
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Compare):
        left, operators = statement.value.left, statement.value.ops
        if isinstance(left, ast.Name) and isinstance(operators[0], ast.Eq) and _is_meant(left.id, name):
            return f"`{left.id} ==` compares, and gives nothing: `{name} = ...`, with one =, does."
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name) and _is_meant(target.id, name):
            return f"`{target.id}` was given a value; the answer's name is `{name}`."
    return ""


def _only_a_value(statements: list[ast.stmt], name: str) -> str:
    """A cell that is an answer alone, without the name that it is for."""
    if len(statements) != 1 or not isinstance(statements[0], ast.Expr):
        return ""
    try:
        ast.literal_eval(statements[0].value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ""
    return f"A value alone is shown and forgotten: `{name} = ...` keeps it."


def _is_meant(typed: str, name: str) -> bool:
    return bool(get_close_matches(typed.casefold(), [name.casefold()], n=1, cutoff=0.75))


def _names(statements: list[ast.stmt]) -> list[ast.Name]:
    return [node for statement in statements for node in ast.walk(statement) if isinstance(node, ast.Name)]


def _only_annotated(statements: list[ast.stmt]) -> set[str]:
    """The names that have a type and no value, which Python takes without giving them one."""
    annotated = (each for each in statements if isinstance(each, ast.AnnAssign) and each.value is None)
    return {each.target.id for each in annotated if isinstance(each.target, ast.Name)}
