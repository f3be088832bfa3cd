"""Answers as people give them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.course.exercise import Exercise
from labkit.course.judging.assessment import CheckVerdict, passed
from labkit.course.judging.given_answers import NotAnAnswer, read_answer

_PLACES = ("/etc", "/tmp", "/var/tmp")


def _asking(
    answers: type, choices: tuple[str | int, ...] = (), *, in_order: bool = False, may_be_empty: bool = False
) -> Exercise:
    return Exercise(
        name="asked",
        kind="predict",
        hints=("a", "b", "c"),
        solution="",
        check=lambda world, answer: passed(""),
        wrong=(),
        answers=answers,
        choices=choices,
        in_order=in_order,
        may_be_empty=may_be_empty,
    )


def _no(exercise: Exercise, answer: object) -> str:
    with pytest.raises(NotAnAnswer) as caught:
        read_answer(exercise, answer)
    assert caught.value.assessment.verdict is CheckVerdict.NOT_RIGHT
    return caught.value.assessment.message


@pytest.mark.parametrize("nothing", [None, ...])
def test_no_answer_is_not_yet(nothing: object) -> None:
    with pytest.raises(NotAnAnswer) as caught:
        read_answer(_asking(str), nothing)
    assert caught.value.assessment.verdict is CheckVerdict.NOT_YET


@pytest.mark.parametrize(
    ("choices", "answer", "choice"),
    [
        (("the API server", "the kubelet", "nobody"), "Kubelet", "the kubelet"),
        (("the API server", "the kubelet", "nobody"), "api-server", "the API server"),
        (("run-as-user-is-root", "runs"), "run as user is root", "run-as-user-is-root"),
        (("environment-secret", "listen-80"), "environment_secret", "environment-secret"),
        ((999, 1000), "1000", 1000),
    ],
)
def test_an_article_and_what_joins_words_carry_no_meaning(
    choices: tuple[str | int, ...], answer: str, choice: str | int
) -> None:
    assert read_answer(_asking(list, choices), [answer]) == [choice]


def _generated() -> Iterator[str]:
    yield from ("/tmp", "/etc")


@pytest.mark.parametrize(
    "answer",
    [
        ["/tmp", "/etc"],
        ("/tmp", "/etc"),
        dict.fromkeys(["/tmp", "/etc"]).keys(),
        _generated(),
        ["/tmp/", " /etc ", "/TMP"],
    ],
)
def test_any_sequence_is_a_list_and_each_choice_counts_once(answer: object) -> None:
    assert read_answer(_asking(list, _PLACES), answer) == ["/tmp", "/etc"]


def test_a_set_is_a_list_where_the_order_does_not_count() -> None:
    chosen = read_answer(_asking(list, _PLACES), {"/tmp", "/etc"})
    assert isinstance(chosen, list) and sorted(map(str, chosen)) == ["/etc", "/tmp"]
    assert "order" in _no(_asking(list, _PLACES, in_order=True), {"/tmp", "/etc"})


def test_a_list_in_order_keeps_what_comes_twice() -> None:
    exercise = _asking(list, ("project", "base"), in_order=True)
    assert read_answer(exercise, ["Base", "base ", "project"]) == ["base", "base", "project"]


@pytest.mark.parametrize("empty", [[], (), set(), {}.keys()])
def test_an_empty_list_gets_its_own_sentence(empty: object) -> None:
    assert "list is empty" in _no(_asking(list, _PLACES), empty)


@pytest.mark.parametrize("empty", ["", "   ", "\n"])
def test_an_empty_text_gets_its_own_sentence_unless_it_is_an_answer(empty: str) -> None:
    assert "empty text" in _no(_asking(str), empty)
    assert "empty text" in _no(_asking(str, _PLACES), empty)
    assert read_answer(_asking(str, ("", "1654"), may_be_empty=True), empty) == ""


def test_what_is_not_offered_is_named_with_what_is() -> None:
    assert _no(_asking(list, _PLACES), ["/tmp", "/home"]) == "'/home' is not one of the three: /etc, /tmp, /var/tmp."
    assert "is not one of the two: '', 1654" in _no(_asking(str, ("", "1654")), "root")


def test_the_root_folder_is_not_an_empty_text() -> None:
    assert read_answer(_asking(str, ("/", "/tmp")), "/") == "/"


@pytest.mark.parametrize("answer", ["1654", 1654.0, True, None.__class__, [1654]])
def test_a_whole_number_is_one(answer: object) -> None:
    assert "a whole number is expected" in _no(_asking(int), answer)
    assert read_answer(_asking(int), 1654) == 1654


def test_numbers_may_be_chosen_as_text() -> None:
    assert read_answer(_asking(list, (999, 1654)), ["1654", 999]) == [1654, 999]
    assert "not one of the two" in _no(_asking(list, (0, 1)), [True])


@pytest.mark.parametrize("answer", ["ab", b"ab", {"a": 1}, 7])
def test_what_is_no_list_is_said(answer: object) -> None:
    assert "a list is expected" in _no(_asking(list, _PLACES), answer)


class _Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


class _BrokenList(list[str]):
    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no")


def test_an_answer_that_fails_at_everything_gets_a_sentence() -> None:
    assert "something that cannot be shown" in _no(_asking(str), _Broken())
    assert "cannot be read: RuntimeError" in _no(_asking(list, _PLACES), [_Broken()])
    assert "cannot be read: RuntimeError" in _no(_asking(list, _PLACES), _BrokenList(["/tmp"]))


def test_an_endless_answer_ends() -> None:
    def endless() -> Iterator[str]:
        while True:
            yield "/tmp"

    assert read_answer(_asking(list, _PLACES), endless()) == ["/tmp"]


def test_a_mapping_is_trimmed() -> None:
    assert read_answer(_asking(dict), {" a ": " b "}) == {"a": "b"}


_ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
)


@given(_ANYTHING, st.sampled_from([str, int, list, dict]), st.booleans())
def test_whatever_is_given_ends_in_an_answer_or_a_sentence(answer: Any, answers: type, chosen: bool) -> None:
    try:
        read_answer(_asking(answers, _PLACES if chosen else ()), answer)
    except NotAnAnswer as problem:
        assert problem.assessment.message


@pytest.mark.parametrize("number", [10**5000, -(10**18)], ids=["huge", "negative"])
def test_a_number_that_nobody_could_write_is_not_right(number: int) -> None:
    assert _no(_asking(int), number) == "The answer is a number of more than 18 digits."
