"""The participant's folder: what is copied, what is theirs, and folders that will not do."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from labkit.base.errors import LabError, LabFailed, MachineLacks, Misuse
from labkit.base.resources import CHECKOUT, NOTEBOOKS
from labkit.cli import main
from labkit.course import course_folder
from labkit.course.course_folder import VARIABLE, CourseFolder, FolderChanges, default_folder
from labkit.course.lessons import lesson_names

_LESSON = "07-run-as-non-root"
_NAME = f"notebooks/{_LESSON}.ipynb"
_NOBODY = 65534


class Course:
    """A course of two lessons and a page, and a participant's folder."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.files: dict[str, Path] = {}
        self.path = place / "mine"
        for name in (_NAME, "notebooks/08-change-the-user.ipynb", "docs/matrix.md"):
            self.publish(name, f"{name}, first version")

    def publish(self, name: str, text: str) -> None:
        self.files[name] = self.place / "course" / name
        self.files[name].parent.mkdir(parents=True, exist_ok=True)
        self.files[name].write_text(text, encoding="utf-8")

    @property
    def folder(self) -> CourseFolder:
        return CourseFolder(self.path, self.files)

    def follow(self) -> FolderChanges:
        return self.folder.follow_course()

    def read(self, name: str = _NAME) -> str:
        return (self.path / name).read_text(encoding="utf-8")

    def write(self, text: str, name: str = _NAME) -> None:
        (self.path / name).write_text(text, encoding="utf-8")

    def visible(self) -> list[str]:
        return sorted(str(path.relative_to(self.path)) for path in self.path.rglob("[!.]*") if path.is_file())


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path)


