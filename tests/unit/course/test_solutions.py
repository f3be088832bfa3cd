"""The instructor's answer key."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from labkit.cli import main
from labkit.course.answer_files import AnswerFile
from labkit.course.exercises import exercises_of
from labkit.course.lessons import lesson_names
from labkit.course.solutions import AnswerKey, CommonMistakes, changed_lines

_LESSON = "07-run-as-non-root"


@pytest.mark.parametrize("lesson", lesson_names())
def test_every_answer_of_a_lesson_is_in_its_key(lesson: str) -> None:
    key, text = AnswerKey.of(lesson), str(AnswerKey.of(lesson))
    assert [exercise["id"] for exercise in key.to_dict()["exercises"]] == [
        exercise.name for exercise in exercises_of(lesson)
    ]
    for exercise in exercises_of(lesson):
        for code in [exercise.solution, *exercise.others, *(wrong.code for wrong in exercise.wrong)]:
            file = AnswerFile.of(exercise, code)
            solution = AnswerFile.of(exercise, exercise.solution)
            base = solution.content if solution and code != exercise.solution else ""
            for line in code.strip().splitlines() if file is None else file.changes(base):
                assert line in text
        assert all(wrong.diagnosis in text for wrong in exercise.wrong)


def test_the_command_prints_the_same_as_json() -> None:
    answer = CliRunner().invoke(main, ["solutions", _LESSON, "--json"])
    assert answer.exit_code == 0
    printed = json.loads(answer.stdout)
    assert printed == AnswerKey.of(_LESSON).to_dict()
    first = printed["exercises"][0]
    assert first["solution"].startswith('lab.pod("aspnetapp-root"')
    assert {"answer", "diagnosis"} == first["wrong_answers"][0].keys()
    assert len(first["hints"]) == 3


def test_the_command_prints_solutions_before_wrong_answers() -> None:
    answer = CliRunner().invoke(main, ["solutions", _LESSON])
    assert answer.exit_code == 0
    first = answer.stdout.split("which-cause (predict)")[0]
    assert "in-the-container (repair)" in first
    assert first.index("a solution:") < first.index("another solution:") < first.index("wrong, and the check says")


def test_an_answer_in_a_file_is_told_by_what_changes() -> None:
    text = str(AnswerKey.of("05"))
    assert (
        """
  a solution, in fails-open/Dockerfile (+ is new, - goes):
        FROM ubuntu
      - USER $APP_UID
      + USER ${APP_UID:-1654}
  What follows is compared with it.
  another solution:
        FROM ubuntu
      - USER ${APP_UID:-1654}
      + USER 5678
"""
        in text
    )
    first = AnswerKey.of("05").to_dict()["exercises"][0]
    assert first["file"] == "fails-open/Dockerfile"
    assert str(first["solution"]).endswith("\nFROM ubuntu\nUSER ${APP_UID:-1654}\n")


def test_what_runs_before_a_file_is_told_where_it_differs() -> None:
    text = str(AnswerKey.of("11"))
    assert text.count("seven-times-six") < 5
    assert "without what runs first" in text


@pytest.mark.parametrize("lesson", lesson_names())
def test_every_mistake_is_told_with_what_is_said_to_it(lesson: str) -> None:
    text = str(CommonMistakes.of(lesson))
    assert max(map(len, text.splitlines())) <= 170
    for exercise in exercises_of(lesson):
        assert f"{exercise.name} ({exercise.kind})" in text
        assert all(changed_lines(exercise, wrong.code) for wrong in exercise.wrong)
        assert all(f"-> ... {wrong.diagnosis} ..." in text for wrong in exercise.wrong)


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [("a\n c\n", ["c"]), ("a\n", ["without b"]), ("b\na\nb", ["b"]), ("x\n y\n w", ["w"])],
)
def test_of_a_wrong_answer_what_differs_from_the_nearest_solution_is_shown(wrong: str, shown: list[str]) -> None:
    exercise = replace(exercises_of(_LESSON)[0], solution="a\n  b\n", others=("x\ny\nz",))
    assert changed_lines(exercise, wrong) == shown


def test_the_command_prints_mistakes_in_short() -> None:
    answer = CliRunner().invoke(main, ["solutions", "07", "--mistakes"])
    assert answer.exit_code == 0
    assert "in-the-container (repair)" in answer.stdout
    assert "a solution:" not in answer.stdout
    told = json.loads(CliRunner().invoke(main, ["solutions", "07", "--mistakes", "--json"]).stdout)
    assert told == CommonMistakes.of("07").to_dict()
    assert {"answer", "diagnosis"} == told["exercises"][0]["mistakes"][0].keys()


def test_a_lesson_without_exercises_says_so() -> None:
    assert CliRunner().invoke(main, ["solutions", "00-start-here"]).stdout == "00-start-here has no exercises.\n"
    assert str(CommonMistakes.of("00")) == "00-start-here has no exercises."


def test_an_unknown_lesson_is_wrong_use_with_a_near_one() -> None:
    answer = CliRunner().invoke(main, ["solutions", "07-run-as-nonroot"])
    assert answer.exit_code == 2
    assert "did you mean 07-run-as-non-root?" in answer.stderr
