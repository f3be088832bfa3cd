"""The panel *Course* in a real browser: by keyboard, with a pod that is refused, against servers that are not ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from labkit.base.configuration import Configuration
from labkit.lab.lab import Lab
from labkit.show.steps import Silent
from tests.browser.drive import WAIT_MILLISECONDS, screenshot_path, tab_to

_LESSON = "07-run-as-non-root"
_MOST_MILLISECONDS = 100
_MOST_STARTS = 5
_HOSTILE = "<img src=x onerror='window.pwned = 1'><script>window.pwned = 1</script>"


def _panel(page: Page) -> Locator:
    return page.get_by_role("region", name="Course")


def _wait_until_shown(page: Page, lesson: Locator, heading: str) -> None:
    """Wait until the lesson of a button is the panel's and the page's: each lesson has cells like the one before it."""
    expect(lesson).to_have_attribute("aria-current", "page", timeout=WAIT_MILLISECONDS)
    expect(page.locator(".jp-NotebookPanel:visible h1")).to_contain_text(heading, timeout=WAIT_MILLISECONDS)


def _milliseconds_of_the_panel(page: Page, address: str) -> float:
    """Open JupyterLab on the first lesson; how much longer that takes for the panel.

    A busy machine may take the processor away meanwhile, which is no work of the panel's: then it is opened again.
    """
    for _ in range(_MOST_STARTS):
        page.goto(address)
        lesson = _panel(page).locator(".lk-lesson[aria-current]")
        expect(lesson).to_contain_text("Start here", timeout=WAIT_MILLISECONDS)
        taken = float(
            page.evaluate("performance.getEntriesByName('labkit-panel').reduce((sum, part) => sum + part.duration, 0)")
        )
        if taken < _MOST_MILLISECONDS:
            break
    return taken


@pytest.fixture
def refused_pod() -> Iterator[str]:
    """A pod of lesson 07 that asks for non-root with an image of root's, in a namespace of its own."""
    image = Configuration.from_environment().image_reference("aspnetapp-root")
    container = {"name": "app", "image": image, "imagePullPolicy": "Never"}
    manifest = {
        "metadata": {"name": "insists"},
        "spec": {"securityContext": {"runAsNonRoot": True}, "containers": [container]},
    }
    with Lab(steps=Silent()) as lab:
        namespace = lab.kube().new_namespace(_LESSON)
        try:
            assert lab.kube().create_pod(manifest, "insists", namespace) is None
            yield namespace
        finally:
            lab.kube().delete_namespace(namespace)


def test_by_keyboard_from_the_first_page_to_a_hint_and_a_refused_pod(
    page: Page, address: str, refused_pod: str
) -> None:
    assert 0 < _milliseconds_of_the_panel(page, address) < _MOST_MILLISECONDS
    panel = _panel(page)
    expect(page.get_by_role("heading", name="Start here")).to_be_visible(timeout=WAIT_MILLISECONDS)
    # JupyterLab moves the focus into the notebook that it opens, on a busy machine long after it is to be seen.
    expect(page.locator("#jp-main-statusbar").get_by_text("| Idle")).to_be_visible(timeout=WAIT_MILLISECONDS)

    page.keyboard.press("Control+Alt+c")
    lesson = panel.get_by_role("button", name="07, Kubernetes insists: runAsNonRoot")
    tab_to(page, lesson)
    page.keyboard.press("Enter")
    _wait_until_shown(page, lesson, "runAsNonRoot")
    expect(page.get_by_role("button", name=re.compile("Lab: up · lesson 07: 0 of"))).to_be_visible()

    row = panel.locator(".lk-rows > li", has_text="insists")
    expect(row).to_contain_text("CreateContainerConfigError", timeout=WAIT_MILLISECONDS)
    expect(row).to_contain_text("refused")
    expect(row).to_contain_text("the kubelet refuses: runAsNonRoot is true and the image's user is 0 or empty")
    expect(row).to_have_attribute("data-verdict", "refused")

    page.keyboard.press("Control+Alt+c")
    hint = panel.get_by_role("button", name="Hint")
    tab_to(page, hint)
    page.keyboard.press("Enter")
    expect(panel.get_by_role("status").filter(has_text="hint 1 of 3")).to_be_visible(timeout=WAIT_MILLISECONDS)
    expect(hint).to_be_focused()
    page.screenshot(path=screenshot_path("panel"))
    page.keyboard.press("Enter")
    second = panel.get_by_role("status").filter(has_text="hint 2 of 3")
    expect(second.locator("code").first).to_have_text("lab.pod", timeout=WAIT_MILLISECONDS)
    expect(second).not_to_contain_text("`")

    reset = panel.get_by_role("button", name="Reset…")
    tab_to(page, reset)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your notebook and your progress stay", timeout=WAIT_MILLISECONDS)
    tab_to(page, dialog.get_by_role("button", name="Reset"))
    page.keyboard.press("Enter")
    expect(panel).to_contain_text("The lesson is empty again", timeout=WAIT_MILLISECONDS)
    expect(row).to_have_count(0, timeout=WAIT_MILLISECONDS)


