"""How results look in a notebook: what IPython shows for each type."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from labkit.core.pods.objects import Applied, Rollout
from labkit.core.pods.outcome import Outcome
from labkit.core.run_results import RunResult
from labkit.course.check_views import hint_html, show_check
from labkit.course.checking import CheckResult, Hint
from labkit.course.guess_views import show_guess
from labkit.course.guessing import Guess
from labkit.lab.container import Container
from labkit.lab.samples.image_facts import ImageFacts
from labkit.notebook.shell_cells import running_shell
from labkit.show.table import Table
from labkit.threat.evidence import Tried
from labkit.threat.matrix_tables import cells_table
from labkit.threat.worksheet import Worksheet
from labkit.threat.worksheet_pages import worksheet_table

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# JupyterLab would break lines in the middle of words.
_PRE = "margin:0;padding:0;background:none;color:inherit;white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere"


def outcome_html(outcome: Outcome) -> str:
    """What became of a pod: who refused it and why comes first."""
    seconds = f"known after {outcome.seconds:.1f} s" if outcome.seconds is not None else ""
    return Table(outcome.headline if outcome.refuser else "", (), outcome.rows(), seconds)._repr_html_()


def image_html(facts: ImageFacts) -> str:
    """What an image says of itself."""
    return Table("", (), facts.rows())._repr_html_()


def lines_html(result: object) -> str:
    """A result that is lines of text; the builder colours its stderr, as for a terminal, and a notebook does not."""
    return f'<pre style="{_PRE}">{html.escape(_COLOUR.sub("", str(result)))}</pre>'


def tried_html(tried: Tried) -> str:
    """The line to type, and below it what each probe could."""
    return f'<pre style="{_PRE}">$ {html.escape(tried.line)}</pre>{cells_table(tried.cells)._repr_html_()}'


def worksheet_html(sheet: Worksheet) -> str:
    """The participant's worksheet."""
    return worksheet_table(sheet)._repr_html_()


_HTML: dict[type, Callable[[Any], str]] = {
    Outcome: outcome_html,
    ImageFacts: image_html,
    RunResult: lines_html,
    Container: lines_html,
    Applied: lines_html,
    Rollout: lines_html,
    Tried: tried_html,
    Worksheet: worksheet_html,
    Hint: hint_html,
}


def register_views() -> None:
    """Have a notebook show results as tables; elsewhere, and when called again, nothing changes."""
    shell = running_shell()
    if shell is None or shell.display_formatter is None:
        return
    formatter = shell.display_formatter.formatters["text/html"]
    for shown, as_html in _HTML.items():
        formatter.for_type(shown, as_html)
    shell.display_formatter.ipython_display_formatter.for_type(CheckResult, show_check)
    shell.display_formatter.ipython_display_formatter.for_type(Guess, show_guess)