@contextlib.contextmanager
def somebody_else() -> Iterator[None]:
    """Act as a user without rights, if we are root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_the_lessons_are_copied_once(course: Course) -> None:
    assert course.follow().added == tuple(course.files)
    assert course.visible() == sorted(course.files)
    assert course.read() == f"{_NAME}, first version"
    assert course.follow() == FolderChanges()


def test_an_untouched_lesson_follows_the_course(course: Course) -> None:
    course.follow()
    course.publish(_NAME, "second version")
    assert course.follow() == FolderChanges(renewed=(_NAME,))
    assert course.read() == "second version"
    course.publish(_NAME, "third version")
    assert course.follow() == FolderChanges(renewed=(_NAME,))


def test_what_a_participant_changed_is_never_overwritten(course: Course) -> None:
    course.follow()
    course.write("my answer")
    assert course.follow() == FolderChanges()
    course.publish(_NAME, "second version")
    # It is told each time, as it stays true.
    assert course.follow() == course.follow() == FolderChanges(outdated=(_NAME,))
    assert course.read() == "my answer"


def test_outputs_that_jupyterlab_saved_are_the_participants(course: Course) -> None:
    course.publish(_NAME, '{"cells": [{"outputs": []}]}')
    course.follow()
    course.write('{"cells": [{"outputs": ["uid=1654"]}]}')
    course.publish(_NAME, '{"cells": [{"outputs": []}, {}]}')
    assert course.follow() == FolderChanges(outdated=(_NAME,))


def test_a_change_that_was_taken_back_follows_again(course: Course) -> None:
    course.follow()
    course.write("my answer")
    course.follow()
    course.write(f"{_NAME}, first version")
    course.publish(_NAME, "second version")
    assert course.follow() == FolderChanges(renewed=(_NAME,))


def test_a_deleted_lesson_comes_back_as_an_untouched_copy(course: Course) -> None:
    course.follow()
    course.write("my answer")
    (course.path / _NAME).unlink()
    assert course.follow() == FolderChanges(added=(_NAME,))
    course.publish(_NAME, "second version")
    assert course.follow() == FolderChanges(renewed=(_NAME,))


def test_a_lesson_that_left_the_course_goes_unless_it_was_changed(course: Course) -> None:
    course.follow()
    course.write("my answer")
    del course.files[_NAME], course.files["docs/matrix.md"]
    assert course.follow() == FolderChanges(removed=("docs/matrix.md",))
    assert course.read() == "my answer"


@pytest.mark.parametrize("name", ["../notes.txt", "docs/../../notes.txt", "{place}/notes.txt"])
def test_a_manifest_that_names_a_file_outside_of_the_folder_removes_nothing(course: Course, name: str) -> None:
    course.follow()
    notes = course.place / "notes.txt"
    notes.write_text("mine")
    copied = {name.format(place=course.place): hashlib.sha256(b"mine").hexdigest()}
    course.write(json.dumps({"copied": copied}), ".labkit-manifest.json")
    assert course.follow() == FolderChanges()
    assert notes.exists()


@pytest.mark.parametrize("manifest", [None, "", "{", '{"copied": []}', "[]"])
def test_without_a_manifest_nothing_is_overwritten(course: Course, manifest: str | None) -> None:
    course.follow()
    course.write("my answer")
    if manifest is None:
        (course.path / ".labkit-manifest.json").unlink()
    else:
        course.write(manifest, ".labkit-manifest.json")
    course.publish("docs/matrix.md", "second version")
    assert course.follow() == FolderChanges()
    assert course.read() == "my answer"
    # What equals the course is known as its copy again.
    course.publish("notebooks/08-change-the-user.ipynb", "second version")
    assert course.follow().renewed == ("notebooks/08-change-the-user.ipynb",)


def test_files_of_the_participants_own_stay(course: Course) -> None:
    course.path.mkdir()
    course.write("mine", "notes.txt")
    (course.path / "notebooks").mkdir()
    course.write("mine", _NAME)
    (course.path / "docs" / "matrix.md").mkdir(parents=True)
    assert course.follow() == FolderChanges(added=("notebooks/08-change-the-user.ipynb",))
    assert (course.read("notes.txt"), course.read()) == ("mine", "mine")


def test_a_link_is_not_written_through(course: Course) -> None:
    course.follow()
    elsewhere = course.place / "elsewhere.ipynb"
    (course.path / _NAME).rename(elsewhere)
    (course.path / _NAME).symlink_to(elsewhere)
    course.publish(_NAME, "second version")
    course.follow()
    assert elsewhere.read_text(encoding="utf-8") == f"{_NAME}, first version"


def test_restore_keeps_every_version_of_the_participants(course: Course) -> None:
    course.follow()
    for number in (1, 2):
        course.write(f"my answer {number}")
        restored, kept = course.folder.restore("07")
        assert restored == course.path / _NAME
        assert kept == course.path / "notebooks" / f"{_LESSON}-mine-{number}.ipynb"
        assert kept.read_text(encoding="utf-8") == f"my answer {number}"
        assert course.read() == f"{_NAME}, first version"
    course.publish(_NAME, "second version")
    assert course.follow() == FolderChanges(renewed=(_NAME,))


def test_restore_of_an_untouched_or_a_deleted_lesson_keeps_nothing(course: Course) -> None:
    course.follow()
    assert course.folder.restore(_LESSON)[1] is None
    (course.path / _NAME).unlink()
    assert course.folder.restore(_LESSON)[1] is None
    assert course.visible() == sorted(course.files)


def test_a_file_beside_the_lessons_is_restored_by_its_path(course: Course) -> None:
    name = "notebooks/menu/Dockerfile"
    course.publish(name, "FROM debian")
    course.follow()
    course.write("FROM alpine", name)
    restored, kept = course.folder.restore("menu/Dockerfile")
    assert kept is not None
    assert (restored, kept) == (course.path / name, course.path / "notebooks/menu/Dockerfile-mine-1")
    assert (course.read(name), kept.read_text(encoding="utf-8")) == ("FROM debian", "FROM alpine")
    assert course.read() == f"{_NAME}, first version"
    with pytest.raises(Misuse, match="there is no such lesson"):
        course.folder.restore("../docs/matrix.md")


def test_restore_that_fails_leaves_the_participants_version_in_place(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    course.follow()
    course.write("my answer")
    monkeypatch.setattr(os, "fsync", _full)
    with pytest.raises(LabFailed, match="No space left on device"):
        course.folder.restore(_LESSON)
    assert course.read() == "my answer"
    assert course.visible() == sorted(course.files)


def test_restore_by_a_wrong_name_or_without_a_folder(course: Course) -> None:
    with pytest.raises(Misuse, match="there is no such folder"):
        course.folder.restore(_LESSON)
    assert not course.path.exists()
    with pytest.raises(Misuse, match="did you mean 07-run-as-non-root"):
        course.folder.restore("07-run-as-nonroot")


def _full(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_what_is_there_and_the_next_time_goes_on(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    course.follow()
    course.publish(_NAME, "second version")
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", _full)
        with pytest.raises(LabFailed, match="No space left on device") as error:
            course.follow()
        assert "free some space" in error.value.remedy
    assert course.read() == f"{_NAME}, first version"
    assert course.follow() == FolderChanges(renewed=(_NAME,))


def _refused(folder: CourseFolder, kind: type[LabError], *texts: str) -> None:
    """Neither following the course nor opening it for JupyterLab goes on."""
    with pytest.raises(kind) as following:
        folder.follow_course()
    with pytest.raises(kind) as opening, folder.in_use():
        pass
    for error in (following.value, opening.value):
        for text in (*texts, "--folder"):
            assert text in str(error)


@pytest.fixture
def open_course() -> Iterator[Course]:
    """A course in a place that other users may look into, as they may not into pytest's own folders."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Course(Path(place))


