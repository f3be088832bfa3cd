"""What the kernel says below an error that beginners meet."""

from __future__ import annotations

import pytest

from labkit.notebook.kernel import meaning_of


def _error_of(source: str) -> BaseException:
    with pytest.raises((NameError, SyntaxError)) as caught:
        exec(source, {})
    return caught.value


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("prediction = root", 'it is written in quotes: "root"'),
        ("prediction = run-time", 'it is written in quotes: "run"'),
        ("prediction = image-runs-as-root", 'prediction = "image-runs-as-root"'),
        ("prediction = image-user-not-numeric", 'prediction = "image-user-not-numeric"'),
        ("prediction = it fails", 'prediction = "it fails"'),
    ],
)
def test_a_word_without_quotes_is_told_how_it_is_written(source: str, sentence: str) -> None:
    assert sentence in (meaning_of(_error_of(source)) or "")


@pytest.mark.parametrize("source", ["prediction = (", "prediction = 'root", "lab.pod(", "1 +"])
def test_other_mistakes_are_left_to_python(source: str) -> None:
    assert meaning_of(_error_of(source)) is None
