"""Guesses: what somebody thinks before a cell shows it. They are kept, they come back at the end, nothing is graded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from labkit.base.errors import Misuse, did_you_mean
from labkit.course.guesses import ANSWERS
from labkit.course.progress import Progress
from labkit.course.records import MOST_CHARACTERS, GuessRecord
from labkit.show.table import Table

_EXAMPLE = 'give at least two texts, as in\n  lab.guess("As whom will it run?", ["root", "app"])'


@dataclass(frozen=True, repr=False)
class Guess:
    """A question, and what was guessed.

    Args:
        question: it.
        options: what can be chosen.
        kept: what was guessed; None for nothing so far.
        choose: keeps a choice, and gives the guess as it is then.
        may_change: whether the answer has not been seen yet.
    """

    question: str
    options: tuple[str, ...]
    kept: GuessRecord | None
    choose: Callable[[str], Guess]
    may_change: bool = True

    def status(self) -> str:
        """What was guessed, in a sentence."""
        if self.kept is None:
            return "Guess, then run the next cell: it shows what is so."
        if self.kept.late:
            return f"You said {self.kept.choice!r}, after the answer was there."
        return f"You guessed {self.kept.choice!r}. The next cell shows what is so."

    def __str__(self) -> str:
        lines = [f"{number}. {option}" for number, option in enumerate(self.options, 1)]
        return "\n".join([self.question, *lines, self.status()])

    __repr__ = __str__


class Guessing:
    """The guesses of one lesson.

    Args:
        lesson: its name.
        progress: the participant's, where they are kept.
    """

    def __init__(self, lesson: str, progress: Progress) -> None:
        self._lesson, self._progress = lesson, progress
        self._open: set[str] = set()
        self._answered: set[str] = set()

    def guess(self, question: str, options: Sequence[str], choice: str | int | None = None) -> Guess:
        """Ask a question; keep the choice, if there is one.

        Raises:
            Misuse: there are no options, or the choice is none of them.
        """
        question, options = _question(question), _options(options)
        option = None if choice is None else _option(choice, options)
        if question not in self._open and self._progress.guess(self._lesson, question) is not None:
            self._answered.add(question)  # It was guessed in an earlier session, which has shown the answer since.
        if question not in self._answered:
            self._open.add(question)
        if option is not None:
            self._keep(question, option)
        kept = self._progress.guess(self._lesson, question)

        def choose(option: str) -> Guess:
            self._keep(question, _option(option, options))
            return self._again(question, options, choose)

        return Guess(question, options, kept, choose, question in self._open)

    def next_cell(self, source: str = "") -> None:
        """A cell is run: whatever was asked by another one is answered now.

        Args:
            source: of the cell.
        """
        answered = {question for question in self._open if question not in " ".join(source.split())}
        self._answered |= answered
        self._open -= answered

    def guesses(self) -> Table:
        """How the lesson's guesses went."""
        rows = [self._row(question, answer) for question, answer in ANSWERS.get(self._lesson, {}).items()]
        return Table("", ("question", "you guessed", "what is so", "result"), rows)

    def _again(self, question: str, options: tuple[str, ...], choose: Callable[[str], Guess]) -> Guess:
        kept = self._progress.guess(self._lesson, question)
        return Guess(question, options, kept, choose, question not in self._answered)

    def _keep(self, question: str, option: str) -> None:
        self._progress.guessed(self._lesson, question, option, late=question in self._answered)

    def _row(self, question: str, answer: str) -> tuple[str, str, str, str]:
        kept = self._progress.guess(self._lesson, question)
        if kept is None:
            return question, "", answer, "no guess"
        if kept.late:
            return question, kept.choice, answer, "said afterwards"
        return question, kept.choice, answer, "as you thought" if kept.choice == answer else "not so"


def _question(question: object) -> str:
    if not isinstance(question, str) or not 0 < len(question.strip()) <= MOST_CHARACTERS:
        raise Misuse("Asking for a guess", f"{question!r} is not a question", _EXAMPLE)
    return " ".join(question.split())


def _options(options: object) -> tuple[str, ...]:
    texts = tuple(options) if isinstance(options, Sequence) and not isinstance(options, str) else ()
    if len(texts) < 2 or not all(isinstance(text, str) and 0 < len(text) <= MOST_CHARACTERS for text in texts):
        raise Misuse("Asking for a guess", f"{options!r} is not a list of options", _EXAMPLE)
    return texts


def _option(choice: object, options: tuple[str, ...]) -> str:
    """The option that is meant: by its text, however written, or by its number."""
    if isinstance(choice, int) and not isinstance(choice, bool) and 1 <= choice <= len(options):
        return options[choice - 1]
    by_text = {option.casefold(): option for option in options}
    meant = by_text.get(str(choice).strip().casefold())
    if meant is None:
        there_are = f"give its number, from 1 to {len(options)}, or its text: {', '.join(options)}"
        raise Misuse("Guessing", f"{choice!r} is not one of the options", did_you_mean(str(choice), options, there_are))
    return meant