def test_a_lesson_that_is_restored_is_shown_restored_and_what_was_not_saved_is_kept(page: Page, address: str) -> None:
    page.goto(address)
    panel = _panel(page)
    lesson = panel.get_by_role("button", name="03, Non-root by default")
    lesson.click(timeout=WAIT_MILLISECONDS)
    _wait_until_shown(page, lesson, "Non-root by default")
    first = page.locator(".jp-NotebookPanel:visible .jp-CodeCell .cm-content").first
    expect(first).to_contain_text("import labkit", timeout=WAIT_MILLISECONDS)
    first.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("  # not saved")
    expect(first).to_contain_text("not saved")
    panel.get_by_role("button", name="Restore…").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore").click()
    expect(panel).to_contain_text("Yours is 03-non-root-by-default-mine-1.ipynb", timeout=WAIT_MILLISECONDS)
    expect(first).not_to_contain_text("not saved", timeout=WAIT_MILLISECONDS)
    mine = address.replace("/lab/tree/", "/files/").replace("00-start-here", "03-non-root-by-default-mine-1")
    assert "# not saved" in page.request.get(mine).text()

    # What it said of this lesson would be read as another one's.
    panel.get_by_role("button", name="00, Start here").click()
    expect(panel).not_to_contain_text("Yours is", timeout=WAIT_MILLISECONDS)


def test_a_lesson_that_is_chosen_while_jupyterlab_still_opens_another_stays_in_front(page: Page, address: str) -> None:
    held: list[Route] = []
    is_chosen = False
    page.route(
        "**/api/contents/notebooks/00-start-here.ipynb?**",
        lambda request: request.continue_() if is_chosen else held.append(request),
    )
    page.goto(address.replace("/lab/tree/", "/lab/workspaces/early/tree/"))
    lesson = _panel(page).get_by_role("button", name="03, Non-root by default")
    lesson.click(timeout=WAIT_MILLISECONDS)
    is_chosen = True
    for request in held:
        request.continue_()
    tabs = page.locator("#jp-main-dock-panel .lm-TabBar-tab")
    expect(tabs.filter(has_text="00-start-here.ipynb")).to_be_visible(timeout=WAIT_MILLISECONDS)
    _wait_until_shown(page, lesson, "Non-root by default")
    expect(tabs.filter(has_text="03-non-root-by-default.ipynb")).to_have_class(re.compile("lm-mod-current"))


def _course(title: str, **more: Any) -> dict[str, Any]:
    lesson = {"lesson": _LESSON, "title": title, "minutes": 35, "path": None, "passed": 0, "of": 3}
    lab = {"state": "up", "engine": {"reachable": True, "version": title}, "making": None, "problem": None}
    return {
        "format": 1,
        "lessons": [{**lesson, "done": False, "open_exercise": title}],
        "next": None,
        "problem": None,
        "lab": {**lab, "cluster": {"ready": True, "kubernetes": title}},
        **more,
    }


