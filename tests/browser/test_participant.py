"""One whole lesson as a participant goes through it, with the keyboard alone; and in a dark theme, and enlarged."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.drive import (
    WAIT_MILLISECONDS,
    cell_of,
    end_kernel,
    open_notebook,
    output_of,
    run_all,
    save_notebook,
    screenshot_path,
    tab_to,
    wait_for_last_cell,
)

_LESSON = "07-run-as-non-root.ipynb"
_CHECK = 'lab.check("which-cause", prediction)'
_CELLS = ".jp-NotebookPanel:visible .jp-Cell"
_ACTIVE = f"{_CELLS}.jp-mod-active"
_BEGUN = re.compile(r"\[[\d*]+\]:")
_MOST_CELLS = 120


def _run_cell(page: Page) -> None:
    """Press Shift+Enter and wait until JupyterLab has taken it: it loses keys that come faster than that."""
    cells = page.locator(_CELLS)
    number = cells.evaluate_all("all => all.findIndex(one => one.classList.contains('jp-mod-active'))")
    page.keyboard.press("Shift+Enter")
    if number + 1 < cells.count():
        expect(cells.nth(number + 1)).to_have_class(re.compile("jp-mod-active"), timeout=WAIT_MILLISECONDS)
    prompt = cells.nth(number).locator(".jp-InputPrompt")
    if "jp-CodeCell" in (cells.nth(number).get_attribute("class") or ""):
        expect(prompt).to_have_text(_BEGUN, timeout=WAIT_MILLISECONDS)


def _go_to(page: Page, code: str) -> None:
    """Run cell after cell with Shift+Enter until the one with this code is active; it has not run yet."""
    active = page.locator(_ACTIVE)
    for _ in range(_MOST_CELLS):
        if code in " ".join(active.locator(".jp-InputArea").all_inner_texts()):
            return
        _run_cell(page)
    raise AssertionError(f"no cell with {code}")


def _predict(page: Page, answer: str) -> Locator:
    """Write into the active cell, run it and the check below it; the check's cell."""
    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(f'prediction = "{answer}"')
    _run_cell(page)
    _run_cell(page)
    return cell_of(page, _CHECK)


