"""The site's pure parts: what it adds to a page, which links hold, and what is said of a cell that fails."""

from __future__ import annotations

import json
import posixpath
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.base.resources import CHECKOUT
from labkit.course.guess_views import GUESS_BUTTONS
from tools.site.__main__ import bring_files
from tools.site.execute import NotebookFailed, execute
from tools.site.links import Page, broken_links, read_page, read_site
from tools.site.pages import (
    LinkBroken,
    Made,
    Place,
    index_page,
    lesson_page,
    page_line,
    relinked,
    sources_page,
    with_line,
    without_widgets,
)

STATUS = {
    "engine": {"reachable": True, "version": "26.1.5"},
    "cluster": {"name": "labkit", "ready": True, "kubernetes": "v1.37.2", "source": "stand-in"},
    "images": [
        {"name": "debian", "source": "upstream", "digest": f"sha256:{'a' * 64}", "user": "", "note": ""},
        {"name": "runtime", "source": "stand-in", "digest": f"sha256:{'b' * 64}", "user": "1654", "note": "Go | C"},
        {"name": "toor", "source": "stand-in", "digest": f"sha256:{'c' * 64}", "user": "toor", "note": ""},
        {"name": "unmade", "source": None, "digest": None, "user": None, "note": ""},
    ],
    "state": "up",
}
MADE = Made.of(STATUS, date(2026, 11, 25), "0123456789", False)
VIEW = "application/vnd.jupyter.widget-view+json"


def test_a_page_says_when_and_with_what_it_was_made() -> None:
    assert page_line(MADE, "notebooks") == (
        "*Executed on 2026-11-25 with Docker Engine 26.1.5 and Kubernetes v1.37.2 (node: stand-in), at commit "
        "0123456789. Sample images: 2 stand-in, 1 upstream ([each of them](../made.md)).*"
    )
    assert "(made.md)" in page_line(MADE)


@pytest.mark.parametrize(
    ("commit", "changed", "expected"),
    [
        ("0123456789", True, "at commit 0123456789 with changes that were not committed"),
        ("", False, "from a checkout without a commit"),
    ],
)
def test_a_page_does_not_claim_a_commit_that_it_is_not(commit: str, changed: bool, expected: str) -> None:
    assert expected in page_line(Made.of(STATUS, date(2026, 11, 25), commit, changed))


def test_what_a_notebook_keeps_about_its_making_comes_back_as_it_was() -> None:
    assert Made(**json.loads(json.dumps(MADE.to_dict()))) == MADE


@given(st.text(alphabet=st.characters(exclude_characters="\n\r"), max_size=20), st.text(max_size=60))
def test_the_line_stands_below_the_title_and_nothing_else_changes(title: str, rest: str) -> None:
    text = f"# {title}\n{rest}"
    assert with_line(text, "LINE") == f"# {title}\n\nLINE\n{rest}"


def test_a_page_without_a_title_is_an_error() -> None:
    with pytest.raises(ValueError, match="must begin with its title"):
        with_line("No title", "LINE")


def test_every_image_is_on_the_page_of_sources_with_its_source() -> None:
    rows = [line for line in sources_page(STATUS, MADE).splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[1] for row in rows] == ["upstream", "stand-in", "stand-in", "not made"]
    # A bar in a note would begin another column.
    assert {row.count("|") for row in rows} == {6}


def outputs(*data: dict[str, Any]) -> dict[str, Any]:
    shown = [{"output_type": "display_data", "data": bundle, "metadata": {}} for bundle in data]
    return {"metadata": {"widgets": {}}, "cells": [{"cell_type": "code", "source": "x", "outputs": shown}]}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Buttons: Hint, Solution", "Buttons: Hint, Solution"),
        ("VBox(children=(HBox(),))", "(A widget in JupyterLab. What it does, a call does too.)"),
        ("", "(A widget in JupyterLab. What it does, a call does too.)"),
    ],
)
def test_a_widget_shows_its_text(text: str, shown: str) -> None:
    made = without_widgets(outputs({VIEW: {"model_id": "1"}, "text/plain": text}, {"text/plain": "Pod(name='a')"}))
    first, second = made["cells"][0]["outputs"]
    assert first["data"] == {"text/plain": shown}
    assert second["data"] == {"text/plain": "Pod(name='a')"}
    assert "widgets" not in made["metadata"]


