"""A `%%bash` cell is coloured as bash, whatever the kernel's language is, in a light and in a dark theme."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.drive import WAIT_MILLISECONDS, open_notebook

_KEYWORD = "--jp-mirror-editor-keyword-color"


def _word(page: Page, cell: int, text: str) -> Locator:
    """The first piece of a cell's code that is this text and has a colour of its own."""
    code = page.locator(".jp-NotebookPanel:visible .jp-CodeCell").nth(cell).locator(".cm-content")
    return code.locator("span", has_text=re.compile(rf"^{text}$")).first


def _keyword_colour(page: Page) -> str:
    """The theme's colour of keywords, as a browser computes it."""
    colour: str = page.evaluate(
        """name => {
            const word = document.body.appendChild(document.createElement("span"));
            word.style.color = `var(${name})`;
            const { color } = getComputedStyle(word);
            word.remove();
            return color;
        }""",
        _KEYWORD,
    )
    return colour


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_bash_cell_is_coloured_as_bash_and_follows_its_first_line(
    browser: Browser, address: str, theme: Literal["light", "dark"]
) -> None:
    with browser.new_context(viewport={"width": 1280, "height": 1000}, color_scheme=theme) as context:
        page = context.new_page()
        # Its kernel is ready then, so that its language has been set over all cells.
        open_notebook(page, address, "magics.ipynb")
        assert page.evaluate("document.body.dataset.jpThemeLight") == str(theme == "light").lower()
        keyword = _keyword_colour(page)
        # In bash it is a keyword, and in Python a name, which has no colour of its own.
        expect(_word(page, 0, "done")).to_have_css("color", keyword, timeout=WAIT_MILLISECONDS)
        expect(_word(page, 1, "=")).to_be_visible()
        expect(_word(page, 1, "done")).to_have_count(0)
        # A magic that is no language leaves the kernel's.
        expect(_word(page, 2, "import")).to_have_css("color", keyword, timeout=WAIT_MILLISECONDS)

        page.locator(".jp-NotebookPanel:visible .jp-CodeCell .cm-line").first.click()
        page.keyboard.press("Control+Home")
        page.keyboard.insert_text("# ")
        expect(_word(page, 0, "done")).to_have_count(0, timeout=WAIT_MILLISECONDS)
        page.keyboard.press("Control+z")
        expect(_word(page, 0, "done")).to_have_css("color", keyword, timeout=WAIT_MILLISECONDS)