def test_a_read_only_folder(open_course: Course) -> None:
    open_course.follow()
    if os.geteuid() == 0:
        for path in (open_course.path, *open_course.path.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY)
    open_course.path.chmod(0o555)
    with somebody_else():
        _refused(open_course.folder, LabFailed, "Permission denied", "change the permissions")
    open_course.path.chmod(0o755)


def test_a_folder_where_one_may_not_look(open_course: Course) -> None:
    closed = open_course.place / "closed"
    closed.mkdir(mode=0o000)
    with somebody_else():
        _refused(CourseFolder(closed / "mine", open_course.files), LabFailed, "Permission denied")
    closed.chmod(0o755)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of somebody else's; see docs/tests.md")
def test_a_folder_of_somebody_elses_is_not_written_to_even_by_root(course: Course) -> None:
    course.path.mkdir()
    os.chown(course.path, _NOBODY, _NOBODY)
    _refused(course.folder, Misuse, f"it belongs to another user (uid {_NOBODY})", "run this as that user")
    assert list(course.path.iterdir()) == []


def test_a_path_that_is_a_file_or_lies_in_one(course: Course) -> None:
    course.path.write_text("my thesis")
    _refused(course.folder, Misuse, "is a file")
    _refused(CourseFolder(course.path / "course", course.files), Misuse, "is a file")
    assert course.path.read_text() == "my thesis"


def test_the_course_itself_is_no_participants_folder() -> None:
    _refused(CourseFolder(NOTEBOOKS.parent), Misuse, "the lessons themselves")


def test_two_at_once_in_one_folder(course: Course) -> None:
    program = (
        "import pathlib, sys\n"
        "from labkit.course.course_folder import CourseFolder\n"
        "with CourseFolder(pathlib.Path(sys.argv[1]), {}).in_use():\n"
        "    print('open', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, course.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "open\n"
        with pytest.raises(LabFailed, match="another `labkit lab` has it open") as second, course.folder.in_use():
            pass
        assert "jupyter_server list" in second.value.remedy
        # The one who has it open may restore a lesson in a terminal beside it.
        course.follow()
        first.kill()
    with course.folder.in_use():
        pass


def test_a_participant_gets_the_lessons_and_every_page_they_link_to(tmp_path: Path) -> None:
    CourseFolder(tmp_path / "mine").follow_course()
    copies = [path for path in (tmp_path / "mine").rglob("[!.]*") if path.is_file()]
    assert sorted(path.stem for path in copies if path.suffix == ".ipynb") == lesson_names()
    links = [
        path.parent / link
        for path in copies
        if path.suffix in (".ipynb", ".md")
        for link in re.findall(r"\]\(([^()#:\s]+)[^()]*\)", path.read_text(encoding="utf-8"))
        if not link.startswith("http")
    ]
    assert tmp_path / "mine" / "notebooks" / ".." / "docs" / "known-issues.md" in links
    assert [link for link in links if not link.exists()] == []


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert default_folder() == CHECKOUT / "my-course"
    monkeypatch.setattr(course_folder, "IS_CHECKOUT", False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / "labkit-course"
    monkeypatch.setenv(VARIABLE, str(tmp_path / "there"))
    assert default_folder() == tmp_path / "there"


def test_a_kit_without_its_lessons_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(course_folder, "NOTEBOOKS", CHECKOUT / "gone")
    with pytest.raises(MachineLacks, match="lacks files of its own"):
        CourseFolder(tmp_path / "mine").follow_course()


def test_the_command_restores(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    CourseFolder(folder).follow_course()
    (folder / _NAME).write_text("my answer")
    done = CliRunner().invoke(main, ["course", "restore", "07", "--folder", str(folder)])
    assert done.exit_code == 0, done.output
    assert f"kept     {folder}/notebooks/{_LESSON}-mine-1.ipynb" in done.output
    assert (folder / _NAME).read_bytes() == (NOTEBOOKS / f"{_LESSON}.ipynb").read_bytes()
    done = CliRunner().invoke(main, ["course", "restore", "07", "--json"], env={VARIABLE: str(tmp_path / "none")})
    assert done.exit_code == 2
    assert "there is no such folder" in done.output


def test_changes_are_told_in_words() -> None:
    assert FolderChanges().report() == ""
    told = FolderChanges(added=tuple("abcdef"), outdated=(_NAME,)).report().splitlines()
    assert told[0] == "copied: 6 files"
    assert _NAME in told[1]
    assert "labkit course restore" in told[1]
