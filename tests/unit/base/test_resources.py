"""The kit's own files, and what is said where they are missing."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from labkit.base import resources
from labkit.base.errors import LabFailed, MachineLacks, Misuse
from labkit.base.resources import CHECKOUT, CLUSTER, DOCS, NOTEBOOKS, require, restoring
from labkit.course import lessons
from labkit.lab.samples import digest_lock


def test_in_a_checkout_they_lie_beside_the_package() -> None:
    assert {path.parent for path in (CLUSTER, DOCS, NOTEBOOKS)} == {CHECKOUT}
    assert require(NOTEBOOKS) == NOTEBOOKS


@pytest.mark.parametrize(
    ("is_checkout", "command"),
    [
        (True, f"git -C {CHECKOUT} checkout -- "),
        (False, f"{sys.executable} -m pip install --force-reinstall --no-deps "),
    ],
)
def test_a_file_that_is_missing_is_named_with_what_brings_it_back(
    is_checkout: bool, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "IS_CHECKOUT", is_checkout)
    with pytest.raises(MachineLacks) as error:
        require(CLUSTER / "gone")
    assert str(CLUSTER / "gone") in str(error.value)
    assert command in error.value.remedy


@pytest.mark.parametrize(
    ("note", "origin"),
    [
        (None, "labkit==1.2"),
        ({"url": "file:///tmp/labkit-1.2.whl", "archive_info": {}}, "file:///tmp/labkit-1.2.whl"),
        (
            {"url": "https://example.org/labkit", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
            "git+https://example.org/labkit@c0ffee",
        ),
    ],
)
def test_it_is_installed_again_from_where_it_came(
    note: dict[str, Any] | None, origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never by its name alone: on an index the name may be anyone's."""
    folder = tmp_path / "labkit-1.2.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: labkit\nVersion: 1.2\n")
    if note is not None:
        (folder / "direct_url.json").write_text(json.dumps(note))
    monkeypatch.setattr(resources, "IS_CHECKOUT", False)
    monkeypatch.syspath_prepend(tmp_path)
    assert shlex.split(restoring(CLUSTER))[-1] == origin


def test_the_command_can_be_pasted_whatever_the_checkouts_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "IS_CHECKOUT", True)
    monkeypatch.setattr(resources, "CHECKOUT", tmp_path / "my lab")
    assert shlex.split(restoring(tmp_path / "my lab" / "it's"))[2:] == [
        str(tmp_path / "my lab"),
        "checkout",
        "--",
        str(tmp_path / "my lab" / "it's"),
    ]


def test_a_lesson_that_is_no_notebook_is_brought_back_by_a_command(tmp_path: Path) -> None:
    broken = tmp_path / "01-broken.ipynb"
    broken.write_text("{")
    with pytest.raises(LabFailed) as error:
        lessons.describe_lesson(broken)
    assert restoring(broken) in error.value.remedy


def test_digests_are_locked_in_a_checkout_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_lock, "IS_CHECKOUT", False)
    with pytest.raises(Misuse, match="without its checkout"):
        digest_lock.write_lock({})
    assert not digest_lock.LOCK_FILE.exists()
