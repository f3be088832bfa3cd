"""Imports point one way, wherever they stand; nothing imports in a circle; one place calls each outside tool."""

from __future__ import annotations

import sys
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.architecture import Import, all_imports, imports_by_module, imports_of, modules, room

LAYERS = (
    {"__main__"},
    {"labkit", "cli"},
    {"panel", "instructor"},
    {"notebook"},
    {"course"},
    {"explain", "publish", "threat"},
    {"lab"},
    {"adapters", "archives"},
    {"core", "show", "base"},
)
"""From the top down: a room imports itself, and what lies in a layer below its own."""

OUTSIDE = {
    "docker": "labkit.adapters.engine",
    "requests": "labkit.adapters.engine",
    "lightkube": "labkit.adapters.kube",
    "httpx2": "labkit.adapters.kube",
}
"""Packages that talk to an outside tool, and the one place that may import them."""

EXTRA = {"IPython", "ipywidgets", "jupyterlab", "matplotlib", "nbformat", "packaging", *OUTSIDE}
"""Packages that come with an extra: functions may import these, and modules of the kit that need them."""

SLOW = {"filelock", "hypothesis", "importlib", "msgspec", "rich", "yaml"}
"""Packages that take more than 30 ms to import: functions may import these."""

HEAVY = EXTRA | {"http"}
"""Functions may import a module of the kit that needs one of these: HTTP is as slow to import as the slow packages."""

MOST_ROOMS = 16
MOST_IMPORTS_IN_FUNCTIONS = 40


def depth(name: str) -> int:
    """How far down a room lies.

    Raises:
        KeyError: it has no place among the layers.
    """
    for number, layer in enumerate(LAYERS):
        if name in layer:
            return number
    raise KeyError(f"{name} has no place among the layers: give it one here and in docs/design.md")


def broken_rule(statement: Import) -> str | None:
    """What is wrong with an import, None if nothing is."""
    place = OUTSIDE.get(statement.root)
    if place and statement.importer != place and not statement.importer.startswith(f"{place}."):
        return f"{statement.importer} imports {statement.root}, which only {place} may"
    importer, imported = room(statement.importer), room(statement.imported)
    if statement.root != "labkit" or importer == imported:
        return None
    if depth(imported) <= depth(importer):
        return f"{statement.importer} imports {statement.imported}, which does not lie below it"
    return None


def needs_an_extra(module: str) -> bool:
    """Whether importing a module of the kit imports a package of an extra with it."""
    seen: set[str] = set()
    left = [module]
    while left:
        current = left.pop()
        if current in seen:
            continue
        seen.add(current)
        for statement in imports_by_module().get(current, ()):
            if not statement.in_function:
                if statement.root in HEAVY:
                    return True
                left.append(statement.imported)
    return False


def circle(edges: set[tuple[str, str]]) -> list[str]:
    """A circle among edges, empty if there is none."""
    graph: dict[str, set[str]] = defaultdict(set)
    for source, target in edges:
        if source != target:
            graph[source].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_every_room_has_a_place_among_the_layers() -> None:
    rooms = {room(module) for module in modules()}
    assert rooms == set().union(*LAYERS)
    assert len(rooms - {"labkit"}) <= MOST_ROOMS


def test_imports_point_one_way() -> None:
    assert [reason for statement in all_imports() if (reason := broken_rule(statement))] == []


def test_no_room_imports_in_a_circle() -> None:
    inner = [statement for statement in all_imports() if statement.root == "labkit"]
    assert circle({(room(statement.importer), room(statement.imported)) for statement in inner}) == []


def test_no_file_imports_in_a_circle() -> None:
    inner = [statement for statement in all_imports() if statement.root == "labkit"]
    assert circle({(statement.importer, statement.imported) for statement in inner}) == []


def test_an_import_inside_a_function_saves_a_slow_package_or_an_extra() -> None:
    lazy = [statement for statement in all_imports() if statement.in_function]
    assert [
        f"{statement.importer} imports {statement.imported} inside a function, and saves nothing by it"
        for statement in lazy
        if statement.root not in SLOW | EXTRA
        and not (statement.root == "labkit" and needs_an_extra(statement.imported))
    ] == []
    assert len(lazy) <= MOST_IMPORTS_IN_FUNCTIONS


@pytest.mark.parametrize(
    ("importer", "source"),
    [
        ("labkit.lab.lab", "import docker"),
        ("labkit.adapters.engines", "from docker.errors import NotFound"),
        ("labkit.adapters.engine.engine_images", "import lightkube"),
        ("labkit.notebook.pods", "def f():\n    from lightkube.resources.core_v1 import Pod"),
        ("labkit.show.table", "from labkit.base.errors import LabError"),
        ("labkit.show.table", "def f():\n    from labkit.adapters.engine import Engine"),
        ("labkit.core.causes", "from labkit.base.errors import LabError"),
        ("labkit.threat.cves", "from labkit.publish import app_files"),
        ("labkit.course.world", "if TYPE_CHECKING:\n    from labkit.notebook.lesson import Lesson"),
        ("labkit.course.world", "import labkit"),
        ("labkit.lab.clean", "from labkit.course import progress"),
    ],
)
def test_the_rules_catch(importer: str, source: str) -> None:
    assert any(broken_rule(statement) for statement in imports_of(importer, source))


def test_a_room_without_a_place_is_caught() -> None:
    with pytest.raises(KeyError, match="no place"):
        depth("attic")


def test_circles_are_caught() -> None:
    assert circle({("a", "b"), ("b", "c")}) == []
    assert circle({("a", "b"), ("b", "c"), ("c", "a")}) != []


@pytest.mark.parametrize("place", ["labkit.adapters.engine", "labkit.adapters.engine.engine_images"])
def test_the_one_place_may_import_its_package(place: str) -> None:
    assert not any(broken_rule(statement) for statement in imports_of(place, "import docker.errors"))


def test_only_one_file_runs_kind() -> None:
    runs = [name for name, path in modules().items() if '"get", "clusters"' in path.read_text(encoding="utf-8")]
    assert runs == ["labkit.adapters.kind"]


def test_what_is_pure_needs_nothing_but_python() -> None:
    pure = [
        statement
        for statement in all_imports()
        if statement.importer.startswith(("labkit.core", "labkit.publish.rules"))
    ]
    roots = {statement.root for statement in pure}
    assert roots - set(sys.stdlib_module_names) - {"labkit", "yaml"} == set()
