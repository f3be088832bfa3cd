"""What the browser tests share: one JupyterLab, one Chromium, and a fresh page for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from labkit.lab.lab import Lab
from labkit.show.steps import Silent
from tests.browser.drive import WAIT_MILLISECONDS, chromium, jupyterlab, notebook_of
from tests.notebooks.hygiene import WIDEST_LINE

# What is expected without a time of its own is there at once, on a quick machine.
expect.set_options(timeout=WAIT_MILLISECONDS)

_NOTEBOOKS = {
    "explorer.ipynb": notebook_of("import labkit\nlabkit.explorer()"),
    # An answer with buttons, for which no lab is needed.
    "reopened.ipynb": notebook_of(
        "from labkit.course.check_views import offer_help\n"
        "from labkit.course.checking import CheckResult, Checking\n"
        "from labkit.course.judging.assessment import CheckVerdict\n"
        "from labkit.notebook.opening import Progress, progress_path\n"
        "from labkit.notebook.views import register_views\n"
        "from labkit.base.configuration import Configuration\n\n"
        "register_views()\n"
        "progress = Progress.open(progress_path(Configuration.from_environment()))\n"
        'offer_help("03-non-root-by-default", Checking("03-non-root-by-default", None, progress))\n'
        'CheckResult("03-non-root-by-default", "three-say", CheckVerdict.NOT_YET, "nothing was seen", 3)'
    ),
    "solution.ipynb": notebook_of(
        "from labkit.course.checking import solution_of\n"
        "from labkit.course.exercises import find_exercise\n"
        "from labkit.notebook.views import register_views\n\n"
        "register_views()\n"
        'solution_of(find_exercise("03-non-root-by-default", "three-say"))',
        "prediction = None",
        exercise="three-say",
    ),
    # As wide as a lesson's code may be (tests/notebooks/hygiene.py).
    "wide.ipynb": notebook_of(f"#\n# {'x' * (WIDEST_LINE - 2)}"),
    # Cells of two languages, and of a magic that is none.
    "magics.ipynb": notebook_of(
        "%%bash\nfor name in alpine debian; do docker run --rm $name whoami; done",
        "done = 1\nprint(done)",
        "%%time\nimport labkit",
    ),
    # An answer for which no pod is made.
    "checked.ipynb": notebook_of(
        'import labkit\n\nlab = labkit.open("07-run-as-non-root")\nlab',
        'lab.check("which-cause", "it fails")',
        'lab.hint("which-cause", 1)',
        'lab.solution("which-cause")',
    ),
}


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """JupyterLab's address with its token; the lab is up."""
    Lab(steps=Silent()).up()
    with jupyterlab(_NOTEBOOKS) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that knows nothing of the others'."""
    with browser.new_context(viewport={"width": 1280, "height": 1000}) as context:
        yield context.new_page()
