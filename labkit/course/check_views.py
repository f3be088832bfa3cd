"""How the course looks: a check's answer, a hint, and the line that says how a lesson stands.

Colours are JupyterLab's own where it gives them, so that they follow its theme; a word and a sign say the same.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from labkit.adapters import podman
from labkit.base.errors import LabError
from labkit.course.checking import CheckResult, Hint, in_file
from labkit.course.judging.assessment import CheckVerdict
from labkit.show.cards import COPY_BUTTON
from labkit.show.live_line import display_raw
from labkit.show.steps import in_notebook
from labkit.show.table import NO_MATHEMATICS, whole

_SIGNS = {CheckVerdict.PASSED: "\u2713", CheckVerdict.NOT_YET: "\u25cb", CheckVerdict.NOT_RIGHT: "\u2717"}
_COLOURS = {
    CheckVerdict.PASSED: "var(--jp-success-color1, #388e3c)",
    CheckVerdict.NOT_YET: "var(--jp-warn-color1, #f57c00)",
    CheckVerdict.NOT_RIGHT: "var(--jp-error-color1, #d32f2f)",
}
_HINT_COLOUR = "var(--jp-info-color1, #0097a7)"
# Lines that can be read, and words that break where there is no room for them, as on a page enlarged to 200 %.
_BLOCK = (
    "border-left:4px solid {colour};padding:2px 12px;margin:4px 0;max-width:88ch;line-height:1.5;"
    "overflow-wrap:anywhere;white-space:pre-line"
)
_CODE = "margin:4px 0;background:none;color:inherit;white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere"
BUTTONS = "Buttons: Hint, Solution"
"""What is read where no kernel serves them."""
_VIEW = "application/vnd.jupyter.widget-view+json"


class Helper(Protocol):
    """Gives the hints and solutions of a lesson; `labkit.course.checking.Checking` does."""

    def hint(self, name: str) -> Hint:
        """The next hint of an exercise."""

    def solution(self, name: str, *, put: bool = False) -> Hint:
        """A solution of an exercise, which can be put into the file that is edited."""


_helpers: dict[str, Helper] = {}


def offer_help(lesson: str, helper: Helper) -> None:
    """Have the checks of a lesson offer its hints and solutions as buttons.

    Args:
        lesson: the notebook's name without its ending.
        helper: gives them.
    """
    _helpers[lesson] = helper


def check_html(result: CheckResult) -> str:
    """A check's answer: the verdict as a sign and a word, the exercise, what was seen, and the calls that help."""
    verdict = f'<span aria-hidden="true">{_SIGNS[result.verdict]}</span> {result.verdict}'
    lines = [f"<strong>{verdict}</strong>: {html.escape(result.exercise)}", prose_html(result.message)]
    if result.verdict is not CheckVerdict.PASSED:
        name = html.escape(f'("{result.exercise}")')
        hint, solution = (whole(f"<code>lab.{call}{name}</code>.") for call in ("hint", "solution"))
        # How many are left would be wrong as soon as the button below is pressed.
        lines.append(f"<small>A hint: {hint} A solution: {solution}</small>")
    elif result.goes_on:
        lines.append(f"<small>{html.escape(result.goes_on)}</small>")
    return _block(_COLOURS[result.verdict], lines)


def hint_html(hint: Hint) -> str:
    """A hint; a solution is folded, so that nobody reads it by accident."""
    if hint.is_code:
        summary = f"{html.escape(hint.title)} of {html.escape(hint.exercise)}"
        return _block(_HINT_COLOUR, [f"<details><summary>{summary}</summary>{solution_html(hint)}</details>"])
    head = f"<strong>{html.escape(hint.title)}</strong>: {html.escape(hint.exercise)}"
    return _block(_HINT_COLOUR, [head, prose_html(hint.text)])


def solution_html(hint: Hint) -> str:
    """A solution: a cell's code, or what changes in a file.

    The buttons below code are hidden where nothing serves them (extension/src/copy.ts, notebooks.ts).
    """
    if not hint.file:
        code = f'<pre class="labkit-line labkit-code" style="{_CODE}">{html.escape(hint.text)}</pre>'
        buttons = f'{COPY_BUTTON} <button type="button" class="labkit-put" hidden>Put it into the cell</button>'
        exercise = f'<span class="labkit-exercise" hidden>{html.escape(hint.exercise)}</span>'
        return f'<div class="labkit-command labkit-solution">{code}{buttons}{exercise}</div>'
    first = f"<div>First, in a cell:</div>{_pre(html.escape(hint.before))}" if hint.before else ""
    lines = "\n".join(map(_changed, hint.text.splitlines()))
    return f"{first}<div>Changed {html.escape(in_file(hint.file))}</div>{_pre(lines)}"


def _pre(inside: str) -> str:
    return f'<pre style="{_CODE}">{inside}</pre>'


def _changed(line: str) -> str:
    """A line of a file; one that is new, or goes, is bold beside its sign."""
    text = html.escape(line)
    return text if line.startswith(" ") else f"<strong>{text}</strong>"


def _block(colour: str, lines: list[str]) -> str:
    inside = "".join(f"<div>{line}</div>" for line in lines)
    return f'<div {NO_MATHEMATICS} style="{_BLOCK.format(colour=colour)}">{inside}</div>'


