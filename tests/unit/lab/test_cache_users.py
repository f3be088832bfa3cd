"""`labkit clean` of one lab leaves what labs of other names use: the cache goes with the last of them."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.cli import main
from labkit.lab import cache_users
from labkit.lab.cache_users import enter_cache_user, other_cache_users
from labkit.lab.clean import clean
from labkit.lab.lab import Lab
from labkit.show.steps import Silent


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The usual places, in a folder of this test's."""
    for kind in ("cache", "state", "data"):
        monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", str(tmp_path / kind))
        monkeypatch.delenv(f"LABKIT_{kind.upper()}", raising=False)
    # What a killed run has left among the machine's temporary folders would be removed, too.
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path


def _lab(monkeypatch: pytest.MonkeyPatch, name: str) -> Lab:
    """A lab of that name, as `up` leaves it."""
    monkeypatch.setenv("LABKIT_NAME", name)
    lab = Lab(Configuration.from_environment(), Silent())
    lab.configuration.state.mkdir(parents=True)
    (lab.configuration.state / "lock").touch()
    (lab.configuration.cache / "programs").mkdir(parents=True, exist_ok=True)
    enter_cache_user(lab.configuration)
    return lab


def test_the_cache_goes_with_the_last_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = _lab(monkeypatch, "first"), _lab(monkeypatch, "second")
    assert clean(first) == [f"folder {first.configuration.state}"]
    assert (second.configuration.cache / "programs").is_dir()
    assert clean(second) == [f"folder {second.configuration.state}", f"folder {second.configuration.cache}"]


@pytest.mark.parametrize("times", [1, 3])
def test_a_lock_that_another_clean_makes_meanwhile_is_in_nobodys_way(
    monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    lab = _lab(monkeypatch, "first")
    _not_empty(monkeypatch, times)
    assert clean(lab) == [f"folder {lab.configuration.state}", f"folder {lab.configuration.cache}"]
    assert not lab.configuration.state.exists()


def test_a_folder_that_never_gets_empty_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = _lab(monkeypatch, "first")
    _not_empty(monkeypatch, 1000)
    with pytest.raises(LabFailed, match="Directory not empty"):
        clean(lab)


def _not_empty(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Have a folder not be empty that often once its files are gone, as where another process makes one."""
    left, remove = iter(range(times)), shutil.rmtree

    def rmtree(folder: Path) -> None:
        if next(left, None) is None:
            return remove(folder)
        raise OSError(errno.ENOTEMPTY, "Directory not empty", str(folder))

    monkeypatch.setattr(shutil, "rmtree", rmtree)


def test_a_lab_whose_state_lies_elsewhere_is_written_down(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _lab(monkeypatch, "first")
    monkeypatch.setenv("LABKIT_STATE", str(home / "elsewhere"))
    second = _lab(monkeypatch, "second")
    clean(first)
    assert (second.configuration.cache / "programs").is_dir()


def test_a_lab_of_an_older_kit_is_seen_by_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = _lab(monkeypatch, "first"), _lab(monkeypatch, "second")
    cache_users.remove_cache_user(second.configuration)
    assert other_cache_users(first.configuration) == [second.configuration.state]


def test_what_was_only_asked_for_is_no_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    first = _lab(monkeypatch, "first")
    (first.configuration.state.parent / "misspelt").mkdir()
    assert other_cache_users(first.configuration) == []


def test_a_cache_elsewhere_is_of_those_who_are_written_down(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _lab(monkeypatch, "first")
    monkeypatch.setenv("LABKIT_CACHE", str(home / "other"))
    assert other_cache_users(_lab(monkeypatch, "second").configuration) == []


@pytest.mark.parametrize("content", [b"", b"\0", b"\xff\xfe", b"relative", b"/no/such/folder", b"/" + b"a" * 5000])
def test_a_damaged_entry_is_none(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _lab(monkeypatch, "first")
    (first.configuration.cache / "labs" / "damaged").write_bytes(content)
    assert other_cache_users(first.configuration) == []


def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(home: Path) -> None:
    (home / "file").touch()
    enter_cache_user(Configuration("first", home / "state", home / "file", home / "data"))


def test_the_command_says_what_stays_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    second, first = _lab(monkeypatch, "second"), _lab(monkeypatch, "first")
    answer = CliRunner().invoke(main, ["clean", "--yes", "--json"])
    assert json.loads(answer.stdout)["kept"] == [str(first.configuration.cache)]
    answer = CliRunner().invoke(main, ["clean", "--yes"])
    assert f"kept    {first.configuration.cache}: the lab in {second.configuration.state} uses it too" in answer.stdout


def test_the_question_says_whether_the_cache_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True, raising=False)
    first = _lab(monkeypatch, "first")
    answer = CliRunner().invoke(main, ["clean"], input="n\n")
    assert f"The cache {first.configuration.cache} goes too." in answer.stderr
    assert first.configuration.state.is_dir()
    _lab(monkeypatch, "second")
    answer = CliRunner().invoke(main, ["clean"], input="n\n")
    assert f"The cache stays, for the lab in {first.configuration.state} uses it too." in answer.stderr
