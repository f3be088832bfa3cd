"""Trees of images: a layer is read once, whatever image has it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from labkit.adapters.engine import Engine, InspectedImage
from labkit.archives import TreeEntry
from labkit.base.errors import LabFailed
from labkit.lab.samples.image_trees import ImageTrees
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