def _pods(message: str) -> dict[str, Any]:
    row = {"key": "k", "kind": "pod", "name": message, "container": "app", "uid": 0, "state": "waiting"}
    told = {"reason": message, "verdict": "refused", "cause": message, "headline": message, "message": message}
    problem = {"tried": message, "came_back": message, "remedy": f"{message}\n  {message}"}
    return {"format": 1, "namespace": message, "rows": [{**row, **told}], "problem": problem}


class _PanelAnswers:
    """Answers in the place of the kit's part of the server."""

    def __init__(self, page: Page) -> None:
        self.status, self.body, self.asked = 200, "", 0
        page.route("**/labkit/**", self._answer)

    def _answer(self, route: Route) -> None:
        self.asked += 1
        is_pods = self.status == 200 and "/pods" in route.request.url and "<img" in self.body
        body = json.dumps(_pods(_HOSTILE)) if is_pods else self.body
        route.fulfill(status=self.status, body=body, content_type="application/json")


@pytest.fixture
def narrow(browser: Browser) -> Iterator[Page]:
    """A page at 200 % zoom."""
    with browser.new_context(viewport={"width": 640, "height": 500}, device_scale_factor=2) as context:
        yield context.new_page()


def test_hostile_texts_stay_texts_and_a_server_that_is_not_ours_is_left_alone(narrow: Page, address: str) -> None:
    answers = _PanelAnswers(narrow)
    answers.body = json.dumps(_course(_HOSTILE))
    narrow.clock.install()
    narrow.goto(address.replace("/lab/tree/", "/lab/workspaces/narrow/tree/"))
    status = narrow.locator(".lk-status")
    expect(status).to_contain_text("Lab: up", timeout=WAIT_MILLISECONDS)
    panel = narrow.locator("#labkit-panel")
    expect(panel).to_be_hidden()  # At 200 % the page is the notebook's, until the panel is asked for.
    status.press("Enter")
    expect(panel.locator(".lk-rows > li")).to_contain_text(_HOSTILE, timeout=WAIT_MILLISECONDS)
    expect(panel.locator(".lk-lesson")).to_contain_text(_HOSTILE)
    assert panel.locator("img, script").count() == 0
    assert narrow.evaluate("window.pwned") is None
    assert panel.evaluate("element => element.scrollWidth <= element.clientWidth")
    narrow.screenshot(path=screenshot_path("panel-enlarged"))

    for number, (code, body, sentence) in enumerate(
        [
            (200, json.dumps({"lessons": [], "lab": {}}), "of another version: no format"),
            (200, json.dumps(_course("x", format=0)), "of another version: format 0"),
            (404, "{}", "without labkit's part of the server"),
            (200, "<html>", "answered 200 without JSON"),
            (500, json.dumps({"message": "Internal Server Error"}), "It answered 500"),
            (200, json.dumps(_course("x", lessons=[{"lesson": 3}])), "no answer that makes sense"),
        ]
    ):
        answers.status, answers.body = code, body
        again = panel.get_by_role("button", name="Try again")
        if number:
            again.click()
        expect(panel.get_by_role("alert")).to_contain_text(sentence, timeout=WAIT_MILLISECONDS)
        expect(panel.get_by_role("button")).to_have_count(1)
        expect(again).to_be_visible()
    asked = answers.asked
    narrow.clock.fast_forward(60_000)
    narrow.evaluate("fetch('/labkit/last')")  # Whatever the panel had asked by now would have been answered before.
    assert answers.asked == asked + 1

    answers.status, answers.body = 200, json.dumps(_course("Kubernetes insists"))
    again.click()
    expect(panel.locator(".lk-lesson")).to_contain_text("Kubernetes insists", timeout=WAIT_MILLISECONDS)
    expect(panel.get_by_role("alert")).to_be_empty()
