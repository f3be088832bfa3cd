"""What the kernel says below an error that beginners meet."""

from __future__ import annotations

from typing import Any, cast

import pytest

import labkit
from labkit.core.pods.outcome import Outcome
from labkit.lab.container import Container
from labkit.notebook.kernel import meaning_of


def _error_of(source: str) -> BaseException:
    with pytest.raises((NameError, SyntaxError)) as caught:
        exec(source, {})
    return caught.value


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("prediction = root", 'it is written in quotes: "root"'),
        ("prediction = runs", 'it is written in quotes: "runs"'),
        ("prediction = image-runs-as-root", 'prediction = "image-runs-as-root"'),
        ("prediction = image-user-not-numeric", 'prediction = "image-user-not-numeric"'),
        ("prediction = it fails", 'prediction = "it fails"'),
        ("prediction = 4242:3000", 'prediction = "4242:3000"'),
        ("prediction = [/tmp, /var/tmp]", 'in quotes: "/tmp"'),
        ("prediction = /tmp", 'in quotes: "/tmp"'),
    ],
)
def test_a_word_without_quotes_is_told_how_it_is_written(source: str, sentence: str) -> None:
    assert sentence in (meaning_of(_error_of(source)) or "")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ('lab.check("through-the-hole", prediction)', "its cell, further up, has not been run"),
        ('lab.check("which-cause", runs)', "its cell, further up, has not been run"),
        ('lab.check("x", [this])', 'it is written in quotes: "this"'),
        ("container = {'privileged': false}", "is False in Python"),
        ("pod = dict(runAsNonRoot=true)", "is True in Python"),
    ],
)
def test_a_name_that_is_not_there_is_told_where_it_stands(source: str, sentence: str) -> None:
    with pytest.raises(NameError) as caught:
        exec(source, {"lab": type("Lab", (), {"check": print})})
    assert sentence in (meaning_of(caught.value, source) or "")


@pytest.mark.parametrize(
    "source", ["prediction = (", "prediction = 'root", "lab.pod(", "1 +", "uid = 0123", "x = [1 / /tmp]"]
)
def test_other_mistakes_are_left_to_python(source: str) -> None:
    assert meaning_of(_error_of(source)) is None


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("check(to-restricted.yaml)", "to-restricted.yaml"),
        ("describe('x', raw-socket)", "raw-socket"),
        ("breakout(CVE-2019-5736)", "CVE-2019-5736"),
        ("answers = ['write-tmp', change-owner]", "change-owner"),
    ],
)
def test_a_name_with_hyphens_is_quoted_whole(source: str, word: str) -> None:
    given = dict.fromkeys(("check", "describe", "breakout"), print)
    with pytest.raises(NameError) as caught:
        exec(source, given)
    assert f'write it in quotes, "{word}"' in (meaning_of(caught.value, source) or "")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("docker run --rm debian whoami", "docker"),
        ("x = 1\nkubectl get po", "kubectl"),
        ("docker --version", "docker"),
        ("docker", "docker"),
        ("import x y", None),
        ("docker = run it", None),
        ("docker(run it)", None),
        ("nowhere run it", None),
        ("print(docker)", None),
    ],
)
def test_a_line_for_the_shell_is_told_where_it_belongs(
    source: str, name: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda program: program if program in ("docker", "kubectl", "import") else None)
    with pytest.raises((NameError, SyntaxError)) as caught:
        exec(source, {})
    sentence = meaning_of(caught.value, source) or ""
    assert sentence.startswith(f"`{name}` is a command: ") if name else "is a command" not in sentence


def test_a_name_that_is_quoted_already_is_not_meant() -> None:
    with pytest.raises(NameError) as caught:
        exec("lap.check('raw-socket')", {})
    assert "`lap` is not there" in (meaning_of(caught.value, "lap.check('raw-socket')") or "")


_TAKES = (
    "It is called as app.exec(command, user=None); what has a = is given by its name; "
    'a command is one text, as in "id -u", or a list'
)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ('app.exec("touch /file", "-u root")', _TAKES),
        ('app.exec("id", as_user="root")', _TAKES),
        ("app.exec()", _TAKES),
        ("len(1)", None),
        ("theirs.exec(1)", None),
    ],
)
def test_a_call_with_other_arguments_is_told_what_it_takes(source: str, sentence: str | None) -> None:
    theirs = type("Theirs", (), {"exec": lambda self: None})()
    names = {"app": Container(cast("Any", None), "1", ""), "theirs": theirs}
    with pytest.raises(TypeError) as caught:
        eval(source, dict(names))
    assert meaning_of(caught.value, source, names) == sentence


@pytest.mark.parametrize(
    ("before", "name", "sentence"),
    [
        (Outcome, "violation", "`violation` is not there; did you mean `violations`?"),
        (labkit, "explian", "did you mean `explain`?"),
        ("text", "uper", "did you mean `upper`?"),
        (labkit, "zzz", "What it has: "),
        (None, "cause", "`.cause` was asked of None"),
    ],
)
def test_a_name_that_something_has_not_is_told_with_the_nearest(before: object, name: str, sentence: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(before, name)
    assert sentence in (meaning_of(caught.value) or "")


@pytest.mark.parametrize(("before", "name"), [(1, "zzz"), (labkit, "_zzz")])
def test_a_name_that_is_like_none_is_left_to_python(before: object, name: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(before, name)
    assert meaning_of(caught.value) is None


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        ('predicton = "runs"', "`predicton` was given a value; the answer's name is `prediction`"),
        ('%%bash\nprediction="runs"', "given to the shell"),
        ('"runs"', "shown and forgotten"),
        ("print(1)", "its cell, further up, has not been run"),
    ],
)
def test_an_answer_that_is_not_there_is_told_what_its_cell_did_instead(before: str, sentence: str) -> None:
    check = 'lab.check("after-the-colon", prediction)'
    meaning = meaning_of(_missing("prediction"), check, {}, [before, 'lab.hint("after-the-colon")', check])
    assert sentence in (meaning or "")


def test_a_name_that_is_compared_before_it_is_there_was_to_be_given() -> None:
    meaning = meaning_of(_missing("prediction"), 'prediction == "runs"', {}, ['prediction == "runs"'])
    assert meaning is not None and "with one =" in meaning


def test_the_lesson_that_is_not_open_is_told_where_it_is_opened() -> None:
    assert "first cell of code" in (meaning_of(_missing("lab"), 'lab.check("fails-open")') or "")


def _missing(name: str) -> NameError:
    return NameError(f"name '{name}' is not defined", name=name)
