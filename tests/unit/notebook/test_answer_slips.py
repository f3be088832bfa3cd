"""A cell that was to give an answer, and did something else without an error."""

from __future__ import annotations

import pytest

from labkit.notebook.answer_slips import slip_in


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ('prediction == "runs"', "`prediction ==` compares"),
        ('predicton == "runs"', "`predicton ==` compares"),
        ('predicton = "runs"', "`predicton` was given a value; the answer's name is `prediction`"),
        ('Prediction = "runs"', "the answer's name is `prediction`"),
        ('predictions = ["runs"]\nprint(predictions)', "the answer's name is `prediction`"),
        ('prediction: "runs"', "A colon behind `prediction`"),
        ('predicton: "runs"', "A colon behind `predicton`"),
        ('%%bash\nprediction="runs"', "given to the shell"),
        ("%%bash\necho so\n  export prediction=runs", "given to the shell"),
        ('"runs"', "A value alone is shown and forgotten"),
        ('["runs", "fails"]', "`prediction = ...` keeps it"),
        ("-1", "A value alone"),
    ],
)
def test_it_says_what_the_cell_did_instead(source: str, sentence: str) -> None:
    assert sentence in slip_in(source, "prediction")


@pytest.mark.parametrize(
    "source",
    [
        'prediction = "runs"',
        'prediction: str = "runs"',
        'prediction = predicton = "runs"',
        'predicton = "runs"\nprediction = predicton',
        'for prediction in ("runs",): pass',
        'lab.run("debian", "id")',
        'status = "runs"',
        "status == 1",
        "prediction",
        "prediction.count == 1",
        "if prediction == 1: pass",
        "%%bash\ndocker run --rm debian id",
        "%%bash\necho prediction == runs",
        "%%html\nprediction=1",
        "prediction = (",
        "",
    ],
)
def test_what_gives_it_or_has_nothing_to_do_with_it_is_no_slip(source: str) -> None:
    assert slip_in(source, "prediction") == ""


def test_short_names_that_look_alike_are_told_apart() -> None:
    assert slip_in("gid = 5678", "uid") == "" and "`UID`" in slip_in("UID = 5678", "uid")
