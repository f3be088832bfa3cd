"""The class's pages in Chromium, by the keyboard alone: whoever uses no mouse gets as far as the open course."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.drive import chromium, tab_to
from tests.classroom_live.class_player import PlayedRoom

_SERVER_MILLISECONDS = 180_000
_PAGE_MILLISECONDS = 30_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        yield context.new_page()


def focused(page: Page) -> str:
    """The id, or the text, of what has the keyboard."""
    return str(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))


def test_from_the_sign_in_to_the_open_course(page: Page, room: PlayedRoom) -> None:
    page.goto(f"{room.address}/hub/login")
    assert focused(page) == "code"
    page.keyboard.type("wrong-codeso")
    page.keyboard.press("Tab")
    assert focused(page) == "name"
    page.keyboard.type("Kay Board")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("code is wrong", timeout=_PAGE_MILLISECONDS)
    assert focused(page) == "code", "after a mistake the keyboard is where it can be put right"
    page.keyboard.press("Control+a")
    page.keyboard.type(room.keys.class_code)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You are in, Kay Board")).to_be_visible(timeout=_PAGE_MILLISECONDS)
    assert focused(page) == "Open the course"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/user/p-[0-9a-f]{6}/lab"), timeout=_SERVER_MILLISECONDS)
    expect(page.get_by_role("main").first).to_be_visible(timeout=_SERVER_MILLISECONDS)


def test_whoever_was_here_before_and_the_instructor_open_their_forms_by_the_keyboard(
    page: Page, room: PlayedRoom
) -> None:
    page.goto(f"{room.address}/hub/login")
    for summary, field in (("I was here before, in another browser", "return_code"), ("I am the instructor", "token")):
        tab_to(page, page.get_by_text(summary))
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert focused(page) == field
    page.keyboard.type(room.keys.instructor_token)
    page.keyboard.press("Enter")
    page.wait_for_url("**/hub/admin", timeout=_PAGE_MILLISECONDS)


def test_what_has_the_keyboard_is_seen(page: Page, room: PlayedRoom) -> None:
    page.goto(f"{room.address}/hub/login")
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "(() => { const style = getComputedStyle(document.activeElement);"
            "return document.activeElement === document.body || style.outlineStyle !== 'none' "
            "|| style.boxShadow !== 'none'; })()"
        )
        assert outline, f"nothing shows that {focused(page)} has the keyboard"
        seen.add(focused(page))
    assert {"name", "Sign in"} <= seen