PLACE = Place(
    {"README.md", "docs/registry.md", "notebooks/00-start-here.ipynb"},
    {"CONTRIBUTING.md", "labkit", "notebooks/01-threat-model.ipynb"}.__contains__,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[the registry](registry.md#top)", "[the registry](registry.md#top)"),
        ("[00](../notebooks/00-start-here.ipynb)", "[00](../notebooks/00-start-here.ipynb)"),
        ("[kind](https://kind.sigs.k8s.io/)", "[kind](https://kind.sigs.k8s.io/)"),
        ("[below](#below)", "[below](#below)"),
        ("See [how to change it](../CONTRIBUTING.md).", "See how to change it (`CONTRIBUTING.md`)."),
        ("[CONTRIBUTING.md](../CONTRIBUTING.md)", "`CONTRIBUTING.md`"),
        ("[`labkit`](../labkit)", "`labkit`"),
        ("[01](../notebooks/01-threat-model.ipynb)", "01 (`notebooks/01-threat-model.ipynb`)"),
        ("```\n[a](nowhere.md)\n```", "```\n[a](nowhere.md)\n```"),
    ],
)
def test_links_to_what_the_site_does_not_have_become_text(text: str, shown: str) -> None:
    assert relinked(text, "docs/explain.md", PLACE) == shown


@pytest.mark.parametrize("target", ["nowhere.md", "../../secret.md", "../notebooks/99-none.ipynb#a"])
def test_a_link_to_nothing_is_named_with_its_page(target: str) -> None:
    with pytest.raises(LinkBroken, match=r"docs/explain\.md: "):
        relinked(f"See [it]({target}).", "docs/explain.md", PLACE)


def test_every_document_of_the_project_links_to_what_there_is() -> None:
    documents = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
    place = Place(set(), lambda path: (CHECKOUT / path).exists())
    for path in documents:
        relinked(path.read_text(encoding="utf-8"), str(path.relative_to(CHECKOUT)), place)


def test_a_check_has_hints_and_a_solution_folded_in_place_of_the_buttons() -> None:
    made = outputs({VIEW: {"model_id": "1"}, "text/plain": "Buttons: Hint, Solution"})
    made["cells"][0]["source"] = 'lab.check("fails-open")'
    made["cells"].insert(0, {"cell_type": "markdown", "source": "# Title"})
    page = lesson_page(made, "notebooks/05-dockerfile-user.ipynb", MADE, PLACE)
    (shown,) = page["cells"][1]["outputs"]
    text = shown["data"]["text/html"]
    assert "<details><summary>Hints and a solution of fails-open</summary>" in text
    assert text.count("<summary>Hint ") == 3
    assert "+ USER ${APP_UID:-1654}" in text
    assert "Buttons" not in str(page["cells"][1]["outputs"])


@pytest.mark.parametrize("unseen", [{VIEW: {"model_id": "1"}, "text/plain": GUESS_BUTTONS}, {"text/plain": ""}])
def test_a_page_has_no_word_of_buttons_and_no_empty_box(unseen: dict[str, Any]) -> None:
    made = outputs({"text/html": "<p>Which one?</p>"}, unseen)
    made["cells"].insert(0, {"cell_type": "markdown", "source": "# Title"})
    page = lesson_page(made, "notebooks/05-dockerfile-user.ipynb", MADE, PLACE)
    assert [output["data"] for output in page["cells"][1]["outputs"]] == [{"text/html": "<p>Which one?</p>"}]


