"""A participant's view: JupyterLab in a real browser, a lesson run from top to bottom."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from labkit.host import debian
from labkit.jupyter import jupyterlab_command, set_defaults
from labkit.lab import Lab
from labkit.settings import CHECKOUT
from labkit.show.progress import Silent

_SCREENSHOTS = CHECKOUT / "build" / "screenshots"
_START_SECONDS = 60
_RUN_MILLISECONDS = 60_000
# Chromium would otherwise look for its maker's servers at every start, and as root it cannot use its sandbox.
_CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
_KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
_CELL = {"id": "one", "cell_type": "code", "source": "import labkit\nlabkit.explorer()", "metadata": {}, "outputs": []}
_EXPLORER = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": _KERNEL,
    "cells": [{**_CELL, "execution_count": None}],
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """JupyterLab as `labkit lab` starts it, on a port of its own; its address with the token."""
    Lab(steps=Silent()).up()
    set_defaults(Path(sys.prefix))
    with tempfile.TemporaryDirectory() as folder:
        # JupyterLab saves what it shows; the project's own notebooks stay without outputs.
        shutil.copytree(CHECKOUT / "notebooks", Path(folder) / "notebooks")
        (Path(folder) / "notebooks" / "explorer.ipynb").write_text(json.dumps(_EXPLORER), encoding="utf-8")
        command = jupyterlab_command(["--port=0"], root=os.geteuid() == 0, display=False, folder=Path(folder))
        environment = {**os.environ, "JUPYTER_RUNTIME_DIR": folder, "JUPYTERLAB_WORKSPACES_DIR": f"{folder}/workspaces"}
        server = subprocess.Popen(
            command, cwd=CHECKOUT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            yield _address_of(server)
        finally:
            server.terminate()
            server.communicate(timeout=_START_SECONDS)


def _address_of(server: subprocess.Popen[str]) -> str:
    assert server.stderr is not None
    said = []
    for line in server.stderr:
        said.append(line)
        if match := re.search(r"http://127\.0\.0\.1:\d+/lab\S*\?token=\w+", line):
            return match.group()
    raise AssertionError("JupyterLab ended:\n" + "".join(said))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    debian.add_programs("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that knows nothing of the others'."""
    with browser.new_context(viewport={"width": 1280, "height": 1000}) as context:
        yield context.new_page()


def _open(page: Page, address: str, notebook: str) -> None:
    base, _, token = address.partition("?")
    # A workspace of its own: JupyterLab would bring back the notebooks that another test has opened.
    page.goto(f"{base.split('/lab')[0]}/lab/workspaces/alone/tree/notebooks/{notebook}?{token}")
    expect(page.locator(".jp-NotebookPanel:visible .jp-Cell").first).to_be_visible(timeout=_RUN_MILLISECONDS)
    # Before its kernel is ready JupyterLab would ask which one to take.
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=_RUN_MILLISECONDS)


def _run_all(page: Page) -> None:
    # On a busy machine the menu opens before the notebook listens, and the click is lost.
    prompt = page.locator(".jp-NotebookPanel:visible .jp-CodeCell .jp-InputPrompt").first
    for _ in range(3):
        page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        page.locator(".lm-Menu-item[data-command='runmenu:run-all']").click()
        with contextlib.suppress(AssertionError):
            expect(prompt).to_have_text(re.compile(r"\[[\d*]+\]:"), timeout=10_000)
            return
    raise AssertionError("no cell has begun to run")


def test_it_opens_on_the_first_lesson(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", name="Start here")).to_be_visible(timeout=_RUN_MILLISECONDS)
    page.screenshot(path=_screenshot("00-start-here"))


def test_without_the_token_nothing_is_shown(page: Page, address: str) -> None:
    page.goto(address.partition("?")[0])
    expect(page.get_by_text("Token authentication is enabled")).to_be_visible(timeout=_RUN_MILLISECONDS)


def test_a_refusal_and_its_cause_are_on_the_page(page: Page, address: str) -> None:
    _open(page, address, "07-run-as-non-root.ipynb")
    _run_all(page)
    table = page.locator(".jp-OutputArea-output", has_text="container has runAsNonRoot and image will run as root")
    expect(table.first).to_be_visible(timeout=_RUN_MILLISECONDS)
    expect(table.first).to_contain_text("refused")
    expect(table.first).to_contain_text("image-runs-as-root")
    # The last cell shows nothing; its number says that it has run, and with it all the others.
    last = page.locator(".jp-NotebookPanel:visible .jp-CodeCell .jp-InputPrompt").last
    expect(last).to_have_text(re.compile(r"\[\d+\]:"), timeout=_RUN_MILLISECONDS)
    expect(page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']")).to_have_count(0)
    table.first.scroll_into_view_if_needed()
    page.screenshot(path=_screenshot("07-run-as-non-root"))


def test_the_explorer_changes_with_what_is_chosen(page: Page, address: str) -> None:
    _open(page, address, "explorer.ipynb")
    _run_all(page)
    answer = page.locator(".jp-OutputArea-output", has_text="labkit.explain(")
    expect(answer.first).to_be_visible(timeout=_RUN_MILLISECONDS)
    page.get_by_label("image", exact=True).fill("named-user")
    page.get_by_label("image", exact=True).press("Enter")
    page.get_by_label("runAsNonRoot").first.select_option("true")
    expect(answer.first).to_contain_text("image-user-not-numeric", timeout=_RUN_MILLISECONDS)
    page.screenshot(path=_screenshot("explorer"), full_page=True)
    page.get_by_label("runAsUser").first.fill("1654")
    page.get_by_label("runAsUser").first.press("Enter")
    expect(answer.first).to_contain_text("labkit.explain('named-user', pod={'runAsNonRoot': True, 'runAsUser': 1654})")
    expect(answer.first).to_contain_text("uid 1654 (app)")
    expect(answer.first).not_to_contain_text("image-user-not-numeric")


def _screenshot(name: str) -> Path:
    _SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return _SCREENSHOTS / f"{name}.png"
