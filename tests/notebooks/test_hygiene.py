"""Every notebook keeps every rule, and every rule catches a notebook that does not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from labkit.base.resources import CHECKOUT
from tests.notebooks import hygiene

NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.ipynb"))


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(json.dumps(nbformat.read(path, as_version=4))))


def test_there_are_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS][:1] == ["00-start-here"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_a_valid_notebook(path: Path) -> None:
    nbformat.validate(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("rule", hygiene.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_keeps_the_rule(path: Path, rule: hygiene.Rule) -> None:
    assert list(rule(path.stem, _read(path))) == []


def test_titles_are_unique() -> None:
    titles = [_read(path)["cells"][0]["source"].splitlines()[0] for path in NOTEBOOKS]
    assert len(set(titles)) == len(titles)


def test_expect_is_taught_once() -> None:
    cells = [cell for path in NOTEBOOKS for cell in _read(path)["cells"]]
    assert len([cell for cell in cells if cell["metadata"].get("labkit", {}).get("teaches") == "expect"]) == 1


def _code(source: str, **metadata: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": "planted",
        "source": source,
        "metadata": metadata,
        "outputs": [],
        "execution_count": None,
    }


def _text(text: str, /, **claim: str) -> dict[str, Any]:
    labkit = {"claims": [claim]} if claim else {}
    return {"cell_type": "markdown", "id": "planted", "source": text, "metadata": {"labkit": labkit}}


PLANTED = {
    "a shell line": (hygiene.plain_python, _code("!docker ps")),
    "another shell's cell": (hygiene.plain_python, _code("%%sh\nfalse")),
    "a shell cell of another form": (hygiene.plain_python, _code("%%bash --bg\nfalse")),
    "a shell cell that may fail and does not say how": (hygiene.shell_cells, _code("%%bash --no-raise-error\nfalse")),
    "a shell cell that fails and may not": (
        hygiene.shell_cells,
        _code("%%bash\nfalse", labkit={"expect": {"exit_status": 1}}),
    ),
    "a shell cell without a command": (hygiene.shell_cells, _code("%%bash\n")),
    "a shell cell that waits for a terminal": (hygiene.shell_cells, _code("%%bash\ndocker run --rm -it debian")),
    "a magic": (hygiene.plain_python, _code("%timeit 1")),
    "a shell by the back door": (hygiene.plain_python, _code("get_ipython().system('false')")),
    "a question": (hygiene.plain_python, _code("input('?')")),
    "a tag that lets it fail": (hygiene.known_tags, _code("1", tags=["raises-exception"])),
    "a tag that skips it": (hygiene.known_tags, _code("1", tags=["nbval-skip"])),
    "a claim that is not there": (hygiene.known_seeds, _code("1", labkit={"seed": ["S25"]})),
    "a key that nobody knows": (hygiene.known_metadata, _code("1", labkit={"expects": {"text": "1"}})),
    "a role that nobody has": (hygiene.known_metadata, _code("1", labkit={"role": "silent"})),
    "a role of another cell": (hygiene.known_metadata, _code("lab.run('debian')", labkit={"role": "check"})),
    "an expectation that nobody knows": (hygiene.known_expectations, _code("1", labkit={"expect": {"word": ["1"]}})),
    "an expectation of nothing": (hygiene.known_expectations, _code("1", labkit={"expect": {}})),
    "a text that expects": (
        hygiene.known_expectations,
        {**_code("1", labkit={"expect": {"text": "1"}}), "cell_type": "markdown"},
    ),
    "a result without an expectation": (
        hygiene.expectations,
        _code("lab.run('debian', 'id')", labkit={"seed": ["S2"]}),
    ),
    "a print without an expectation": (hygiene.expectations, _code("for name in 'ab':\n    print(name)")),
    "an assertion": (hygiene.no_test_code, _code("assert lab.image('debian').user == ''")),
    "an assertion by hand": (hygiene.no_test_code, _code("if 1:\n    raise AssertionError('no')")),
    "an answer in the cell": (hygiene.no_test_code, _code("lab.run('debian', 'id').expect('root')")),
    "a pod's answer in the cell": (hygiene.no_test_code, _code("pod.expect_running()")),
    "an answer in another word": (
        hygiene.no_test_code,
        _code("pod.cause == 'image-runs-as-root'", labkit={"expect": {"cause": "image-runs-as-root"}}),
    ),
    "an import from below": (hygiene.public_face, _code("from labkit.show.table import Table")),
    "a module from below": (hygiene.public_face, _code("import labkit.show.table")),
    "another module": (hygiene.public_face, _code("import inspect")),
    "an import that a text names": (
        hygiene.public_face,
        {**_code("Try `from labkit.core import causes`."), "cell_type": "markdown"},
    ),
    "an output": (hygiene.no_outputs, {**_code("1"), "outputs": [{"output_type": "stream", "text": "1"}]}),
    "a count": (hygiene.no_outputs, {**_code("1"), "execution_count": 1}),
    "the lab's name": (hygiene.no_lab_name, _code("image = 'localhost/labkit/debian:lab'")),
    "a path": (hygiene.no_absolute_paths, _code("open('/home/rich/x')")),
    "a long cell": (hygiene.short_cells, _code("1\n" * 9)),
    "a wide line": (hygiene.narrow_cells, _code("%%bash\necho " + "a" * 84)),
    "a claim that stands on nothing": (hygiene.known_claims, _text("It is so.", says="It is so.")),
    "a claim by a cell that is not there": (hygiene.known_claims, _text("It is so.", says="It is", shown_by="00-99")),
    "a claim by a cell that no test looks at": (hygiene.known_claims, _text("It is so.", says="It", shown_by="00-05")),
    "a claim by a text": (hygiene.known_claims, _text("It is so.", says="It is so.", shown_by="00-01")),
    "a claim by a test that is not there": (
        hygiene.known_claims,
        _text("It is so.", says="It is so.", tested_by="tests/notebooks/test_no.py"),
    ),
    "a claim by a function that is not there": (
        hygiene.known_claims,
        _text("It is so.", says="It is so.", tested_by="tests/notebooks/test_hygiene.py::test_no"),
    ),
    "a source without a date": (hygiene.known_claims, _text("It is so.", says="It is so.", source="somebody's page")),
    "a date that is none": (hygiene.known_claims, _text("It is so.", says="It", source="a page", date="last year")),
    "a claim about nothing that is said": (
        hygiene.known_claims,
        _text("It is so.", says="It was so.", shown_by="00-10"),
    ),
    "a claim about two statements": (
        hygiene.known_claims,
        _text("It is so. It is not so.", says="It is", shown_by="00-10"),
    ),
    "a claim about a question": (hygiene.known_claims, _text("Is it so?", says="Is it so?", shown_by="00-10")),
    "a claim with a key that nobody knows": (
        hygiene.known_claims,
        _text("It is so.", says="It is so.", shown="00-10"),
    ),
    "a second title": (hygiene.title, {**_code("# Another"), "cell_type": "markdown"}),
}


@pytest.mark.parametrize(
    "cell",
    [
        _code("names = ['a']"),
        _code("lab.run('debian', 'id')", labkit={"expect": {"uid": 0}}),
        _code("prediction = None", labkit={"exercise": "which-cause"}),
        _code("lab.check('which-cause', prediction)", labkit={"role": "check"}),
        _code("lab.close()", labkit={"role": "setup"}),
        _text("It is so.", says="It is so.", shown_by="00-10"),
        _text("**It** is so.", says="It is so.", source="a page", date="2026-11"),
        _text("It is so.", says="It", tested_by="tests/notebooks/test_hygiene.py::test_a_rule_lets_pass"),
    ],
)
def test_a_rule_lets_pass(cell: dict[str, Any]) -> None:
    notebook = _read(NOTEBOOKS[0])
    notebook["cells"].insert(1, cell)
    for rule in (
        hygiene.known_metadata,
        hygiene.known_expectations,
        hygiene.expectations,
        hygiene.known_claims,
        hygiene.no_test_code,
    ):
        assert list(rule(NOTEBOOKS[0].stem, notebook)) == []


def test_a_statement_that_stands_on_nothing_is_caught() -> None:
    notebook = {"cells": [{**_text("It is so."), "source": "# Title\n\nIt is so."}]}
    assert len(list(hygiene.statements_stand("00-claimed", notebook))) == 1
    notebook["cells"][0]["metadata"]["labkit"]["claims"] = [{"says": "It is so.", "shown_by": "00-10"}]
    assert list(hygiene.statements_stand("00-claimed", notebook)) == []


@pytest.mark.parametrize("mistake", PLANTED)
def test_a_rule_catches(mistake: str) -> None:
    rule, cell = PLANTED[mistake]
    notebook = _read(NOTEBOOKS[0])
    assert list(rule(NOTEBOOKS[0].stem, notebook)) == []
    notebook["cells"].insert(1, cell)
    assert list(rule(NOTEBOOKS[0].stem, notebook)) != []


def test_the_rules_of_the_whole_catch_too() -> None:
    notebook = _read(NOTEBOOKS[0])
    assert list(hygiene.file_name("seven", notebook)) != []
    other_kernel = copy.deepcopy(notebook)
    other_kernel["metadata"]["kernelspec"]["name"] = "mine"
    assert list(hygiene.kernel("00-x", other_kernel)) != []
    notebook["cells"] = notebook["cells"][:-2]
    assert list(hygiene.sections("00-x", notebook)) != []
