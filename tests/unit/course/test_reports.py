"""The command, handing in, and reading what many handed in."""

from __future__ import annotations

import itertools
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.base.errors import LabFailed, Misuse
from labkit.cli import main
from labkit.course.course_overview import overview, the_course
from labkit.course.handing_in import HAND_IN, hand_in, showable
from labkit.course.progress import Progress
from labkit.course.progress_file import read_progress, record
from labkit.course.records import Event
from labkit.course.reports import read_many

_LESSON, _EXERCISE = "07-run-as-non-root", "which-cause"
_COURSE = {"00-start-here": (), _LESSON: (_EXERCISE, "in-the-container"), "08-change-the-user": ("who-wins",)}
_START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _use(progress: Progress) -> None:
    """One exercise, solved with a hint and the solution."""
    progress.opened(_LESSON)
    progress.hinted(_LESSON, _EXERCISE, 1)
    progress.shown(_LESSON, _EXERCISE)
    progress.checked(_LESSON, _EXERCISE, "passed")


def _labkit(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, ["progress", *arguments])


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The progress file that the command uses, and a folder to work in."""
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data" / "progress.json"


def test_the_command_tells_how_far_one_is_and_what_is_next(own: Path) -> None:
    shown = _labkit()
    assert shown.exit_code == 0, shown.output
    assert "Next: " in shown.output
    assert not own.parent.exists()
    _use(Progress.open(own))
    told = json.loads(_labkit("--json").output)
    (seventh,) = (lesson for lesson in told["lessons"] if lesson["lesson"] == _LESSON)
    assert (seventh["passed"], seventh["of"], seventh["hints"], seventh["solutions"]) == (1, 3, 1, 1)
    assert told["next"]["lesson"] == _LESSON
    own.write_bytes(b"?")
    assert _labkit().exit_code == 1
    assert "not JSON" in _labkit().output
    assert own.read_bytes() == b"?"


def test_next_is_in_the_lesson_used_last_then_behind_then_before(tmp_path: Path) -> None:
    times = itertools.count()
    mine = Progress(tmp_path / "progress.json", clock=lambda: _START + timedelta(seconds=next(times)))

    def following() -> object:
        return overview(read_progress(mine.path), _COURSE).next

    assert following() == (_LESSON, _EXERCISE)
    mine.opened("08-change-the-user")
    assert following() == ("08-change-the-user", "who-wins")
    mine.checked("08-change-the-user", "who-wins", "passed")
    assert following() == (_LESSON, _EXERCISE)
    for name in _COURSE[_LESSON]:
        mine.checked(_LESSON, name, "passed")
    assert following() is None


def test_handing_in_and_reading_many(own: Path, tmp_path: Path) -> None:
    _use(Progress.open(own))
    done = _labkit("export", "--name", "Ann Lee", "--json")
    assert done.exit_code == 0, done.output
    file = Path(json.loads(done.output)["file"])
    assert file.name == "progress-ann-lee.json"
    text = file.read_text(encoding="utf-8")
    assert str(tmp_path) not in text
    assert os.uname().nodename not in text
    assert _labkit("export", "--name", "Ann Lee").exit_code == 0  # once more is no mistake
    Path("bad.json").write_bytes(text.encode()[:100])
    read = _labkit("report", str(file), "bad.json", "none.json", str(own), str(file), "--json")
    assert read.exit_code == 0, read.output
    report = json.loads(read.output)
    assert [(row["name"], row["passed"], row["solutions"]) for row in report["rows"]] == [("Ann Lee", 1, 1), ("", 1, 1)]
    assert [(file["file"], file["why"]) for file in report["unread"]] == [
        ("bad.json", "it is truncated, or not JSON"),
        ("none.json", "there is no such file"),
    ]
    assert _labkit("report", "bad.json").exit_code == 1
    assert _labkit("report", str(file), "bad.json", "--csv", "c.csv", "--html", "c.html").exit_code == 0
    assert Path("c.csv").read_text(encoding="utf-8").splitlines()[-1].startswith(",bad.json,")
    assert "Ann Lee" in Path("c.html").read_text(encoding="utf-8")


def test_nothing_but_an_older_hand_in_is_written_over(own: Path, tmp_path: Path) -> None:
    _use(Progress.open(own))
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("years of work", encoding="utf-8")
    assert _labkit("export", str(thesis)).exit_code == 2
    assert _labkit("export", str(own)).exit_code == 2
    assert _labkit("export", "mine").exit_code == 0
    for option in ("--csv", "--html"):
        for target in ("mine", "new.json", str(own)):
            assert _labkit("report", "mine", option, target).exit_code == 2
    assert thesis.read_text(encoding="utf-8") == "years of work"
    assert json.loads(Path("mine").read_text(encoding="utf-8"))["format"] == HAND_IN


@pytest.mark.parametrize("name", ["\x1b[31mAnn", "Ann\nLee", "A" * 81, "\u202eAnn"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(Misuse, match="the name cannot be used"):
        hand_in({}, _COURSE, name)


def test_a_whole_course_is_small(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    events = []
    for lesson, names in the_course().items():
        for name in names:
            events += [Event("hinted", lesson, _START, name, number=number) for number in (1, 2, 3)]
            events += [Event("shown", lesson, _START, name), Event("checked", lesson, _START, name, "passed")]
    record(file, [*events, Event("checked", "99-no-lesson-of-this-course", _START, "x", "passed")])
    text = hand_in(read_progress(file), the_course(), "Ä" * 80)
    assert len(text.encode()) < 20_000
    assert "99-no-lesson" not in text


def test_a_huge_file_a_folder_and_a_pipe_end_in_a_sentence(tmp_path: Path) -> None:
    huge, folder, pipe = (tmp_path / name for name in ("huge.json", "folder", "pipe"))
    with huge.open("wb") as file:
        file.truncate(1 << 30)
    folder.mkdir()
    os.mkfifo(pipe)
    report = read_many([huge, folder, pipe], _COURSE)
    assert [file.why for file in report.unread] == ["it is larger than 1000 kB", "it is a folder", "it is not a file"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["exercises", "opened"]), inner),
    max_leaves=8,
)


_ALMOST = st.fixed_dictionaries({"format": st.just(HAND_IN), "version": st.integers(), "lessons": _JSON})


@settings(deadline=None)
@given(_JSON | _ALMOST, st.text())
def test_nothing_handed_in_hides_another(tmp_path_factory: pytest.TempPathFactory, told: Any, name: str) -> None:
    folder = tmp_path_factory.mktemp("many")
    good, bad = folder / "good.json", folder / "bad.json"
    good.write_text(hand_in({}, _COURSE, "Ann"), encoding="utf-8")
    if isinstance(told, dict):
        told = {**told, "name": name}
    bad.write_text(json.dumps(told), encoding="utf-8")
    report = read_many([bad, good], _COURSE)
    assert report.rows[-1].name == "Ann"
    assert len(report.rows) + len(report.unread) == 2
    assert all(row.name.isprintable() and len(row.name) <= 80 for row in report.rows)


@given(st.text())
def test_what_is_shown_is_one_short_printable_line(text: str) -> None:
    shown = showable(text)
    assert shown.isprintable()
    assert len(shown) <= 80
    shown.encode()


def test_a_newer_hand_in_says_so(tmp_path: Path) -> None:
    file = tmp_path / "new.json"
    file.write_text(json.dumps({"format": HAND_IN, "version": 10**400}), encoding="utf-8")
    (unread,) = read_many([file], _COURSE).unread
    assert unread.why == "a newer labkit wrote it (version unknown; this one knows 1)"
    with pytest.raises(LabFailed):
        read_progress(file)


@pytest.mark.parametrize("asked", [False, True])
def test_clean_keeps_progress_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: bool) -> None:
    for name in ("STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"LABKIT_{name}", str(tmp_path / name))
        (tmp_path / name).mkdir()
    monkeypatch.setenv("LABKIT_NAME", "labkit-no-such-lab")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    file = tmp_path / "DATA" / "progress.json"
    _use(Progress.open(file))
    done = CliRunner().invoke(main, ["clean", "--yes", *(["--progress"] if asked else [])])
    assert done.exit_code == 0, done.output
    assert file.exists() is not asked
    assert not (tmp_path / "STATE").exists()
    assert f"{'removed progress' if asked else 'kept   '} {file}" in done.stdout
