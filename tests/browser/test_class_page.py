"""The instructor's page in a real browser: text of others stays text, and the keyboard is enough. No lab is needed."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect

from labkit.course.course_overview import the_course
from labkit.course.handing_in import hand_in
from tests.class_room import KEY, class_room

_NAME = "<img src=x onerror=alert(1)>"


def test_the_page_shows_text_of_others_as_text_and_is_walked_by_keys(page: Page, tmp_path: Path) -> None:
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text))
    page.on("dialog", lambda dialog: troubles.append(dialog.message))
    with class_room(tmp_path, participants=30) as room:
        document = json.loads(hand_in({}, the_course(), ""))
        document |= {"name": _NAME, "hand": {"since": document["made"], "text": "<b>why</b>"}}
        assert room.share(json.dumps(document).encode())[0] == 204
        page.goto(room.addresses.page)
        assert "token" not in page.url
        expect(page.locator("tbody tr")).to_have_count(31)
        expect(page.locator("#hands")).to_contain_text("<b>why</b>")
        expect(page.locator("tbody").get_by_text(_NAME)).to_be_visible()
        assert page.locator("img, #hands b").count() == 0
        first = page.locator("tbody [tabindex='0']")
        first.focus()
        for key in ("Control+Home", "ArrowDown", "ArrowRight"):
            page.keyboard.press(key)
        expect(page.locator("#detail")).to_contain_text("01 whose-files")
        page.get_by_role("button", name="Hide names").press("Enter")
        expect(page.get_by_text(_NAME)).to_have_count(0)
        room.server.shared.forget(KEY)
        expect(page.locator("tbody tr")).to_have_count(30)
        page.get_by_label("Lesson").select_option("07-run-as-non-root")
        expect(page.locator("thead")).to_contain_text("which-cause")
        expect(page.locator("tbody tr").first.locator("td[role=gridcell]")).to_have_count(3)
    expect(page.get_by_role("alert")).to_contain_text("does not answer")
    # Once the server is gone, the browser says so, too.
    assert [trouble for trouble in troubles if "ERR_CONNECTION" not in trouble] == []
