"""Pictures of every lesson in JupyterLab, run from top to bottom, in build/screenshots/.

Usage: python -m tools.screenshots [LESSON...]   (by number; all of them when none is named)
Each lesson gives NN-name-light-1280-1.png, -2.png and so on: the notebook from top to bottom, as many as it takes, in a
light and a dark theme, in a window of 1280 and of 1024 pixels.
Exit status: 1 if a cell of a lesson failed.
"""

from __future__ import annotations

import contextlib
import re
import sys
from typing import Literal

from playwright.sync_api import Browser, Page, expect

from labkit.course.lessons import lesson_names
from labkit.lab.lab import Lab
from tests.browser.drive import (
    SCREENSHOTS,
    WAIT_MILLISECONDS,
    chromium,
    jupyterlab,
    open_notebook,
    run_all,
    screenshot_path,
)

_WIDTHS, _HEIGHT, _MOST_HEIGHT = (1280, 1024), 1000, 1800
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_LESSON_MILLISECONDS = 180_000
_ERROR = "[data-mime-type='application/vnd.jupyter.stderr']"
_SCROLLED = ".jp-NotebookPanel:visible .jp-WindowedPanel-outer"


def picture(browser: Browser, address: str, lesson: str) -> bool:
    """Run a lesson once and take its pictures.

    Args:
        browser: the browser.
        address: JupyterLab's, with the token.
        lesson: the notebook's name without its ending.

    Returns:
        Whether every cell ran without an error.
    """
    with browser.new_context(viewport={"width": _WIDTHS[0], "height": _HEIGHT}) as context:
        page = context.new_page()
        open_notebook(page, address, f"{lesson}.ipynb")
        run_all(page)
        prompts = page.locator(".jp-NotebookPanel:visible .jp-CodeCell .jp-InputPrompt")
        with contextlib.suppress(AssertionError):  # the other lessons get their pictures all the same
            expect(prompts.filter(has_text="[*]")).to_have_count(0, timeout=_LESSON_MILLISECONDS)
        errors = page.locator(_ERROR).all_inner_texts()
        # JupyterLab stops at the first cell that fails.
        if re.search(r"\d", prompts.last.inner_text()) is None:
            errors.append("not all of its cells have run")
        for old in SCREENSHOTS.glob(f"{lesson}-*.png"):
            old.unlink()
        for scheme in _SCHEMES:
            page.emulate_media(color_scheme=scheme)
            is_light = str(scheme == "light").lower()
            expect(page.locator("body")).to_have_attribute("data-jp-theme-light", is_light, timeout=WAIT_MILLISECONDS)
            for width in _WIDTHS:
                _take(page, f"{lesson}-{scheme}-{width}", width)
    print(f"{lesson}: {'failed: ' + '; '.join(errors) if errors else 'done'}", flush=True)
    return not errors


def _take(page: Page, name: str, width: int) -> None:
    """Scroll through the notebook, a picture for each windowful."""
    page.set_viewport_size({"width": width, "height": _MOST_HEIGHT})
    scrolled = page.locator(_SCROLLED).first
    # JupyterLab follows the window's size a moment later.
    page.wait_for_function(
        "([panel, height]) => panel.clientHeight > height", arg=[scrolled.element_handle(), _MOST_HEIGHT * 0.8]
    )
    total, visible = scrolled.evaluate(
        """panel => {
            const last = Array.from(panel.querySelectorAll(".jp-Cell")).at(-1).getBoundingClientRect();
            return [last.bottom - panel.getBoundingClientRect().top + panel.scrollTop, panel.clientHeight];
        }"""
    )
    step = visible - 60  # what one picture cuts, the next one shows whole
    for number, top in enumerate(range(0, max(int(total) - 60, 1), step), start=1):
        scrolled.evaluate("(panel, top) => panel.scrollTo({top, behavior: 'instant'})", top)
        page.screenshot(path=screenshot_path(f"{name}-{number}"))


def main(arguments: list[str]) -> int:
    """Take the pictures of the lessons that are named, or of all."""
    wanted = [argument for argument in arguments if re.match(r"\d\d", argument)]
    lessons = [name for name in lesson_names() if not wanted or name.startswith(tuple(wanted))]
    Lab().up()
    with jupyterlab({}) as address, chromium() as browser:
        fine = [picture(browser, address, lesson) for lesson in lessons]
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
