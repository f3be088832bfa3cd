"""Answers as the files that participants edit, and how they come there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labkit.base.errors import LabFailed, Misuse
from labkit.base.resources import NOTEBOOKS
from labkit.course.answer_files import AnswerFile
from labkit.course.exercise import Exercise
from labkit.course.exercises import exercises_of, find_exercise
from labkit.course.lessons import lesson_names
from tests.course import Placed, all_placed

_FILES = [exercise for lesson in lesson_names() for exercise in exercises_of(lesson) if exercise.file]
_MENU = find_exercise("02-root-by-default", "menu")
_NAMED = re.compile(r'"([\w-]+/Dockerfile|[\w-]+\.yaml)"|project="([\w-]+)"')


def _answer(exercise: Exercise = _MENU) -> AnswerFile:
    answer = AnswerFile.of(exercise, exercise.solution)
    assert answer is not None
    return answer


@pytest.mark.parametrize("task", all_placed(), ids=str)
def test_the_file_of_an_exercise_is_the_one_that_its_cell_names(task: Placed) -> None:
    named = _NAMED.search(task.cell)
    file = task.exercise.file
    assert file == "" if named is None else file in (named[1], f"{named[2]}/hello.csproj")


@pytest.mark.parametrize("exercise", _FILES, ids=lambda exercise: exercise.name)
def test_every_solution_of_a_file_changes_little_of_what_participants_get(exercise: Exercise) -> None:
    answer = _answer(exercise)
    changes = answer.changes()
    assert any(line.startswith("+ ") or line.startswith("- ") for line in changes)
    kept = sum(line.startswith("  ") for line in changes)
    assert kept >= 1 and len(changes) <= 30
    assert answer.content.startswith(answer.starter.partition("\n")[0])


def test_a_file_shows_what_is_new_and_what_goes() -> None:
    assert _answer().changes() == [
        "  FROM debian",
        "- RUN echo soup > /srv/menu && chmod 600 /srv/menu",
        "+ RUN echo soup > /srv/menu && chmod 600 /srv/menu && chown 1654 /srv/menu",
        "+ USER 1654",
        '  CMD ["cat", "/srv/menu"]',
    ]


@pytest.mark.parametrize(
    "code",
    [
        "lab.build(text, name='menu')",
        "prediction = 1",
        "for uid in (1, 2):\n    lab.build(f'FROM debian\\nUSER {uid}')",
        "lab.build('''FROM debian\nUSER 1''')\nprint(1)",
        "lab.publish('-p:ContainerUser=1', item='<A/>', name='menu')",
        "lab.build()",
    ],
)
def test_code_that_does_more_than_fill_the_file_stays_code(code: str) -> None:
    assert AnswerFile.of(_MENU, code) is None


def test_it_is_put_in_the_place_of_what_was_given(tmp_path: Path) -> None:
    answer, file = _answer(), tmp_path / "menu" / "Dockerfile"
    file.parent.mkdir()
    file.write_text(answer.starter, encoding="utf-8")
    assert answer.put(tmp_path) is None
    assert file.read_text(encoding="utf-8") == answer.content
    assert answer.put(tmp_path) is None
    assert [path.name for path in file.parent.iterdir()] == ["Dockerfile"]


@pytest.mark.parametrize("own", [b"FROM debian\nUSER 1\n", b"\xff\xfe"], ids=["text", "bytes"])
def test_what_somebody_wrote_is_kept_beside_it(tmp_path: Path, own: bytes) -> None:
    answer, file = _answer(), tmp_path / "menu" / "Dockerfile"
    file.parent.mkdir()
    for number in (1, 2):
        file.write_bytes(own)
        kept = answer.put(tmp_path)
        assert kept is not None and (kept.name, kept.read_bytes()) == (f"Dockerfile-mine-{number}", own)


def test_the_course_itself_is_left_alone() -> None:
    before = (NOTEBOOKS / "menu/Dockerfile").read_bytes()
    with pytest.raises(Misuse, match="this is the course itself"):
        _answer().put(NOTEBOOKS)
    assert (NOTEBOOKS / "menu/Dockerfile").read_bytes() == before


def test_without_the_file_there_is_nothing_to_put_it_into(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="there is no such file"):
        _answer().put(tmp_path)


def test_a_file_that_cannot_be_moved_aside_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "menu" / "Dockerfile"
    file.parent.mkdir()
    file.write_text("mine", encoding="utf-8")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(LabFailed, match="Permission denied"):
        _answer().put(tmp_path)
    assert file.read_text(encoding="utf-8") == "mine"


def test_every_file_is_one_that_participants_get() -> None:
    assert all((NOTEBOOKS / exercise.file).is_file() for exercise in _FILES)
    assert len(_FILES) == 14