def test_a_lesson_has_its_line_and_its_links() -> None:
    cell = {"cell_type": "markdown", "source": ["# Title\n", "See [it](../CONTRIBUTING.md)."]}
    page = lesson_page({"metadata": {}, "cells": [cell]}, "notebooks/00-start-here.ipynb", MADE, PLACE)
    assert page["cells"][0]["source"] == f"# Title\n\n{page_line(MADE, 'notebooks')}\nSee it (`CONTRIBUTING.md`)."


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        ('go on: <a href="00-start-here.ipynb">00</a>', 'go on: <a href="00-start-here.html">00</a>'),
        (
            '<a class="x" href="../notebooks/00-start-here.ipynb">00</a>',
            '<a href="../notebooks/00-start-here.html">00</a>',
        ),
        ('<a href="01-threat-model.ipynb"><b>01</b></a>', "<b>01</b>"),
        ('<a href="https://example.org/a.ipynb">a</a>', '<a href="https://example.org/a.ipynb">a</a>'),
    ],
)
def test_a_link_that_a_cell_gave_leads_to_a_page_or_is_text(markup: str, shown: str) -> None:
    cells = [{"cell_type": "markdown", "source": "# Title"}, *outputs({"text/html": [markup]})["cells"]]
    page = lesson_page({"metadata": {}, "cells": cells}, "notebooks/00-start-here.ipynb", MADE, PLACE)
    assert page["cells"][1]["outputs"][0]["data"]["text/html"] == shown


def test_the_first_page_leads_to_every_other() -> None:
    lesson = {
        "lesson": "00-start-here",
        "title": "Start here",
        "minutes": 10,
        "notebook": "notebooks/00-start-here.ipynb",
    }
    text = index_page([lesson], ["docs/registry.md"], MADE)
    assert "| [00 Start here](notebooks/00-start-here.ipynb) | 10 |" in text
    for name in ("00 Start here <notebooks/00-start-here>", "The lab <README>", "docs/registry", "made"):
        assert f"\n{name}\n" in text


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("b.html", ""),
        ("b.html#there", ""),
        ("#here", ""),
        ("#", ""),
        ("sub/", ""),
        ("sub/../b.html?q=1", ""),
        ("with%20space.png", ""),
        ("https://kind.sigs.k8s.io/docs#a", ""),
        ("http://localhost:8888/lab", ""),
        ("mailto:a@example.org", ""),
        ("c.html", "is not a file of the site"),
        ("../b.html", "is not a file of the site"),
        ("b.html#nowhere", "names no place in b.html"),
        ("with%20space.png#here", "names no place in with space.png"),
        ("", "is empty"),
        ("/b.html", "begins at the root of a server"),
        ("https://", "names no host"),
        ("https://exa mple.org/", "has a character"),
        ("https://-a.org/", "names no host"),
        ("https://kind", "names no host"),
        ("https://a.org:port/", "is no address"),
        ("https://me@a.org/", "holds a user's name"),
        ("//a.org/x", "begins with no scheme"),
        ("file:///etc/passwd", "begins with file"),
        ("javascript:alert(1)", "begins with javascript"),
        ("mailto:nobody", "names no mailbox"),
    ],
)
def test_a_link_is_sound_or_what_is_wrong_is_said(target: str, reason: str) -> None:
    pages = {
        "a.html": Page(frozenset({"here"}), (target,)),
        "b.html": Page(frozenset({"there"})),
        "sub/index.html": Page(),
    }
    broken = broken_links(pages, {*pages, "with space.png"})
    assert [link.target for link in broken] == ([target] if reason else [])
    assert all(link.reason.startswith(reason) for link in broken)


def test_what_a_page_loads_must_be_the_sites_own() -> None:
    page = Page(loads=("style.css", "https://a.org/a.js", "data:image/png;base64,AA", "data:text/html,x", "gone.png"))
    broken = broken_links({"a.html": page}, {"a.html", "style.css"})
    assert [link.target for link in broken] == ["https://a.org/a.js", "data:text/html,x", "gone.png"]


_NAME = st.text("abc", min_size=1, max_size=3)
_PATH = st.lists(_NAME, min_size=1, max_size=3).map(lambda names: f"{'/'.join(names)}.html")


