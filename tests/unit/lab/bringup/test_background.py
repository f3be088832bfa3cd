"""A bring-up behind a lesson is the one that would have run in front: in the same folder, with the same bundle."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

import pytest

from labkit.base.configuration import Configuration
from labkit.lab.bringup import background


@pytest.mark.parametrize(
    ("bundle", "last"), [(None, ["--source", "stand-in"]), (Path("my bundle.tar"), ["--bundle", "{}/my bundle.tar"])]
)
def test_it_finds_the_same_bundle_and_imports_nothing_from_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path | None, last: list[str]
) -> None:
    started: list[tuple[list[str], Path]] = []

    def start(argv: list[str], _: IO[bytes], folder: Path) -> Any:
        started.append((argv, folder))

    monkeypatch.setattr(background, "start_server", start)
    monkeypatch.chdir(tmp_path)
    configuration = Configuration("labkit", *(tmp_path / name for name in ("state", "cache", "data")))
    background.start_background(configuration, "stand-in", bundle)
    ((argv, folder),) = started
    assert folder == tmp_path
    assert argv[1:4] == ["-P", "-m", "labkit"]
    assert argv[-2:] == [word.format(tmp_path) for word in last]