def test_a_participant_predicts_is_wrong_takes_a_hint_and_passes(page: Page, address: str) -> None:
    open_notebook(page, address, _LESSON)
    page.locator(_ACTIVE).click()
    page.keyboard.press("Escape")
    _go_to(page, "prediction = None")
    refusal = output_of(page, "image-runs-as-root")
    expect(refusal).to_be_visible(timeout=WAIT_MILLISECONDS)
    expect(refusal).to_contain_text("container has runAsNonRoot and image will run as root")

    check = _predict(page, "image-user-not-numeric")
    expect(check).to_contain_text("not right", timeout=WAIT_MILLISECONDS)
    expect(check).to_contain_text("nobody looks at the image any more")

    page.keyboard.press("ArrowUp")
    hint = check.get_by_role("button", name="Hint")
    tab_to(page, hint)
    page.keyboard.press("Enter")
    expect(check).to_contain_text("hint 1 of 3", timeout=WAIT_MILLISECONDS)
    expect(check).to_contain_text("Which of them does the kubelet look at first?")
    check.scroll_into_view_if_needed()
    page.screenshot(path=screenshot_path("exercise"))

    page.keyboard.press("Escape")
    page.keyboard.press("ArrowUp")
    check = _predict(page, "run-as-user-is-root")
    expect(check).to_contain_text("passed", timeout=WAIT_MILLISECONDS)
    expect(check.get_by_role("button", name="Hint")).to_have_count(0)

    page.keyboard.press("a")
    page.keyboard.press("Enter")
    page.keyboard.insert_text("lab")
    _run_cell(page)
    expect(output_of(page, "1 of 3 passed")).to_be_visible(timeout=WAIT_MILLISECONDS)
    _go_to(page, "lab.close()")
    _run_cell(page)
    closed = cell_of(page, "lab.close()").locator(".jp-InputPrompt")
    expect(closed).to_have_text(re.compile(r"\[\d+\]:"), timeout=WAIT_MILLISECONDS)
    expect(page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']")).to_have_count(0)


@pytest.fixture
def dark(browser: Browser) -> Iterator[Page]:
    """A page of somebody who prefers a dark theme."""
    with browser.new_context(viewport={"width": 1280, "height": 1000}, color_scheme="dark") as context:
        yield context.new_page()


@pytest.fixture
def enlarged(browser: Browser) -> Iterator[Page]:
    """A page at 200 % zoom: half as many CSS pixels, each twice as wide."""
    with browser.new_context(viewport={"width": 640, "height": 500}, device_scale_factor=2) as context:
        yield context.new_page()


def _verdict(page: Page, address: str) -> Locator:
    open_notebook(page, address, "checked.ipynb")
    run_all(page)
    wait_for_last_cell(page)
    verdict = output_of(page, "is not one of the five")
    expect(verdict).to_be_visible(timeout=WAIT_MILLISECONDS)
    return verdict


def _is_within(part: Locator, page: Page) -> None:
    """Nothing of it is left or right of the page, and nothing in it is cut."""
    box, size = part.bounding_box(), page.viewport_size
    assert box is not None
    assert size is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= size["width"]
    assert part.evaluate("element => element.scrollWidth <= element.clientWidth")


def _contrast(text: Locator) -> float:
    """How much lighter the one of text and page is than the other, as WCAG 2.2 counts it: 1 to 21."""
    colours = text.evaluate(
        """element => [getComputedStyle(element).color,
                   getComputedStyle(document.body).getPropertyValue("--jp-layout-color0")].map(colour => {
            const context = document.createElement("canvas").getContext("2d");
            context.fillStyle = colour;
            context.fillRect(0, 0, 1, 1);
            return Array.from(context.getImageData(0, 0, 1, 1).data).slice(0, 3);
        })"""
    )

    def light(colour: list[int]) -> float:
        parts = [channel / 255 for channel in colour]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted(light(colour) for colour in colours)
    return (bright + 0.05) / (dark + 0.05)


def test_a_verdict_reads_in_a_dark_theme(dark: Page, address: str) -> None:
    verdict = _verdict(dark, address)
    assert dark.evaluate("document.body.dataset.jpThemeLight") == "false"
    assert _contrast(verdict.get_by_text("not right")) >= 4.5
    assert _contrast(output_of(dark, "exercises:").get_by_text("exercises:")) >= 4.5
    _is_within(verdict, dark)
    dark.screenshot(path=screenshot_path("dark"))


def test_a_notebook_that_is_opened_again_shows_its_buttons_and_what_they_gave(page: Page, address: str) -> None:
    open_notebook(page, address, "reopened.ipynb")
    run_all(page)
    hint = page.locator(".jp-NotebookPanel:visible").get_by_role("button", name=re.compile("Hint$"))
    hint.click(timeout=WAIT_MILLISECONDS)
    expect(output_of(page, "hint 1 of 3")).to_be_visible(timeout=WAIT_MILLISECONDS)
    save_notebook(page, "reopened.ipynb")
    end_kernel(page, "reopened.ipynb")
    open_notebook(page, address, "reopened.ipynb")
    expect(output_of(page, "hint 1 of 3")).to_be_visible(timeout=WAIT_MILLISECONDS)
    expect(hint).to_be_visible()
    expect(page.get_by_text("Error displaying widget")).to_have_count(0)


def test_nothing_of_a_verdict_is_cut_at_200_percent(enlarged: Page, address: str) -> None:
    verdict = _verdict(enlarged, address)
    for part in (verdict, output_of(enlarged, "exercises:"), output_of(enlarged, "hint 1 of 3")):
        _is_within(part, enlarged)
    verdict.scroll_into_view_if_needed()
    expect(verdict).to_be_in_viewport()
    enlarged.screenshot(path=screenshot_path("enlarged"))
