"""How a question looks in a notebook: buttons, one for each option, and below them what was guessed."""

from __future__ import annotations

import html
from functools import partial

from labkit.base.errors import LabError
from labkit.course.check_views import show_with_widget
from labkit.course.guessing import Guess
from labkit.show.steps import in_notebook
from labkit.show.table import NO_MATHEMATICS

_BLOCK = "border-left:4px solid var(--jp-info-color1, #0097a7);padding:2px 12px;margin:4px 0;line-height:1.5"
_CHOSEN = "\u2713 "

GUESS_BUTTONS = "Buttons: one for each option"
"""What stands for a guess's buttons where no widgets are drawn."""


def guess_html(guess: Guess, *, has_buttons: bool = False) -> str:
    """The question, its options, and the call that guesses without buttons.

    Args:
        guess: the question.
        has_buttons: whether buttons stand below, which say themselves what was guessed last.
    """
    options = "".join(f"<li>{html.escape(option)}</li>" for option in guess.options)
    call = "Press one, or give its number: <code>lab.guess(..., 1)</code>."
    # A button is of the kernel that has drawn it, and dead after it; what it says of itself is a small red sign.
    again = " If the buttons do not answer, run this cell again." if has_buttons else ""
    says_kept = guess.kept is not None and not has_buttons
    kept = f"<div>{html.escape(guess.status())}</div>" if says_kept else f"<div><small>{call}{again}</small></div>"
    return (
        f'<div {NO_MATHEMATICS} style="{_BLOCK}"><strong>{html.escape(guess.question)}</strong>'
        f'<ol style="margin:4px 0">{options}</ol>{kept}</div>'
    )


class GuessButtons:
    """A button for each option; a press does what a call of `lab.guess` with that option does.

    Args:
        guess: the question.
    """

    def __init__(self, guess: Guess) -> None:
        import ipywidgets as widgets  # type: ignore[import-untyped]

        self._guess = guess
        layout = widgets.Layout(width="auto")
        self.buttons = [widgets.Button(description=option, layout=layout) for option in guess.options]
        for button, option in zip(self.buttons, guess.options, strict=True):
            button.on_click(partial(self._choose, option))
        self.answer = widgets.HTML()
        row = widgets.HBox(self.buttons, layout=widgets.Layout(flex_flow="row wrap"))
        self.widget = widgets.VBox([row, self.answer])
        if guess.kept is not None:
            self._show(guess, guess.status())

    def _choose(self, option: str, _: object) -> None:
        try:
            guess = self._guess.choose(option)
            status = guess.status()
        except LabError as error:  # nobody sees what a button's press raises
            guess, status = self._guess, str(error)
        self._show(guess, status)

    def _show(self, guess: Guess, status: str) -> None:
        chosen = guess.kept.choice if guess.kept else None
        for button, text in zip(self.buttons, guess.options, strict=True):
            button.description = f"{_CHOSEN if text == chosen else ''}{text}"
        # A live region: a screen reader reads what was kept.
        self.answer.value = f'<div role="status">{html.escape(status)}</div>'


def show_guess(guess: Guess) -> None:
    """Show a question in a notebook, and below it the buttons if the answer has not been seen.

    They are two outputs: the question stays readable where no kernel serves the buttons any more.
    """
    widget = GuessButtons(guess).widget if guess.may_change and in_notebook() else None
    show_with_widget(guess_html(guess, has_buttons=widget is not None), str(guess), widget, GUESS_BUTTONS)
