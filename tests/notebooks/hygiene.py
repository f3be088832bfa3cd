"""The rules that every notebook keeps, so that a cell that fails fails its test (traps of nbval and of IPython)."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

from labkit.base.resources import CHECKOUT
from labkit.course.claims import Claim, claims_of
from labkit.course.sentences import plain
from tests.notebooks.expectations import expectation_of, in_class_of
from tests.notebooks.statements import NOTEBOOKS, read, statements, supported, unsupported

TAGS: frozenset[str] = frozenset({"nbval-check-output", "keep_output"})
SEEDS = frozenset(f"S{number}" for number in range(1, 25))
KEYS = frozenset({"seed", "erratum", "exercise", "expect", "role", "teaches", "claims", "in_class"})
ROLES = {"setup": ("import labkit", "lab = labkit.open(", "lab.close()"), "check": ("lab.check(",)}
"""What a cell may be for that needs no expectation, and how it begins."""
_ABSOLUTE = re.compile(r"(?<![\w.:/])(/home/|/root/|/Users/|/work/|/mnt/|[A-Z]:\\)")
_LAB_NAME = re.compile(r"localhost/labkit|labkit-control-plane|kind-labkit")
_OPENING = ("**What you will do**", "**What you will learn**", "**What you need**", "**How to reset**")
_ENDING = ("## On your own", "## In practice", "## Further reading")
SHELL_CELLS = ("%%bash", "%%bash --no-raise-error")
_FOR_A_TERMINAL = re.compile(r" -(?:it|ti)\b")
_MOST_LINES = 8
_MOST_LINES_TO_EDIT = 30
WIDEST_LINE = 88
"""Characters of a line of code: JupyterLab breaks a wider one in a window of 1024 pixels (extension/src/style.css)."""

Notebook = dict[str, Any]
Rule = Callable[[str, Notebook], Iterator[str]]


def _code(notebook: Notebook) -> list[Notebook]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _prose(notebook: Notebook) -> str:
    return "\n".join(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown")


def _labkit(cell: Notebook) -> dict[str, Any]:
    return dict(cell["metadata"].get("labkit", {}))


def _tree(source: str) -> ast.Module:
    """A cell's Python; nothing for a cell of another language, which `plain_python` judges."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


def _shows_something(source: str) -> bool:
    if source.startswith(("%%", "!")):
        return True
    tree = _tree(source)
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return bool({"print", "display"} & calls) or (bool(tree.body) and isinstance(tree.body[-1], ast.Expr))


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
    """Python, or bash below `%%bash`: a line with `!` that fails passes, and an unknown magic hides the rest."""
    for cell in _code(notebook):
        if cell["source"].partition("\n")[0] in SHELL_CELLS:
            continue
        try:
            tree = ast.parse(cell["source"])
        except SyntaxError:
            yield f"not plain Python: {cell['source'].splitlines()[0]}"
            continue
        called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if forbidden := (called | names) & {"get_ipython", "system", "getoutput", "input", "Popen"}:
            yield f"calls {', '.join(sorted(forbidden))}"


def shell_cells(_: str, notebook: Notebook) -> Iterator[str]:
    """A command that is meant to fail says so, and with which exit status; no command waits for a terminal."""
    for cell in _code(notebook):
        first, _, rest = cell["source"].partition("\n")
        if first not in SHELL_CELLS:
            continue
        status = (_labkit(cell).get("expect") or {}).get("exit_status")
        if (first == "%%bash --no-raise-error") != bool(status):
            yield f"cell {cell['id']} begins with {first!r} and expects exit status {status}"
        if not rest.strip():
            yield f"cell {cell['id']} has no command"
        if terminal := _FOR_A_TERMINAL.search(rest):
            yield f"cell {cell['id']} waits for a terminal: {terminal.group()}"


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


def known_metadata(_: str, notebook: Notebook) -> Iterator[str]:
    """What a cell says of itself comes from a closed list, and a role fits its cell."""
    for cell in notebook["cells"]:
        metadata = _labkit(cell)
        yield from (f"cell {cell['id']} has labkit.{key}" for key in sorted(metadata.keys() - KEYS))
        role = metadata.get("role")
        if role is not None and not cell["source"].startswith(ROLES.get(role, ("no such role",))):
            yield f"cell {cell['id']} is no {role}"


def known_expectations(_: str, notebook: Notebook) -> Iterator[str]:
    """What a cell must show is said by keys of a closed list, and by code cells alone."""
    for cell in notebook["cells"]:
        try:
            expectation = expectation_of(cell)
            in_class_of(cell)
        except ValueError as error:
            yield f"cell {cell['id']}: {error}"
            continue
        if expectation is not None and cell["cell_type"] != "code":
            yield f"cell {cell['id']} shows nothing and expects something"


