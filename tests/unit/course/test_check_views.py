"""How the course looks: the words say all, whatever colours and buttons do."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from labkit.base.errors import Misuse
from labkit.course.check_views import HelpButtons, LessonStatus, check_html, hint_html
from labkit.course.checking import CheckResult, Hint
from labkit.course.judging.assessment import CheckVerdict

_LESSON = "07-run-as-non-root"
_ATTACK = "<script>alert(1)</script>"


class _HelperWithHints:
    """Gives as many hints as it has, then the last again, as the course does."""

    def __init__(self, *hints: str) -> None:
        self.hints, self.asked = hints, 0

    def hint(self, name: str) -> Hint:
        if not self.hints:
            raise Misuse("Looking for a hint", "there is <none>", "look again")
        self.asked = min(self.asked + 1, len(self.hints))
        return Hint(name, f"hint {self.asked} of {len(self.hints)}", self.hints[self.asked - 1])

    def solution(self, name: str, *, put: bool = False) -> Hint:
        return Hint(name, "a solution", "x = 1 < 2", is_code=True)


class _HelperWithAFile(_HelperWithHints):
    """Its answers are lines of a file."""

    def solution(self, name: str, *, put: bool = False) -> Hint:
        if put:
            return Hint(name, "the solution is in the file", "`menu/Dockerfile` has it.")
        return Hint(name, "a solution", "  FROM debian\n- USER <0>\n+ USER 1", is_code=True, file="menu/Dockerfile")


def _result(verdict: CheckVerdict, message: str = "The pod is `refused`.") -> CheckResult:
    return CheckResult(_LESSON, "which-cause", verdict, message, 2)


@pytest.mark.parametrize("verdict", CheckVerdict)
def test_a_verdict_is_a_word_and_a_sign(verdict: CheckVerdict) -> None:
    shown = check_html(_result(verdict))
    assert f"</span> {verdict}</strong>" in shown
    assert {CheckVerdict.PASSED: "\u2713", CheckVerdict.NOT_YET: "\u25cb", CheckVerdict.NOT_RIGHT: "\u2717"}[
        verdict
    ] in shown
    assert "The pod is <code>refused</code>." in shown
    assert ("lab.hint(&quot;which-cause&quot;)" in shown) is (verdict is not CheckVerdict.PASSED)


def test_what_comes_next_is_said_once_it_is_passed() -> None:
    passed = CheckResult(
        _LESSON, "which-cause", CheckVerdict.PASSED, "Yes.", 2, goes_on="Next: the exercise all-of-them."
    )
    assert "Next: the exercise all-of-them." in check_html(passed)
    assert str(passed).endswith("Yes.\nNext: the exercise all-of-them.")


def test_what_somebody_typed_is_not_html() -> None:
    assert "<script" not in check_html(_result(CheckVerdict.NOT_RIGHT, f"{_ATTACK} `{_ATTACK}`"))
    assert "<script" not in hint_html(Hint("a", _ATTACK, _ATTACK))
    assert "<script" not in hint_html(Hint("a", _ATTACK, _ATTACK, is_code=True))


def test_a_solution_is_folded_and_a_hint_is_not() -> None:
    assert "<details><summary>a solution of a</summary>" in hint_html(_HelperWithHints().solution("a"))
    assert "<details" not in hint_html(Hint("a", "hint 1 of 3", "Look."))


def test_each_press_appends_what_the_call_gives() -> None:
    buttons = HelpButtons(_result(CheckVerdict.NOT_RIGHT), _HelperWithHints("first", "second"))
    assert (buttons.hint.description, buttons.hint.tooltip) == ("Hint", 'lab.hint("which-cause")')
    assert (buttons.solution.description, buttons.solution.tooltip) == ("Solution", 'lab.solution("which-cause")')
    for _ in range(4):
        buttons.hint.click()
    buttons.solution.click()
    shown = buttons.answer.value
    assert [shown.count(text) for text in ("first", "second", "x = 1 &lt; 2")] == [1, 1, 1]
    assert shown.index("first") < shown.index("second") < shown.index("x = 1")


def test_a_solution_in_a_file_shows_its_changes_and_can_be_put_there() -> None:
    buttons = HelpButtons(_result(CheckVerdict.NOT_YET), _HelperWithAFile())
    assert len(buttons.widget.children[0].children) == 2
    buttons.solution.click()
    shown = buttons.answer.value
    assert "Changed in menu/Dockerfile (+ is new, - goes)" in shown
    assert all(line in shown for line in ("  FROM debian", "- USER &lt;0&gt;", "+ USER 1"))
    *_, put = buttons.widget.children[0].children
    assert put.description == "Put it into menu/Dockerfile"
    assert put.tooltip == 'lab.solution("which-cause", put=True)'
    put.click()
    assert "<code>menu/Dockerfile</code> has it." in buttons.answer.value


def test_a_solution_that_is_code_has_no_file_to_be_put_into() -> None:
    buttons = HelpButtons(_result(CheckVerdict.NOT_YET), _HelperWithHints())
    buttons.solution.click()
    assert len(buttons.widget.children[0].children) == 2


def test_a_press_that_the_lab_cannot_answer_says_so() -> None:
    buttons = HelpButtons(_result(CheckVerdict.NOT_YET), _HelperWithHints())
    buttons.hint.click()
    assert "there is &lt;none&gt;" in buttons.answer.value


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


@pytest.mark.parametrize(("engine", "is_told"), [("Docker", False), ("podman", True), ("none", False), (None, False)])
def test_a_lesson_says_that_its_engine_is_not_the_usual_one(engine: str | None, is_told: bool) -> None:
    status = _status("stand-in") | {"engine": {"reachable": True, "name": engine}}
    stands = LessonStatus.of(_LESSON, "07-abc", status, exercises=3, passed=1)
    assert ("engine: podman" in str(stands) and "docs/podman.md" in str(stands)) is is_told


def test_a_lesson_without_exercises_and_images_says_that() -> None:
    stands = LessonStatus.of("00-start-here", _ATTACK, _status(), exercises=0, passed=0)
    assert "images: none made yet | exercises: none in this lesson" in str(stands)
    assert "<script" not in stands._repr_html_()


def test_a_call_to_type_is_not_broken_within_an_exercises_name_nor_before_the_full_stop() -> None:
    shown = check_html(CheckResult(_LESSON, "in-the-container", CheckVerdict.NOT_YET, "nothing yet", 3))
    whole = re.findall(r'<span style="display:inline-block[^>]*>(.*?)</span>', shown)
    read = [html.unescape(re.sub(r"<[^>]*>", "", text)) for text in whole]
    assert read == ['lab.hint("in-the-container").', 'lab.solution("in-the-container").']