@given(st.data())
def test_every_planted_broken_link_is_found_and_no_other(data: st.DataObject) -> None:
    names = sorted(data.draw(st.sets(_PATH, min_size=1, max_size=5)))
    ids = {name: data.draw(st.frozensets(_NAME, max_size=2)) for name in names}
    pages, planted = {}, []
    for name in names:
        links = []
        for other in data.draw(st.lists(st.sampled_from(names), max_size=3)):
            target = posixpath.relpath(other, posixpath.dirname(name) or ".")
            links.append(target)
            links += [f"{target}#{place}" for place in ids[other]]
            # No page and no place has a name with a d.
            if bad := data.draw(st.sampled_from(["", f"d{target.lstrip('./')}", f"{target}#d"])):
                links.append(bad)
                planted.append((name, bad))
        pages[name] = Page(ids[name], tuple(links))
    assert [(link.page, link.target) for link in broken_links(pages, set(pages))] == planted


def test_a_page_is_read_for_its_places_links_and_loads(tmp_path: Path) -> None:
    text = (
        '<link rel="stylesheet" href="s.css"><link rel="next" href="b.html"><p id="p"><a name="n" href="c.html#x">c</a>'
        '<img src="i.png"><script src="s.js"></script><a href="">e</a><a id="only">o</a>'
    )
    page = read_page(text)
    assert page == Page(frozenset({"p", "n", "only"}), ("b.html", "c.html#x", ""), ("s.css", "i.png", "s.js"))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.html").write_text(text)
    (tmp_path / "s.css").touch()
    assert read_site(tmp_path) == ({"sub/a.html": page}, {"sub/a.html", "s.css"})


def write_notebook(path: Path, *cells: str) -> Path:
    code: dict[str, Any] = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    written = [{**code, "id": f"cell-{number}", "source": source} for number, source in enumerate(cells, 1)]
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": written}))
    return path


def test_a_notebook_is_executed_into_a_copy_and_stays_as_it_is(tmp_path: Path) -> None:
    bit_by_bit = "for letter in 'ab':\n    print(letter, flush=True)"
    source = write_notebook(tmp_path / "01-a.ipynb", "x = 1", "x + 1", bit_by_bit)
    before = source.read_bytes()
    execute(source, tmp_path / "copy.ipynb")
    cells = json.loads((tmp_path / "copy.ipynb").read_text())["cells"]
    assert cells[1]["outputs"][0]["data"]["text/plain"] in ("2", ["2"])
    assert ["".join(output["text"]) for output in cells[2]["outputs"]] == ["a\nb\n"]  # One box on the page.
    assert source.read_bytes() == before


def test_the_files_that_lessons_use_lie_beside_the_copies(tmp_path: Path) -> None:
    notebooks = CHECKOUT / "notebooks"
    bring_files(tmp_path)
    for name in ("non-root.yaml", "taken/Dockerfile", "hello/hello.csproj"):
        assert (tmp_path / name).read_bytes() == (notebooks / name).read_bytes()
    assert list(tmp_path.rglob("*.ipynb")) == []


@pytest.mark.parametrize(
    ("cell", "back"), [("1 / 0", "ZeroDivisionError: division by zero"), ("import os; os._exit(1)", "Kernel died")]
)
def test_the_first_failing_cell_is_named_and_nothing_runs_behind_it(tmp_path: Path, cell: str, back: str) -> None:
    source = write_notebook(tmp_path / "01-a.ipynb", "x = 1", cell, "open('ran', 'w')")
    with pytest.raises(NotebookFailed, match="Executing 01-a stopped at cell cell-2") as caught:
        execute(source, tmp_path / "copy.ipynb")
    assert f"    {cell}\n" in str(caught.value)
    assert back in str(caught.value)
    assert not (tmp_path / "copy.ipynb").exists()
    assert not (tmp_path / "ran").exists()


def test_no_page_is_made_of_a_cell_that_does_not_show_what_it_must(tmp_path: Path) -> None:
    source = write_notebook(tmp_path / "01-a.ipynb", "x = 1", "print('uid=0(root)')")
    notebook = json.loads(source.read_text())
    notebook["cells"][1]["metadata"] = {"labkit": {"expect": {"uid": 1654}}}
    source.write_text(json.dumps(notebook))
    with pytest.raises(NotebookFailed, match=r"stopped at cell cell-2(.|\n)*uid 1654 was expected, shown is 0"):
        execute(source, tmp_path / "copy.ipynb")
    assert not (tmp_path / "copy.ipynb").exists()
