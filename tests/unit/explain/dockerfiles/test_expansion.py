"""Variables in a Dockerfile's words: each form, each error, and an end to what multiplies."""

from __future__ import annotations

import pytest

from labkit.explain.dockerfiles.expansion import Budget, Builder, CannotExpand, Lexing, TooLarge, expand

VALUES = {"X": "abcabc", "UID": "1000", "E": "", "P": "a.b.c", "S": "*?", "D": "x/y"}


def text_of(word: str, builder: Builder = "buildkit", escape: str = "\\") -> str:
    return expand(word, VALUES.get, Lexing(escape, builder), Budget()).text


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("$UID", "1000"),
        ("${UID}", "1000"),
        ("${UID}:${UID}", "1000:1000"),
        ("$NONE", ""),
        ("a${NONE}b", "ab"),
        ("${NONE:-app}", "app"),
        ("${NONE-app}", "app"),
        ("${E:-app}", "app"),
        ("${E-app}", ""),
        ("${UID:+app}", "app"),
        ("${UID+app}", "app"),
        ("${E:+app}", ""),
        ("${E+app}", "app"),
        ("${NONE+app}", ""),
        ("${NONE:-${UID:-5}}", "1000"),
        ("${UID:?no}", "1000"),
        ("\\$UID", "$UID"),
        ("'$UID'", "$UID"),
        ('"$UID"', "1000"),
        ('"\\$UID"', "$UID"),
        ('"a\\b"', "a\\b"),
        ("a\\b", "ab"),
        ('""', ""),
        ("$", "$"),
        ("a$", "a$"),
        ("$1x", "x"),
        ("$UID_x", ""),
        ("$é", ""),
        ("${X#a}", "bcabc"),
        ("${X#*a}", "bcabc"),
        ("${X##*a}", "bc"),
        ("${X%c}", "abcab"),
        ("${X%b*}", "abca"),
        ("${X%%b*}", "a"),
        ("${P%%.*}:${P##*.}", "a:c"),
        ("${X#?}", "bcabc"),
        ("${X#x}", "abcabc"),
        ("${S#\\*}", "?"),
        ("${X/b/-}", "a-cabc"),
        ("${X//b/-}", "a-ca-c"),
        ("${X//b}", None),
        ("${X/b*/-}", "a-"),
        ("${D/\\//_}", "x_y"),
        ("${X//?/.}", "......"),
        ("${X///-}", "-a-b-c-a-b-c-"),
        ("${NONE/a/b}", ""),
    ],
)
def test_every_form(word: str, text: str | None) -> None:
    if text is None:
        with pytest.raises(CannotExpand, match="missing '/'"):
            text_of(word)
    else:
        assert text_of(word) == text_of(word, "classic") == text


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("${NONE:?give it}", "NONE: give it"),
        ("${NONE?}", "NONE: is not allowed to be unset"),
        ("${E:?}", "E: is not allowed to be empty"),
        ("${UID", "unsupported modifier"),
        ("${UID:-a", "syntax error: missing '}'"),
        ("${", "syntax error: missing '}'"),
        ("${}", "syntax error: bad substitution"),
        ("${UID:=5}", "unsupported modifier (:=) in substitution"),
        ("${UID!}", "unsupported modifier (!) in substitution"),
        ("'a", "matching single-quote"),
        ('"a', "matching double-quote"),
        ("${X#\\a}", "invalid pattern (\\a) in substitution: invalid escape '\\a'"),
    ],
)
def test_every_error_in_the_builder_s_words(word: str, message: str) -> None:
    with pytest.raises(CannotExpand) as error:
        text_of(word)
    assert message in str(error.value)
    assert str(error.value).startswith("failed to process ")


def test_the_builders_differ() -> None:
    assert text_of("${X:#a}", "classic") == "bcabc"
    with pytest.raises(CannotExpand, match="unsupported modifier"):
        text_of("${X:#a}")
    assert text_of("${X#}") == "abcabc"
    with pytest.raises(CannotExpand, match="crashes"):
        text_of("${X#}", "classic")


def test_another_escape_character() -> None:
    assert text_of("`$UID\\a", escape="`") == "$UID\\a"


def test_parts_are_what_no_quotes_hold_together() -> None:
    assert expand("80 $UID 'a b'", VALUES.get, Lexing(), Budget()).parts == ["80", "1000", "a b"]


def test_buildkit_s_one_buffer_for_parts() -> None:
    parts = {
        builder: expand("a${N:-b} c", VALUES.get, Lexing(builder=builder), Budget()).parts
        for builder in ("buildkit", "classic")
    }
    assert parts == {"buildkit": ["b", "c"], "classic": ["ab", "c"]}


def test_what_is_missing_is_named() -> None:
    assert expand("$A${B:-c}$UID", VALUES.get, Lexing(), Budget()).missing == {"A", "B"}


def test_what_multiplies_has_an_end() -> None:
    values = {"A": "x" * 10}
    budget = Budget()
    with pytest.raises(TooLarge, match="multiply"):
        for number in range(100):
            values["A"] = expand("$A" * 10, values.get, Lexing(), budget).text
            assert number < 10


def test_what_is_nested_has_an_end() -> None:
    with pytest.raises(TooLarge, match="nested"):
        text_of("${N:-" * 10_000)


def test_a_pattern_made_for_backtracking_is_matched_at_once() -> None:
    values = {"X": "a" * 50_000}
    assert expand("${X##" + "*a" * 500 + "b}", values.get, Lexing(), Budget()).text == values["X"]
    assert expand("${X//" + "a?" * 20 + "*b/x}", values.get, Lexing(), Budget()).text == values["X"]
