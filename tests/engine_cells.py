"""Which cells of the course need an engine, told from their source: what a class without one shows as recorded."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_DOCKER = re.compile(r"\bdocker\s+(?P<command>[a-z-]+)")
_ONLY_IF_THERE = "dotnet --list-sdks"
"""Such a cell skips itself where the SDK is not there."""
_CALLS = (
    (re.compile(r"\blab\.threats\.victim\("), "victim"),
    (re.compile(r"\blab\.publish\("), "publish"),
    (re.compile(r"\blab\.build\("), "build"),
    (re.compile(r"\blab\.(run|start)\("), "run"),
)
_TAGGED = re.compile(r"docker build.*? (?:-t|--tag) (\S+)")
_NAMED = re.compile(r'\bname="([\w-]+)"')
_OWN_POD = re.compile(r'(?:\blab\.pod\(\s*"|kubectl run .*--image=)([\w-]+)')
_DEFAULTS = {"publish": "my-app", "build": "my-image"}


def engine_cells(cells: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What each cell needs that needs an engine, by its id.

    Args:
        cells: of a lesson, in order; a check is among them only if it reads what such a cell makes, for else it says
            itself what it cannot see.
    """
    return dict(_engine_cells(cells))


def _engine_cells(cells: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    names: set[str] = set()
    images: set[str] = set()
    for cell in cells:
        source, role = cell["source"], cell["metadata"].get("labkit", {})
        if role.get("role") == "check" and not names.isdisjoint(names_read(source)):
            yield cell["id"], "check"
        if role.get("role") in ("check", "setup"):
            continue
        is_recorded = role.get("in_class", {}).get("recorded")
        own = _own_need(source)
        needs = "cluster" if is_recorded else own or _earlier(source, names, images)
        if needs not in ("", "cluster") and _runs_own_pod(source, images | set(_made(source, own))):
            needs = "pod"
        assigned = _assigned(source)
        if needs:
            yield cell["id"], needs
            names |= assigned
            images |= {*_TAGGED.findall(source), *_made(source, own)}
        else:
            names -= assigned


def _own_need(source: str) -> str:
    if source.startswith("%%bash"):
        commands = {match["command"] for match in _DOCKER.finditer(source)}
        if not commands or _ONLY_IF_THERE in source:
            return ""
        return "build" if "build" in commands else "inspect" if commands == {"inspect"} else "run"
    return next((needs for call, needs in _CALLS if call.search(source)), "")


def names_read(source: str) -> set[str]:
    """The variables that a cell in Python reads."""
    nodes = ast.walk(ast.parse(source))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _runs_own_pod(source: str, images: set[str]) -> bool:
    """Whether a cell runs an image as a pod that is not one of the lab's."""
    return not images.isdisjoint(_OWN_POD.findall(source))


def _made(source: str, needs: str) -> Iterator[str]:
    if needs in _DEFAULTS and not source.startswith("%%"):
        yield from _NAMED.findall(source) or [_DEFAULTS[needs]]


def _earlier(source: str, names: set[str], images: set[str]) -> str:
    """Whether a cell reads a name, or names an image, that came of a cell which needs an engine."""
    if source.startswith("%%"):
        return "earlier" if any(f"--image={image} " in f"{source} " for image in images) else ""
    tree = ast.parse(source)
    assigned: set[str] = set()
    for statement in tree.body:
        for node in ast.walk(statement):
            is_name = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names - assigned
            if is_name or (isinstance(node, ast.Constant) and node.value in images):
                return "earlier"
        assigned |= _stored(statement)
    return ""


def _assigned(source: str) -> set[str]:
    return set() if source.startswith("%%") else _stored(ast.parse(source))


def _stored(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
