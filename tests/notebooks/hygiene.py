"""The rules that every notebook keeps, so that a cell that fails fails its test (traps of nbval and of IPython)."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

TAGS: frozenset[str] = frozenset({"nbval-check-output", "keep_output"})
SEEDS = frozenset(f"S{number}" for number in range(1, 25))
_ABSOLUTE = re.compile(r"(?<![\w.:/])(/home/|/root/|/Users/|/work/|/mnt/|[A-Z]:\\)")
_LAB_NAME = re.compile(r"localhost/labkit|labkit-control-plane|kind-labkit")
_OPENING = ("**What you will do**", "**What you will learn**", "**What you need**", "**How to reset**")
_ENDING = ("## On your own", "## In practice", "## Further reading")
_MOST_LINES = 8
_MOST_LINES_TO_EDIT = 30

Notebook = dict[str, Any]
Rule = Callable[[str, Notebook], Iterator[str]]


def _code(notebook: Notebook) -> list[Notebook]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _prose(notebook: Notebook) -> str:
    return "\n".join(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown")


def file_name(name: str, _: Notebook) -> Iterator[str]:
    """Lessons are numbered in the order taught."""
    if not re.fullmatch(r"\d\d-[a-z0-9-]+", name):
        yield f"{name} is not of the form 07-run-as-non-root"


def title(_: str, notebook: Notebook) -> Iterator[str]:
    """The first cell begins with the only title."""
    titles = re.findall(r"^# .+$", _prose(notebook), re.MULTILINE)
    if len(titles) != 1 or not notebook["cells"][0]["source"].startswith("# "):
        yield f"one title at the top was expected, there are {len(titles)}"


def sections(_: str, notebook: Notebook) -> Iterator[str]:
    """Every lesson opens and ends in the same way."""
    prose = _prose(notebook)
    yield from (f"{part} is missing" for part in (*_OPENING, *_ENDING) if part not in prose)


def plain_python(_: str, notebook: Notebook) -> Iterator[str]:
    """No shell cells and no magics: a shell line that fails passes, and an unknown magic hides the rest."""
    for cell in _code(notebook):
        try:
            tree = ast.parse(cell["source"])
        except SyntaxError:
            yield f"not plain Python: {cell['source'].splitlines()[0]}"
            continue
        called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if forbidden := (called | names) & {"get_ipython", "system", "getoutput", "input", "Popen"}:
            yield f"calls {', '.join(sorted(forbidden))}"


def known_tags(_: str, notebook: Notebook) -> Iterator[str]:
    """Tags come from a closed list; one that lets a cell fail or be skipped is not on it."""
    for cell in notebook["cells"]:
        for tag in cell["metadata"].get("tags", []):
            if tag not in TAGS:
                yield f"cell {cell['id']} has the tag {tag}"


def known_seeds(_: str, notebook: Notebook) -> Iterator[str]:
    """Numbers of the article's claims are those of the course's table."""
    for cell in notebook["cells"]:
        for seed in cell["metadata"].get("labkit", {}).get("seed", []):
            if seed not in SEEDS:
                yield f"cell {cell['id']} shows {seed}"


def no_outputs(_: str, notebook: Notebook) -> Iterator[str]:
    """Outputs are a participant's own; only those that a test compares are kept."""
    for cell in _code(notebook):
        checked = "nbval-check-output" in cell["metadata"].get("tags", [])
        if not checked and (cell["outputs"] or cell["execution_count"] is not None):
            yield f"cell {cell['id']} has stored outputs or a count"


def no_absolute_paths(_: str, notebook: Notebook) -> Iterator[str]:
    """A path of somebody's machine is wrong on every other."""
    for cell in notebook["cells"]:
        if match := _ABSOLUTE.search(cell["source"]):
            yield f"cell {cell['id']} has the path {match.group()}"


def no_lab_name(_: str, notebook: Notebook) -> Iterator[str]:
    """LABKIT_NAME names the lab: a cell that says `labkit` for it works in one lab alone."""
    for cell in notebook["cells"]:
        if match := _LAB_NAME.search(cell["source"]):
            yield f"cell {cell['id']} names the lab: {match.group()}"


def short_cells(_: str, notebook: Notebook) -> Iterator[str]:
    """What is longer than a few lines belongs into labkit; a manifest to repair may be as long as manifests are."""
    for cell in _code(notebook):
        is_exercise = "exercise" in cell["metadata"].get("labkit", {})
        most = _MOST_LINES_TO_EDIT if is_exercise else _MOST_LINES
        if len(cell["source"].splitlines()) > most:
            yield f"cell {cell['id']} has more than {most} lines"


def kernel(_: str, notebook: Notebook) -> Iterator[str]:
    """The kernel is the environment's own, whatever somebody called theirs."""
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3"


RULES: tuple[Rule, ...] = (
    file_name,
    title,
    sections,
    plain_python,
    known_tags,
    known_seeds,
    no_outputs,
    no_absolute_paths,
    no_lab_name,
    short_cells,
    kernel,
)
