"""Whatever is wrong with the participant's file, no lesson stops and nothing that was there is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.base.errors import DeadlineExceeded
from labkit.base.locks import locked
from labkit.course.progress import Progress
from labkit.course.progress_file import MOST_BYTES, read_progress, record, remove_progress
from labkit.course.records import Event
from labkit.lab.clean import _remove_but
from tests.examples import share_of
from tests.unit.course.test_progress import use_progress

_LESSON, _EXERCISE = "07-run-as-non-root", "which-cause"
_COURSE = {"00-start-here": (), _LESSON: (_EXERCISE, "in-the-container"), "08-change-the-user": ("who-wins",)}
_START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def told() -> list[str]:
    """What the participant is told."""
    return []


@pytest.fixture
def mine(tmp_path: Path, told: list[str]) -> Progress:
    """A progress in a folder that is not there yet."""
    return Progress(tmp_path / "data" / "progress.json", tell=told.append, clock=lambda: _START)


_NO_PROGRESS = [
    (b"", "it is empty"),
    (b'{"format": "labkit-progress", "ver', "truncated"),
    (b"\xff\xfe\x00", "not JSON"),
    (b"[" * 100_000, "nested too deeply"),
    (b"[]", "its format is not"),
    (b'{"format": "labkit-worksheet", "version": 1}', "its format is not"),
    (b'{"format": "labkit-progress"}', "it has no version"),
    (b'{"format": "labkit-progress", "version": 1, "lessons": []}', "Expected `object`, got `array`"),
    (b'{"format": "labkit-progress", "version": 1, "lessons": {"\\u001b[2J": {}}}', "at `key` in `$`"),
    (
        b'{"format": "labkit-progress", "version": 1, "lessons": {"x": {"exercises": {}}}}',
        "missing required field `opened`",
    ),
    (b" " * (MOST_BYTES + 1), "larger than"),
]


@pytest.mark.parametrize(("data", "reason"), _NO_PROGRESS, ids=[reason for _, reason in _NO_PROGRESS])
def test_a_damaged_file_is_kept_aside(mine: Progress, told: list[str], data: bytes, reason: str) -> None:
    mine.path.parent.mkdir()
    mine.path.write_bytes(data)
    mine.checked(_LESSON, _EXERCISE, "passed")
    (sentence,) = told
    assert reason in sentence
    (aside,) = mine.path.parent.glob("progress.damaged-*.json")
    assert aside.name in sentence
    assert aside.read_bytes() == data
    assert mine.is_passed(_LESSON, _EXERCISE)
    mine.path.write_bytes(data)
    mine.checked(_LESSON, _EXERCISE, "passed")
    assert len(list(mine.path.parent.glob("progress.damaged-*.json"))) == 2


_KEYS = st.sampled_from(
    ["format", "version", "lessons", "exercises", "opened", "last", "seconds", "checks", "hints", "verdict"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=5),
    max_leaves=12,
)
_ALMOST = st.dictionaries(st.just("lessons"), st.dictionaries(st.sampled_from(["07-a", "!"]), _JSON)).map(
    lambda told: {"format": "labkit-progress", "version": 1, **told}
)


@settings(max_examples=share_of(60), deadline=None)
@given(st.binary(max_size=200) | (_JSON | _ALMOST).map(lambda told: json.dumps(told).encode()))
def test_no_bytes_at_all_stop_a_lesson(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("bytes") / "progress.json"
    file.write_bytes(data)
    told: list[str] = []
    progress = Progress(file, tell=told.append)
    use_progress(progress)
    assert progress.is_passed(_LESSON, _EXERCISE)
    assert progress.hints_used(_LESSON, _EXERCISE) == 1
    survivors = [path.read_bytes() for path in file.parent.iterdir() if "damaged" in path.name]
    assert survivors == ([data] if told else [])


def _newer(file: Path, _: pytest.MonkeyPatch) -> str:
    file.write_text('{"format": "labkit-progress", "version": 2, "new": true}', encoding="utf-8")
    return "a newer labkit wrote it (version 2; this one knows 1)"


def _read_only(file: Path, _: pytest.MonkeyPatch) -> str:
    record(file, [Event("opened", "01-one", _START)])
    file.chmod(0o400)
    return "it is read-only. What to do: let yourself write it chmod u+w"


def _of_another(file: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    record(file, [Event("opened", "01-one", _START)])
    other = os.geteuid() + 1
    monkeypatch.setattr("os.geteuid", lambda: other)
    return f"it belongs to another user (uid {other - 1})"


def _folder(file: Path, _: pytest.MonkeyPatch) -> str:
    file.mkdir()
    return "it is a folder"


def _pipe(file: Path, _: pytest.MonkeyPatch) -> str:
    os.mkfifo(file)
    return "it is not a file"


def _circle(file: Path, _: pytest.MonkeyPatch) -> str:
    file.symlink_to(file)
    return "its links lead in a circle"


@pytest.mark.parametrize("spoil", [_newer, _read_only, _of_another, _folder, _pipe, _circle])
def test_what_cannot_be_written_is_left_as_it_is_and_told(
    mine: Progress, told: list[str], monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path, pytest.MonkeyPatch], str]
) -> None:
    mine.path.parent.mkdir()
    reason = spoil(mine.path, monkeypatch)
    before = mine.path.read_bytes() if mine.path.is_file() else None
    mine.checked(_LESSON, _EXERCISE, "passed")
    assert len(told) == 1
    assert told[0].startswith("Your progress was not recorded. ")
    assert reason in told[0]
    assert "\n" not in told[0]
    assert (mine.path.read_bytes() if mine.path.is_file() else None) == before
    mine.hinted(_LESSON, _EXERCISE, 1)
    # The notebook goes on as if it were recorded: the next hint is the second.
    assert (mine.hints_used(_LESSON, _EXERCISE), mine.is_passed(_LESSON, _EXERCISE)) == (1, True)


def test_what_could_not_be_recorded_is_recorded_later(mine: Progress, told: list[str]) -> None:
    mine.path.mkdir(parents=True)
    mine.checked(_LESSON, _EXERCISE, "passed")
    mine.path.rmdir()
    mine.checked(_LESSON, "in-the-container", "not yet")
    assert len(told) == 1
    kept = read_progress(mine.path)[_LESSON].exercises
    assert (kept[_EXERCISE].passed, kept[_EXERCISE].checks, kept["in-the-container"].checks) == (_START, 1, 1)


def test_where_no_folder_can_be(tmp_path: Path, told: list[str]) -> None:
    (tmp_path / "data").write_text("", encoding="utf-8")
    Progress(tmp_path / "data" / "progress.json", tell=told.append).checked(_LESSON, _EXERCISE, "passed")
    assert "was not recorded" in told[0]


def test_a_link_stays_one(mine: Progress, tmp_path: Path) -> None:
    mine.path.parent.mkdir()
    mine.path.symlink_to(tmp_path / "elsewhere.json")
    mine.opened(_LESSON)
    assert mine.path.is_symlink()
    assert list(read_progress(tmp_path / "elsewhere.json")) == [_LESSON]


_NO_ROOM = """
import resource, sys
from pathlib import Path
from labkit.course.progress import Progress
progress = Progress.open(Path(sys.argv[1]))
progress.checked("07-run-as-non-root", "which-cause", "passed")
# Writing beyond a file's size limit fails as it does on a full disk.
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
progress.checked("07-run-as-non-root", "in-the-container", "passed")
print("goes on")
"""


def test_where_there_is_no_room_nothing_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    done = subprocess.run(
        [sys.executable, "-c", _NO_ROOM, file], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "goes on\n"
    assert "was not recorded. Writing" in done.stderr
    assert list(read_progress(file)[_LESSON].exercises) == [_EXERCISE]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".progress.json.lock", "progress.json"]


def test_a_lock_that_is_held_is_waited_for_shortly(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"):
        held = pytest.raises(DeadlineExceeded, match="another process has held it")
        with held, locked(tmp_path / "lock", seconds=0.05):
            pass
        (tmp_path / "lock").unlink()
    with locked(tmp_path / "lock", seconds=0.05):
        assert (tmp_path / "lock").exists()


def test_removing_it_takes_what_was_put_aside_along(mine: Progress) -> None:
    assert remove_progress(mine.path) == []
    mine.path.parent.mkdir()
    mine.path.write_bytes(b"damaged")
    (mine.path.parent / "worksheet.json").write_bytes(b"")
    mine.opened(_LESSON)
    assert len(remove_progress(mine.path)) == 2
    assert [path.name for path in mine.path.parent.iterdir()] == ["worksheet.json"]


def test_clean_leaves_a_data_folder_that_lies_in_what_it_removes(tmp_path: Path) -> None:
    for name in ("state/a/b", "state/deep/data/file", "other/c"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"")
    for folder in ("state", "other"):
        _remove_but(tmp_path / folder, tmp_path / "state" / "deep" / "data")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "state/deep/data/file"]
