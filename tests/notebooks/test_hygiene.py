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


def _code(source: str, **metadata: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": "planted",
        "source": source,
        "metadata": metadata,
        "outputs": [],
        "execution_count": None,
    }


PLANTED = {
    "a shell line": (hygiene.plain_python, _code("!docker ps")),
    "a shell cell": (hygiene.plain_python, _code("%%bash\nfalse")),
    "a magic": (hygiene.plain_python, _code("%timeit 1")),
    "a shell by the back door": (hygiene.plain_python, _code("get_ipython().system('false')")),
    "a question": (hygiene.plain_python, _code("input('?')")),
    "a tag that lets it fail": (hygiene.known_tags, _code("1", tags=["raises-exception"])),
    "a tag that skips it": (hygiene.known_tags, _code("1", tags=["nbval-skip"])),
    "a claim that is not there": (hygiene.known_seeds, _code("1", labkit={"seed": ["S25"]})),
    "an output": (hygiene.no_outputs, {**_code("1"), "outputs": [{"output_type": "stream", "text": "1"}]}),
    "a count": (hygiene.no_outputs, {**_code("1"), "execution_count": 1}),
    "the lab's name": (hygiene.no_lab_name, _code("image = 'localhost/labkit/debian:lab'")),
    "a path": (hygiene.no_absolute_paths, _code("open('/home/rich/x')")),
    "a long cell": (hygiene.short_cells, _code("1\n" * 9)),
    "a second title": (hygiene.title, {**_code("# Another"), "cell_type": "markdown"}),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_rule_catches(what: str) -> None:
    rule, cell = PLANTED[what]
    notebook = _read(NOTEBOOKS[0])
    assert list(rule(NOTEBOOKS[0].stem, notebook)) == []
    notebook["cells"].append(cell)
    assert list(rule(NOTEBOOKS[0].stem, notebook)) != []


def test_the_rules_of_the_whole_catch_too() -> None:
    notebook = _read(NOTEBOOKS[0])
    assert list(hygiene.file_name("seven", notebook)) != []
    other_kernel = copy.deepcopy(notebook)
    other_kernel["metadata"]["kernelspec"]["name"] = "mine"
    assert list(hygiene.kernel("00-x", other_kernel)) != []
    notebook["cells"] = notebook["cells"][:-2]
    assert list(hygiene.sections("00-x", notebook)) != []
