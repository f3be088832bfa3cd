"""Trees of images: a layer is read once, whatever image has it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from labkit.adapters.engine import Engine, InspectedImage
from labkit.archives import TreeEntry
from labkit.base.errors import LabFailed
from labkit.lab.samples.image_trees import ImageTrees, layer_folders
from tests.unit.archives.layered import member, saved_image
from tests.unit.notebook.paper import Recorder


def _image(*layers: str) -> InspectedImage:
    image: Any = {"Id": "sha256:1", "RootFS": {"Layers": list(layers)}}
    return cast(InspectedImage, image)


_LAYERS = {f"blobs/sha256/{name}": [TreeEntry(f"/{name}", "file")] for name in ("a", "b", "c")}


def test_an_image_of_known_layers_is_not_read_again() -> None:
    engine = Recorder()
    tree = ImageTrees(dict(_LAYERS)).of(cast(Engine, engine), _image("sha256:a", "sha256:b"))
    assert [entry.path for entry in tree.under("/")] == ["/a", "/b"]
    assert engine.calls == []


@pytest.mark.parametrize("layers", [(), ("sha256:a", "sha256:new")])
def test_one_with_another_layer_is(layers: tuple[str, ...]) -> None:
    engine = Recorder(image_archive=iter(()))
    with pytest.raises(LabFailed, match="Reading an image"):
        ImageTrees(dict(_LAYERS)).of(cast(Engine, engine), _image(*layers))
    assert engine.called("image_archive") == [("sha256:1",)]


def _in_overlay(folder: Path, *layers: str) -> InspectedImage:
    """An image of which each layer is a folder, the upper one first as the engine tells it."""
    folders = [str(folder / layer) for layer in reversed(layers)]
    data = {"UpperDir": folders[0], "LowerDir": ":".join(folders[1:])}
    driver: Any = {"Name": "overlay2", "Data": data}
    return {**_image(*(f"sha256:{layer}" for layer in layers)), "GraphDriver": driver}


@pytest.mark.skipif(os.geteuid() != 0, reason="the layers of an engine on this machine are root's")
def test_a_new_layer_is_read_where_the_engine_has_it(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "file").touch()
    engine, layers = Recorder(), dict(_LAYERS)
    tree = ImageTrees(layers).of(cast(Engine, engine), _in_overlay(tmp_path, "a", "new"))
    assert [entry.path for entry in tree.under("/")] == ["/a", "/file"]
    assert "blobs/sha256/new" in layers
    assert engine.calls == []


def test_an_image_whose_layers_may_not_be_read_is_saved(tmp_path: Path) -> None:
    engine = Recorder(image_archive=iter(()))
    with pytest.raises(LabFailed, match="Reading an image"):
        ImageTrees(dict(_LAYERS)).of(cast(Engine, engine), _in_overlay(tmp_path, "a", "gone"))
    assert engine.called("image_archive") == [("sha256:1",)]


@pytest.mark.parametrize(
    "driver",
    [
        None,
        {"Name": "btrfs", "Data": None},
        {"Name": "overlay2", "Data": None},
        {"Name": "overlay2", "Data": {"UpperDir": "/a"}},
        {"Name": "overlay2", "Data": {"UpperDir": "", "LowerDir": "/a"}},
    ],
)
def test_an_engine_that_does_not_tell_where_is_asked(driver: Any) -> None:
    image = _image("sha256:a", "sha256:b")
    assert layer_folders({**image, "GraphDriver": driver} if driver else image) == []


def test_who_asks_while_an_image_is_being_read_waits_for_that() -> None:
    reads, going_on = list[str](), threading.Event()

    def archive(image: str) -> Iterator[bytes]:
        reads.append(image)
        going_on.wait(5)
        yield saved_image([member("menu", text="soup")])

    trees, engine = ImageTrees({}), cast(Engine, Recorder(image_archive=archive))
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(trees.of, engine, _image("sha256:1")) for _ in range(2)]
        going_on.set()
        assert asked[0].result() is asked[1].result()
    assert reads == ["sha256:1"]
