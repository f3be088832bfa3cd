"""What is written down of a lab's images, and read again where there is no engine."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from labkit.adapters.engine import PathInImage
from labkit.archives import TreeEntry
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.lab.lab import Lab
from labkit.lab.samples.recorded_images import RecordedLayers, record_images
from labkit.show.steps import Silent


class EngineOfAFewImages:
    """Has every image, or none."""

    name = "Docker"

    def __init__(self, *, has_images: bool = True) -> None:
        self._has_images = has_images

    def version(self) -> dict[str, str]:
        return {"Version": "26.1.5"}

    def image(self, reference: str) -> dict[str, Any] | None:
        return {"Id": reference, "Config": {"User": "1654"}, "GraphDriver": {}} if self._has_images else None

    def history(self, _: str) -> list[dict[str, Any]]:
        return [{"CreatedBy": "USER 1654", "Size": 3}]

    def look_inside(self, _: str, paths: list[str]) -> dict[str, PathInImage | None]:
        return {path: PathInImage(0, 0, "644", "") if path == "/etc/passwd" else None for path in paths}


def _lab(tmp_path: Path, engine: EngineOfAFewImages, monkeypatch: pytest.MonkeyPatch) -> Lab:
    lab = Lab(Configuration("paper", tmp_path / "s", tmp_path / "c", tmp_path / "d"), Silent())
    monkeypatch.setattr(lab, "engine", lambda: engine)
    return lab


def test_each_sample_image_is_written_down_with_the_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = _lab(tmp_path, EngineOfAFewImages(), monkeypatch)
    record = record_images(lab, date(2026, 11, 27))
    assert (record["recorded"], record["engine"]) == ("2026-11-27", "Docker 26.1.5")
    assert set(record["images"]) == set(lab.catalogue)
    debian = record["images"]["debian"]
    assert debian["inspected"] == {"Id": "localhost/paper/debian:lab", "Config": {"User": "1654"}}
    assert (debian["files"]["/etc/passwd"] or {})["mode"] == "644"
    assert debian["files"]["/bin/sh"] is None


def test_an_image_that_was_not_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabFailed, match="has not been made"):
        record_images(_lab(tmp_path, EngineOfAFewImages(has_images=False), monkeypatch))


def test_a_layer_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    entries = [TreeEntry("/app/aspnetapp", "file", digest="abc")]
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers/one.json.gz").write_bytes(gzip.compress(msgspec.json.encode(entries)))
    layers = RecordedLayers(tmp_path / "images.json")
    assert not layers
    assert layers.get("blobs/sha256/one") == entries
    assert layers.get("blobs/sha256/two") is None
