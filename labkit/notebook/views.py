"""How results look in a notebook: what IPython shows for each type."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from typing import Any

from labkit.core.causes import Cause
from labkit.core.pods.objects import Applied, Rollout
from labkit.core.pods.outcome import Outcome, without_pod
from labkit.core.run_results import RunResult
from labkit.course.check_views import hint_html, show_check
from labkit.course.checking import CheckResult, Hint
from labkit.course.guess_views import show_guess
from labkit.course.guessing import Guess
from labkit.lab.container import Container
from labkit.lab.samples.image_facts import ImageFacts
from labkit.notebook.shell_cells import running_shell
from labkit.show.cards import Tone, card_html, command_html, output_html
from labkit.show.table import Table
from labkit.threat.evidence import Tried
from labkit.threat.matrix_tables import cells_table
from labkit.threat.probes import Probe
from labkit.threat.worksheet import Worksheet
from labkit.threat.worksheet_pages import worksheet_table

_TONES = {"running": Tone.GOOD, "succeeded": Tone.GOOD, "pending": Tone.OPEN}
_MOST_WORDS = 240
_PROMPT = "$ "
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def outcome_html(outcome: Outcome) -> str:
    """What became of a pod: who refused it and why comes first, all else is folded."""
    return card_html(
        _TONES.get(outcome.verdict, Tone.BAD),
        outcome.verdict,
        _headline(outcome),
        label=f"pod {outcome.pod}: {outcome.headline}",
        lines=list(_outcome_lines(outcome)),
        command=outcome.command,
        details=Table("", (), outcome.rows())._repr_html_(),
        note=f"known after {outcome.seconds:.1f} s" if outcome.seconds is not None else "",
    )


def _headline(outcome: Outcome) -> str:
    """What stands beside the verdict: who refused and why, which is not said twice, or what became of the pod."""
    if outcome.refuser is not None:
        count = len(outcome.violations)
        return f"{outcome.who} refuses: {count} violations" if count > 1 else outcome.headline
    status = f"exit status {outcome.exit_status}" if outcome.exit_status is not None else ""
    of = f"container {outcome.container}" if outcome.container and outcome.verdict == "failed" else ""
    whose = f"as {outcome.runs_as}" if outcome.runs_as else ""
    return ", ".join(filter(None, [f"pod {outcome.pod}", of, status, whose]))


def _outcome_lines(outcome: Outcome) -> Iterator[str]:
    """The cause, the words of whoever decided, each violation once, warnings, and what was printed."""
    where = f", in container {html.escape(outcome.container)}" if outcome.container else ""
    if outcome.verdict == "pending":  # What cannot change by itself is not looked at until the deadline.
        yield f"not started so far{where}"
    elif outcome.cause is not None:
        yield f"cause <code>{html.escape(outcome.cause)}</code>{where}"
    if outcome.violations:
        items = "".join(f"<li>{html.escape(violation)}</li>" for violation in outcome.violations)
        yield f'violates<ul style="margin:0 0 0 1.5em;padding:0">{items}</ul>'
    elif outcome.message:
        answer, _, hint = outcome.sentence.partition("\n")
        yield f"in its words: <q>{html.escape(_shortened(answer))}</q>"
        if hint:  # What was probably meant, of a field that the API server does not know.
            yield html.escape(hint)
    yield from (f"warning: {html.escape(warning)}" for warning in outcome.warnings)
    if outcome.logs:
        yield f"it printed{output_html(outcome.logs)}"


def _shortened(message: str) -> str:
    text = without_pod(message)
    return text if len(text) <= _MOST_WORDS else f"{text[:_MOST_WORDS]}…"


def image_html(facts: ImageFacts) -> str:
    """What an image says of itself."""
    return Table("", (), facts.rows())._repr_html_()


def run_html(result: RunResult) -> str:
    """What a command printed and how it ended; one that did not run, or was stopped, is a verdict."""
    if result.cause is None:
        return lines_html(result)
    message = _COLOUR.sub("", result.message or result.stderr)
    status = f", exit status {result.exit_status}" if result.exit_status is not None else ""
    lines = [f"cause <code>{html.escape(result.cause)}</code>{status}"]
    lines += [f"in its words: <q>{html.escape(_shortened(message))}</q>"] if message else []
    return card_html(
        Tone.BAD,
        "stopped" if result.cause is Cause.TIMEOUT else "did not run",
        result.cause.meaning,
        label=f"did not run: {result.cause}",
        lines=lines,
        command=result.command,
        details=output_html(_COLOUR.sub("", str(result))),
    )


def lines_html(result: object) -> str:
    """A result that is lines of text, the line to type first.

    The builder colours its stderr, as for a terminal, and a notebook does not.
    """
    first, _, rest = _COLOUR.sub("", str(result)).partition("\n")
    if not first.startswith(_PROMPT):
        return output_html(_COLOUR.sub("", str(result)))
    return command_html(first.removeprefix(_PROMPT)) + (output_html(rest) if rest else "")


def tried_html(tried: Tried) -> str:
    """The line to type, and below it what each probe could."""
    return command_html(tried.line) + cells_table(tried.cells)._repr_html_()


def worksheet_html(sheet: Worksheet) -> str:
    """The participant's worksheet."""
    return worksheet_table(sheet)._repr_html_()


_HTML: dict[type, Callable[[Any], str]] = {
    Outcome: outcome_html,
    ImageFacts: image_html,
    RunResult: run_html,
    Container: lines_html,
    Applied: lines_html,
    Rollout: lines_html,
    Tried: tried_html,
    Worksheet: worksheet_html,
    Hint: hint_html,
    Probe: lines_html,
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
