"""The threat matrix as a page to read in, with one that was measured."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from labkit.threat.evidence import Matrix
from labkit.threat.judge import Verdict
from labkit.threat.matrix_page import matrix_page
from labkit.threat.matrix_signs import SIGNS
from labkit.threat.matrix_tables import matrix_table
from labkit.threat.postures import ENGINE, PLACES
from tests.unit.threat.test_matrix_views import EMPTY, MATRIX, cell, some


class _Page(HTMLParser):
    """The cells of a page: their classes, and what each says; what is open at the end."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.cells: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "input":
            self.open.append(tag)
        if tag == "td":
            self.cells.append((dict(attrs).get("class") or "", ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open:
            classes, text = self.cells[-1]
            self.cells[-1] = (classes, text + data)


@pytest.mark.parametrize("where", PLACES)
def test_every_cell_of_the_page_has_its_sign_its_verdict_and_its_evidence(where: str) -> None:
    page = _Page(matrix_page(MATRIX, where)._repr_html_())
    assert page.open == []
    cells = {(cell.probe, cell.posture): cell for cell in MATRIX.cells if cell.where == where}
    postures = list(dict.fromkeys(posture for _, posture in cells))
    in_order = [cells[probe, posture] for probe in dict.fromkeys(probe for probe, _ in cells) for posture in postures]
    assert len(page.cells) == len(in_order)
    for (classes, text), shown in zip(page.cells, in_order, strict=True):
        assert text.startswith(SIGNS[shown.short] + shown.full_verdict)
        assert f"of-{shown.posture.partition('-')[0]}" in classes.split()
        assert ("could" in classes.split()) is (shown.verdict is Verdict.COULD)
        assert str(shown.evidence.get("call") or "") in text


def test_the_page_of_a_few_postures_says_words_and_has_no_boxes() -> None:
    page = matrix_page(some(["root-default", "app-default"], ["read-shadow"]), ENGINE)._repr_html_()
    assert "checkbox" not in page
    assert next(text.partition("could")[0] for _, text in _Page(page).cells) == "● "
    assert "DAC" in page


def test_as_text_the_page_is_the_table() -> None:
    assert str(matrix_page(MATRIX, ENGINE)) == str(matrix_table(MATRIX, ENGINE))


def test_hostile_evidence_stays_text_and_an_empty_matrix_makes_a_page() -> None:
    odd = replace(cell("root-default", "read-shadow", ENGINE), evidence={"call": "<script>", "said": "<img src=x>"})
    (trial, *_) = some(["root-default"], ["read-shadow"], [ENGINE]).trials
    page = matrix_page(Matrix([replace(trial, cells=(odd,))]), ENGINE)._repr_html_()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "<img" not in page
    assert _Page(matrix_page(EMPTY, ENGINE)._repr_html_()).cells == []
