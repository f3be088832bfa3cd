"""Looking for marks in a tree that changes under the eyes."""

from __future__ import annotations

import threading
from pathlib import Path

from labkit.threat.on_engine import folders_named


def test_folders_are_found_by_name_and_pattern(tmp_path: Path) -> None:
    for name in ("a/mark-1", "b/c/mark-2", "mark-file/x"):
        (tmp_path / name).mkdir(parents=True)
    assert folders_named("mark-1", tmp_path) == [tmp_path / "a" / "mark-1"]
    assert len(folders_named("mark-*", tmp_path)) == 3
    assert folders_named("mark-1", tmp_path / "nowhere") == []


def test_folders_that_come_and_go_do_not_disturb(tmp_path: Path) -> None:
    (tmp_path / "deep" / "mark").mkdir(parents=True)
    done = threading.Event()

    def churn() -> None:
        while not done.is_set():
            for number in range(50):
                (tmp_path / f"group-{number}" / "below").mkdir(parents=True)
            for number in range(50):
                (tmp_path / f"group-{number}" / "below").rmdir()
                (tmp_path / f"group-{number}").rmdir()

    churning = threading.Thread(target=churn)
    churning.start()
    try:
        assert all(folders_named("mark", tmp_path) == [tmp_path / "deep" / "mark"] for _ in range(100))
    finally:
        done.set()
        churning.join()