def prose_html(text: str) -> str:
    """Text as HTML; what is between backticks is code."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", html.escape(text))


class HelpButtons:
    """Buttons below a check that is not passed; each does what a call of `lab` does.

    What a press gives is appended below the buttons, in the kernel's main thread: with ipykernel 7 an output context
    loses text (jupyter-widgets/ipywidgets#4020).

    Args:
        result: the check's answer.
        helper: gives hints and solutions.
    """

    def __init__(self, result: CheckResult, helper: Helper) -> None:
        import ipywidgets as widgets  # type: ignore[import-untyped]

        self._given: list[str] = []
        layout = widgets.Layout(width="auto")
        name = f'("{result.exercise}")'
        self.hint = widgets.Button(description="Hint", tooltip=f"lab.hint{name}", layout=layout)
        self.solution = widgets.Button(description="Solution", tooltip=f"lab.solution{name}", layout=layout)
        self.put = widgets.Button(tooltip=f'lab.solution("{result.exercise}", put=True)', layout=layout)
        self.answer = widgets.HTML()
        self.hint.on_click(lambda _: self._add(lambda: helper.hint(result.exercise)))
        self.solution.on_click(lambda _: self._add(lambda: helper.solution(result.exercise)))
        self.put.on_click(lambda _: self._add(lambda: helper.solution(result.exercise, put=True)))
        self._buttons = widgets.HBox([self.hint, self.solution])
        self.widget = widgets.VBox([self._buttons, self.answer])

    def _add(self, ask: Callable[[], Hint]) -> None:
        try:
            given = ask()
            block = hint_html(given)
            if given.file:  # a solution in a file can be put there, once it was asked for
                self.put.description = f"Put it into {given.file}"
                self._buttons.children = (self.hint, self.solution, self.put)
        except LabError as error:  # nobody sees what a button's press raises
            block = f'<pre style="{_CODE}">{html.escape(str(error))}</pre>'
        if block not in self._given:  # the last hint comes again when there are no more
            self._given.append(block)
        # A live region: a screen reader reads what has come.
        self.answer.value = f'<div role="status">{"".join(self._given)}</div>'


def show_check(result: CheckResult) -> None:
    """Show a check's answer in a notebook, and below it the buttons if it is not passed.

    They are two outputs: the answer stays readable where no kernel serves the buttons any more.
    """
    helper = _helpers.get(result.lesson)
    has_help = result.verdict is not CheckVerdict.PASSED and helper is not None and in_notebook()
    widget = HelpButtons(result, helper).widget if has_help and helper else None
    show_with_widget(check_html(result), str(result), widget, BUTTONS)


def show_with_widget(page: str, text: str, widget: Any, instead: str) -> None:
    """Show something as HTML, and a widget below it.

    Args:
        page: the HTML.
        text: the same as text.
        widget: of ipywidgets; None for none.
        instead: is read where no kernel serves the widget.
    """
    display_raw({"text/html": page, "text/plain": text})
    if widget is not None:
        view = widget._repr_mimebundle_()
        display_raw({_VIEW: view[_VIEW], "text/plain": instead})


def _of_engine(status: Mapping[str, Any]) -> str:
    name = (status.get("engine") or {}).get("name")
    return (
        "podman, which does some things differently from what the lessons show: docs/podman.md"
        if name == podman.CLIENT
        else ""
    )


@dataclass(frozen=True)
class LessonStatus:
    """How an opened lesson stands, in one line.

    Args:
        lesson: the notebook's name without its ending.
        namespace: the lesson's own.
        state: of the lab: up, being made, stopped, absent, broken.
        images: how many sample images come from where.
        exercises: how many the lesson has.
        passed: how many of them are passed.
        making: what is still being made, or why it is not; empty if all is there.
        engine: what there is to know of the engine; empty if it is Docker, which the lessons are written for.
    """

    lesson: str
    namespace: str
    state: str
    images: str
    exercises: int
    passed: int
    making: str = ""
    engine: str = ""

    @classmethod
    def of(cls, lesson: str, namespace: str, status: Mapping[str, Any], *, exercises: int, passed: int) -> LessonStatus:
        """Make it of what the lab says.

        Args:
            lesson: the notebook's name without its ending.
            namespace: the lesson's own.
            status: as `labkit.lab.lab.Lab.status` gives it.
            exercises: how many the lesson has.
            passed: how many of them are passed.
        """
        made = Counter(str(image["source"]) for image in status["images"] if image["source"])
        counts = [f"{n} {source}{'s' if source == 'stand-in' and n > 1 else ''}" for source, n in sorted(made.items())]
        images = ", ".join(counts) or "none made yet"
        making = status.get("making") or {}
        state = "being made" if making.get("at_work") else str(status["state"])
        return cls(lesson, namespace, state, images, exercises, passed, making.get("summary", ""), _of_engine(status))

    def parts(self) -> list[tuple[str, str]]:
        """Label and value, in order."""
        passed = f"{self.passed} of {self.exercises} passed" if self.exercises else "none in this lesson"
        return [
            ("lesson", self.lesson),
            ("lab", self.state),
            *([("cluster", self.making)] if self.making else []),
            *([("engine", self.engine)] if self.engine else []),
            ("images", self.images),
            ("exercises", passed),
            ("namespace", self.namespace or "comes with the cluster"),
        ]

    def __str__(self) -> str:
        return " | ".join(f"{name}: {value}" for name, value in self.parts())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        # As a list it can be walked by a screen reader; it flows into several lines where there is no room.
        items = "".join(
            f'<li style="margin:0;padding:0;overflow-wrap:anywhere">{name}: <strong>{html.escape(value)}</strong></li>'
            for name, value in self.parts()
        )
        style = "display:flex;flex-wrap:wrap;gap:2px 24px;list-style:none;margin:4px 0;padding:0;line-height:1.5"
        return f'<ul aria-label="How the lesson stands" style="{style}">{items}</ul>'