def expectations(_: str, notebook: Notebook) -> Iterator[str]:
    """Where there is something to see a test looks at it: set-up, exercises and checks have tests of their own."""
    for cell in _code(notebook):
        if not {"expect", "exercise", "role"} & _labkit(cell).keys() and _shows_something(cell["source"]):
            yield f"cell {cell['id']} shows something and expects nothing"


def known_claims(_: str, notebook: Notebook) -> Iterator[str]:
    """A claim is about a sentence that is there, and stands on a cell that a test looks at, a source or a test."""
    all_stated = list(statements(notebook))
    for cell in notebook["cells"]:
        try:
            claims = claims_of(cell)
        except ValueError as error:
            yield f"cell {cell['id']}: {error}"
            continue
        stated = [sentence for other, sentence in all_stated if other is cell]
        for claim in claims:
            yield from (f"cell {cell['id']}: {problem}" for problem in _problems(claim))
            for beginning in claim.beginnings:
                count = sum(sentence.startswith(plain(beginning)) for sentence in stated)
                if count != 1:
                    yield f"cell {cell['id']}: {count} statements begin with {beginning!r}"
        for sentence in stated:
            if len(supported(claims, sentence)) > 1:
                yield f"cell {cell['id']}: more than one claim for {sentence!r}"


def _problems(claim: Claim) -> Iterator[str]:
    for cell in claim.cells:
        if cell not in _cells_that_are_tested():
            yield f"no cell {cell} with an expectation shows {claim.beginnings[0]!r}"
    for test in claim.tests:
        path, _, function = test.partition("::")
        file = CHECKOUT / path
        if not path.startswith("tests/") or not file.is_file():
            yield f"there is no test {path}"
        elif function and f"def {function}(" not in file.read_text(encoding="utf-8"):
            yield f"there is no test {test}"


@functools.cache
def _cells_that_are_tested() -> frozenset[str]:
    cells = [cell for path in NOTEBOOKS.glob("[0-9][0-9]-*.ipynb") for cell in read(path)["cells"]]
    return frozenset(cell["id"] for cell in cells if cell["cell_type"] == "code" and "expect" in _labkit(cell))


def statements_stand(_: str, notebook: Notebook) -> Iterator[str]:
    """Each statement is shown by a cell, was read at a source, or is held by a test."""
    yield from (f"cell {cell}: {sentence!r} stands on nothing" for cell, sentence in unsupported(notebook))


def no_test_code(_: str, notebook: Notebook) -> Iterator[str]:
    """A cell does not state its answer; what it must show stands in its metadata, but where `.expect` is taught."""
    for cell in _code(notebook):
        teaches = _labkit(cell).get("teaches") == "expect"
        for node in ast.walk(_tree(cell["source"])):
            if isinstance(node, ast.Assert) or (isinstance(node, ast.Name) and node.id == "AssertionError"):
                yield f"cell {cell['id']} asserts"
            elif isinstance(node, ast.Attribute) and node.attr in ("expect", "expect_running") and not teaches:
                yield f"cell {cell['id']} calls {node.attr}"
        cause = (_labkit(cell).get("expect") or {}).get("cause")
        if cause and cause in cell["source"] and not teaches:
            yield f"cell {cell['id']} states its answer: {cause}"


def public_face(_: str, notebook: Notebook) -> Iterator[str]:
    """A notebook imports `labkit` and nothing else: what is below may be moved."""
    for cell in _code(notebook):
        for node in ast.walk(_tree(cell["source"])):
            if isinstance(node, ast.ImportFrom) or (
                isinstance(node, ast.Import) and [alias.name for alias in node.names] != ["labkit"]
            ):
                yield f"cell {cell['id']}: {ast.unparse(node)}"
    if named := re.search(r"(from|import) labkit\.\S+", _prose(notebook)):
        yield f"the text says {named.group()}"


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


def narrow_cells(_: str, notebook: Notebook) -> Iterator[str]:
    """A long line is broken where it reads well; JupyterLab breaks it anywhere, in a window of 1024 pixels.

    notebooks/ruff.toml has the same figure, for what it formats; it leaves texts and shell cells alone.
    """
    for cell in _code(notebook):
        for line in cell["source"].splitlines():
            if len(line) > WIDEST_LINE:
                yield f"cell {cell['id']} has a line of {len(line)} characters, more than {WIDEST_LINE}: {line}"


def kernel(_: str, notebook: Notebook) -> Iterator[str]:
    """The kernel is the environment's own, whatever somebody called theirs."""
    if notebook["metadata"].get("kernelspec", {}).get("name") != "python3":
        yield "the kernel is not python3"


RULES: tuple[Rule, ...] = (
    file_name,
    title,
    sections,
    plain_python,
    shell_cells,
    known_tags,
    known_seeds,
    known_metadata,
    known_expectations,
    expectations,
    known_claims,
    statements_stand,
    no_test_code,
    public_face,
    no_outputs,
    no_absolute_paths,
    no_lab_name,
    short_cells,
    narrow_cells,
    kernel,
)
