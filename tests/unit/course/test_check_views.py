"""How the course looks: the words say all, whatever colours and buttons do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import RichOutput, capture_output
from traitlets.config import Config

from labkit.base.errors import Misuse
from labkit.core.run_results import RunResult
from labkit.course import check_views as course
from labkit.course.check_views import HelpButtons, LessonStatus, check_html, hint_html, offer_help
from labkit.course.checking import CheckResult, Hint
from labkit.course.exercise import CheckVerdict
from labkit.notebook.views import register_views

_LESSON = "07-run-as-non-root"
_ATTACK = "<script>alert(1)</script>"


class _Helper:
    """Gives as many hints as it has, then the last again, as the course does."""

    def __init__(self, *hints: str) -> None:
        self.hints, self.asked = hints, 0

    def hint(self, name: str) -> Hint:
        if not self.hints:
            raise Misuse("Looking for a hint", "there is <none>", "look again")
        self.asked = min(self.asked + 1, len(self.hints))
        return Hint(name, f"hint {self.asked} of {len(self.hints)}", self.hints[self.asked - 1])

    def solution(self, name: str) -> Hint:
        return Hint(name, "a solution", "x = 1 < 2", is_code=True)


def _result(verdict: CheckVerdict, words: str = "The pod is `refused`.") -> CheckResult:
    return CheckResult(_LESSON, "which-cause", verdict, words, 2)


@pytest.mark.parametrize("verdict", CheckVerdict)
def test_a_verdict_is_a_word_and_a_sign(verdict: CheckVerdict) -> None:
    shown = check_html(_result(verdict))
    assert f"</span> {verdict}</strong>" in shown
    assert {CheckVerdict.PASSED: "\u2713", CheckVerdict.NOT_YET: "\u25cb", CheckVerdict.NOT_RIGHT: "\u2717"}[
        verdict
    ] in shown
    assert "The pod is <code>refused</code>." in shown
    assert ("lab.hint(&quot;which-cause&quot;)" in shown) is (verdict is not CheckVerdict.PASSED)


def test_what_somebody_typed_is_not_html() -> None:
    assert "<script" not in check_html(_result(CheckVerdict.NOT_RIGHT, f"{_ATTACK} `{_ATTACK}`"))
    assert "<script" not in hint_html(Hint("a", _ATTACK, _ATTACK))
    assert "<script" not in hint_html(Hint("a", _ATTACK, _ATTACK, is_code=True))


def test_a_solution_is_folded_and_a_hint_is_not() -> None:
    assert "<details><summary>a solution of a</summary>" in hint_html(_Helper().solution("a"))
    assert "<details" not in hint_html(Hint("a", "hint 1 of 3", "Look."))


def test_each_press_appends_what_the_call_gives() -> None:
    buttons = HelpButtons(_result(CheckVerdict.NOT_RIGHT), _Helper("first", "second"))
    assert (buttons.hint.description, buttons.hint.tooltip) == ("Hint", 'lab.hint("which-cause")')
    assert (buttons.solution.description, buttons.solution.tooltip) == ("Solution", 'lab.solution("which-cause")')
    for _ in range(4):
        buttons.hint.click()
    buttons.solution.click()
    shown = buttons.answer.value
    assert [shown.count(words) for words in ("first", "second", "x = 1 &lt; 2")] == [1, 1, 1]
    assert shown.index("first") < shown.index("second") < shown.index("x = 1")


def test_a_press_that_the_lab_cannot_answer_says_so() -> None:
    buttons = HelpButtons(_result(CheckVerdict.NOT_YET), _Helper())
    buttons.hint.click()
    assert "there is &lt;none&gt;" in buttons.answer.value


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """An IPython with the kit's views, and the help of nobody."""
    monkeypatch.setattr(course, "_helpers", {})
    # A history would have a thread of its own, which outlives the test.
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    register_views()
    yield shell
    InteractiveShell.clear_instance()


def _shown(value: object) -> list[dict[str, Any]]:
    with capture_output() as captured:
        formatter = InteractiveShell.instance().display_formatter
        assert formatter is not None
        data, _ = formatter.format(value)  # type: ignore[no-untyped-call]
        outputs: list[RichOutput] = captured.outputs
    return [one.data for one in outputs] + ([data] if data else [])


def test_a_notebook_shows_a_check_and_its_buttons(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "in_notebook", lambda: True)
    offer_help(_LESSON, _Helper("first"))
    result = _result(CheckVerdict.NOT_YET)
    answer, buttons = _shown(result)
    assert answer == {"text/html": check_html(result), "text/plain": str(result)}
    assert "application/vnd.jupyter.widget-view+json" in buttons
    assert buttons["text/plain"] == "Buttons: Hint, Solution"
    assert len(_shown(_result(CheckVerdict.PASSED))) == 1


def test_without_a_notebook_there_are_no_buttons(shell: InteractiveShell) -> None:
    offer_help(_LESSON, _Helper("first"))
    result = _result(CheckVerdict.NOT_YET)
    assert _shown(result) == [{"text/html": check_html(result), "text/plain": str(result)}]


def test_a_hint_is_shown_as_text_and_as_html(shell: InteractiveShell) -> None:
    hint = Hint("which-cause", "hint 1 of 3", "Look at `runAsUser`.")
    assert _shown(hint) == [{"text/html": hint_html(hint), "text/plain": str(hint)}]
    assert "<code>runAsUser</code>" in hint_html(hint)


def test_a_terminals_colours_are_not_shown(shell: InteractiveShell) -> None:
    (shown,) = _shown(RunResult("docker build .", "\x1b[91muid <1000>\x1b[0m is taken", 1))
    assert "uid &lt;1000&gt; is taken" in shown["text/html"]
    assert "\x1b" not in shown["text/html"]


def _status(*sources: str | None) -> dict[str, Any]:
    return {"state": "up", "images": [{"source": source} for source in sources]}


def test_a_lesson_says_how_it_stands() -> None:
    status = _status("stand-in", "upstream", "stand-in", None)
    stands = LessonStatus.of(_LESSON, "07-abc", status, exercises=3, passed=1)
    assert str(stands) == (
        "lesson: 07-run-as-non-root | lab: up | images: 2 stand-ins, 1 upstream | exercises: 1 of 3 passed | "
        "namespace: 07-abc"
    )
    shown = stands._repr_html_()
    assert all(f"{name}: <strong>{value}</strong>" in shown for name, value in stands.parts())


def test_a_lesson_without_exercises_and_images_says_that() -> None:
    stands = LessonStatus.of("00-start-here", _ATTACK, _status(), exercises=0, passed=0)
    assert "images: none made yet | exercises: none in this lesson" in str(stands)
    assert "<script" not in stands._repr_html_()
