"""JupyterLab with the course in the system's Chromium, and what a participant's hands do there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, Response, expect, sync_playwright

from labkit.adapters import debian
from labkit.base.configuration import Configuration
from labkit.base.resources import CHECKOUT
from labkit.course.course_folder import VARIABLE, CourseFolder
from labkit.notebook.jupyterlab import jupyterlab_command, set_defaults
from tests.jupyterlab import address_of
from tests.killed_runs import new_folder

SCREENSHOTS = CHECKOUT / "build" / "screenshots"
WAIT_MILLISECONDS = 60_000
_STOP_SECONDS = 60
# Chromium would otherwise look for its maker's servers at every start, and as root it cannot use its sandbox.
_CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
_KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
_PANEL = ".jp-NotebookPanel:visible"


def notebook_of(*sources: str, exercise: str = "") -> str:
    """A notebook of code cells, as JSON.

    Args:
        sources: of the cells.
        exercise: the one whose cell to edit is the last.
    """
    cell: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [{**cell, "id": f"cell-{number}", "source": source} for number, source in enumerate(sources)]
    if exercise:
        cells[-1]["metadata"] = {"labkit": {"exercise": exercise}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": _KERNEL, "cells": cells})


@contextlib.contextmanager
def jupyterlab(notebooks: Mapping[str, str]) -> Iterator[str]:
    """JupyterLab as `labkit lab` starts it, on a participant's folder, with a port, settings and progress of its own.

    Args:
        notebooks: further notebooks beside the lessons, name -> JSON.

    Returns:
        Its address with the token.
    """
    with contextlib.ExitStack() as stack:
        folder = new_folder("course")
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        course = CourseFolder(folder / "course")
        course.follow_course()
        for name, text in notebooks.items():
            (course.path / "notebooks" / name).write_text(text, encoding="utf-8")
        environment = {
            **os.environ,
            **set_defaults(folder / "defaults", Configuration.from_environment()),
            "JUPYTER_RUNTIME_DIR": f"{folder}/runtime",
            "JUPYTERLAB_SETTINGS_DIR": f"{folder}/settings",
            "JUPYTERLAB_WORKSPACES_DIR": f"{folder}/workspaces",
            "LABKIT_DATA": f"{folder}/data",
            VARIABLE: str(course.path),
        }
        command = jupyterlab_command(course.path, ["--port=0"], root=os.geteuid() == 0, display=False)
        server = subprocess.Popen(
            command, cwd=course.path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        try:
            yield address_of(server)[0]
        finally:
            server.terminate()
            server.communicate(timeout=_STOP_SECONDS)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium."""
    debian.add_programs("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_CHROMIUM)
        yield browser
        browser.close()


def tab_to(page: Page, button: Locator, most: int = 40) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(most):
        if button.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the Tab key does not lead to the button")


def open_notebook(page: Page, address: str, notebook: str) -> None:
    """Open a notebook and wait for its kernel."""
    base, _, token = address.partition("?")
    # A workspace of its own: JupyterLab would bring back the notebooks that another test has opened.
    workspace = re.sub(r"\W", "-", notebook)
    page.goto(f"{base.split('/lab')[0]}/lab/workspaces/{workspace}/tree/notebooks/{notebook}?{token}")
    expect(page.locator(f"{_PANEL} .jp-Cell").first).to_be_visible(timeout=WAIT_MILLISECONDS)
    # Before its kernel is ready JupyterLab would ask which one to take.
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=WAIT_MILLISECONDS)


def save_notebook(page: Page, notebook: str) -> None:
    """Save a notebook by keyboard; returns when the server has it.

    A dot that is not there tells nothing: JupyterLab draws it some time after the last output has come.

    Args:
        page: of JupyterLab.
        notebook: its file's name.
    """

    def has_saved(response: Response) -> bool:
        return response.request.method == "PUT" and response.url.partition("?")[0].endswith(f"/{notebook}")

    with page.expect_response(has_saved, timeout=WAIT_MILLISECONDS) as saving:
        page.keyboard.press("Control+s")
    assert saving.value.ok


def end_kernel(page: Page, notebook: str) -> None:
    """End a notebook's kernel, as the server's next start does.

    Args:
        page: of JupyterLab.
        notebook: its file's name.
    """
    page.evaluate(
        """async notebook => {
            const base = JSON.parse(document.getElementById("jupyter-config-data").textContent);
            const headers = { Authorization: `token ${base.token}` };
            const sessions = await (await fetch("/api/sessions", { headers })).json();
            const mine = sessions.filter(session => session.path.endsWith(notebook));
            await Promise.all(mine.map(({ id }) => fetch(`/api/sessions/${id}`, { headers, method: "DELETE" })));
        }""",
        notebook,
    )


def run_all(page: Page) -> None:
    """Run all cells by the menu; returns when the first has begun."""
    # On a busy machine the menu opens before the notebook listens, and the click is lost.
    prompt = page.locator(f"{_PANEL} .jp-CodeCell .jp-InputPrompt").first
    for _ in range(3):
        page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        page.locator(".lm-Menu-item[data-command='runmenu:run-all']").click()
        with contextlib.suppress(AssertionError):
            expect(prompt).to_have_text(re.compile(r"\[[\d*]+\]:"), timeout=10_000)
            return
    raise AssertionError("no cell has begun to run")


def wait_for_last_cell(page: Page, milliseconds: int = WAIT_MILLISECONDS) -> None:
    """Wait until the last cell has run, and with it all the others."""
    last = page.locator(f"{_PANEL} .jp-CodeCell .jp-InputPrompt").last
    expect(last).to_have_text(re.compile(r"\[\d+\]:"), timeout=milliseconds)


def cell_of(page: Page, code: str) -> Locator:
    """The first code cell with this text in it."""
    return page.locator(f"{_PANEL} .jp-CodeCell").filter(has=page.locator(".jp-InputArea", has_text=code)).first


def output_of(page: Page, text: str) -> Locator:
    """The first output with this text in it."""
    return page.locator(f"{_PANEL} .jp-OutputArea-output", has_text=text).first


def screenshot_path(name: str) -> Path:
    """Where a screenshot goes."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS / f"{name}.png"
