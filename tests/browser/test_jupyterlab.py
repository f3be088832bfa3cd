"""JupyterLab as `labkit lab` opens it, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from labkit.course.lessons import lesson_names
from tests.browser.drive import (
    WAIT_MILLISECONDS,
    cell_of,
    open_notebook,
    output_of,
    run_all,
    screenshot_path,
)


def test_it_opens_on_the_first_lesson_with_the_course_on_the_left(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", name="Start here")).to_be_visible(timeout=WAIT_MILLISECONDS)
    lessons = page.get_by_role("region", name="Course").locator(".lk-lesson")
    expect(lessons).to_have_count(len(lesson_names()), timeout=WAIT_MILLISECONDS)
    expect(lessons.filter(has_text="Harden an app that nobody thought of users for")).to_be_visible()
    page.screenshot(path=screenshot_path("00-start-here"))


def test_a_lessons_link_to_a_page_opens_the_page_to_read(page: Page, address: str) -> None:
    open_notebook(page, address, "00-start-here.ipynb")
    page.get_by_role("link", name="Known issues").click()
    heading = page.locator(".jp-MarkdownViewer").get_by_role("heading", name="Known issues")
    expect(heading).to_be_visible(timeout=WAIT_MILLISECONDS)


def test_a_notebook_has_a_dot_once_somebody_has_changed_it_and_not_before(page: Page, address: str) -> None:
    open_notebook(page, address, "07-run-as-non-root.ipynb")
    dot = page.locator(".jp-mod-dirty")
    expect(dot).to_have_count(0)
    cell_of(page, "import labkit").locator(".cm-content").click()
    page.keyboard.type("# mine")
    expect(dot.first).to_be_attached(timeout=WAIT_MILLISECONDS)


def test_a_solution_is_put_into_its_cell(page: Page, address: str) -> None:
    open_notebook(page, address, "solution.ipynb")
    run_all(page)
    solution = output_of(page, "a solution of three-say")
    expect(solution).to_be_visible(timeout=WAIT_MILLISECONDS)
    solution.locator("summary").click()
    solution.get_by_role("button", name="Put it into the cell").click()
    expect(cell_of(page, 'prediction = "4242"')).to_be_visible(timeout=WAIT_MILLISECONDS)


@pytest.fixture(params=[1024, 1280])
def sized(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page of a usual width."""
    with browser.new_context(viewport={"width": request.param, "height": 768}) as context:
        yield context.new_page()


def test_the_widest_line_of_a_lesson_is_one_line_beside_the_panel(sized: Page, address: str) -> None:
    open_notebook(sized, address, "wide.ipynb")
    expect(sized.get_by_role("region", name="Course")).to_be_visible(timeout=WAIT_MILLISECONDS)
    lines = sized.locator(".jp-NotebookPanel:visible .cm-line")
    expect(lines).to_have_count(2)
    # The panel may still take its room from the notebook.
    sized.wait_for_function(
        "([short, wide]) => 0 < wide.clientHeight && wide.clientHeight === short.clientHeight",
        arg=[line.element_handle() for line in lines.all()],
        timeout=WAIT_MILLISECONDS,
    )


def test_without_the_token_nothing_is_shown(page: Page, address: str) -> None:
    page.goto(address.partition("?")[0])
    expect(page.get_by_text("Token authentication is enabled")).to_be_visible(timeout=WAIT_MILLISECONDS)


def test_the_explorer_changes_with_what_is_chosen(page: Page, address: str) -> None:
    open_notebook(page, address, "explorer.ipynb")
    run_all(page)
    answer = output_of(page, "labkit.explain(")
    expect(answer).to_be_visible(timeout=WAIT_MILLISECONDS)
    page.get_by_label("image", exact=True).fill("named-user")
    page.get_by_label("image", exact=True).press("Enter")
    page.get_by_label("pod runAsNonRoot").select_option("true")
    expect(answer).to_contain_text("image-user-not-numeric", timeout=WAIT_MILLISECONDS)
    labels = page.locator(".jp-OutputArea .widget-label:visible")
    assert labels.count() >= 12
    assert [label for label in labels.all() if label.evaluate("label => label.scrollWidth > label.clientWidth")] == []
    page.screenshot(path=screenshot_path("explorer"), full_page=True)
    page.get_by_label("pod runAsUser").fill("1654")
    page.get_by_label("pod runAsUser").press("Enter")
    expect(answer).to_contain_text("labkit.explain('named-user', pod={'runAsNonRoot': True, 'runAsUser': 1654})")
    expect(answer).to_contain_text("uid 1654 (app)")
    expect(answer).not_to_contain_text("image-user-not-numeric")
