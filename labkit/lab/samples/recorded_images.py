"""What a lab's engine tells of its sample images, written down for those who have no engine to ask."""

from __future__ import annotations

import gzip
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import msgspec

from labkit.archives import TreeEntry
from labkit.base.errors import LabFailed
from labkit.lab.samples.image_trees import ImageTrees

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

_ALWAYS = ("/etc/passwd", "/etc/group", "/bin/sh")
_FOLDER = "layers"
_KEPT = ("Id", "Config", "Architecture", "Os", "Size", "RootFS", "Created")


class RecordedImage(TypedDict):
    """What the engine tells of an image: by `docker image inspect`, by `docker history`, and of some files."""

    inspected: dict[str, object]
    history: list[dict[str, str]]
    files: dict[str, dict[str, object] | None]


class RecordedImages(TypedDict):
    """The images of a lab, by name."""

    recorded: str
    engine: str
    images: dict[str, RecordedImage]


def record_images(lab: Lab, today: date | None = None) -> RecordedImages:
    """The facts, as JSON-ready values: of each image what `docker image inspect` and `docker history` tell, and files.

    Args:
        lab: whose images.
        today: the day that is written down; None for this one.

    Raises:
        LabFailed: an image has not been made.
    """
    engine = lab.engine()
    images: dict[str, RecordedImage] = {}
    for name, recipe in lab.catalogue.items():
        reference = lab.configuration.image_reference(name)
        inspected = engine.image(reference)
        if inspected is None:
            raise LabFailed(f"Recording {reference}", "the image has not been made", "make it\n  labkit up")
        inside = engine.look_inside(reference, [*_ALWAYS, *recipe.contract.files])
        images[name] = {
            "inspected": _kept(inspected),
            "history": [{"CreatedBy": entry["CreatedBy"]} for entry in engine.history(reference)],
            "files": {path: asdict(file) if file else None for path, file in inside.items()},
        }
    version = f"{engine.name} {engine.version().get('Version', '')}".strip()
    return {"recorded": (today or date.today()).isoformat(), "engine": version, "images": images}


def record_layers(lab: Lab, folder: Path) -> dict[str, Path]:
    """Write down what the layers of the sample images hold, a file each; which files they are, by place.

    Args:
        lab: whose images.
        folder: an empty one.

    Raises:
        LabFailed: an image has not been made.
    """
    engine = lab.engine()
    layers: dict[str, list[TreeEntry]] = {}
    trees = ImageTrees(layers)
    for name in lab.catalogue:
        if (inspected := engine.image(lab.configuration.image_reference(name))) is not None:
            trees.of(engine, inspected)
    files = {}
    for blob, entries in layers.items():
        file = folder / f"{Path(blob).name}.json.gz"
        # Without a time of day, so that the same layers give the same file.
        file.write_bytes(gzip.compress(msgspec.json.encode(entries), mtime=0))
        files[f"{_FOLDER}/{file.name}"] = file
    return files


class RecordedLayers(OrderedDict[str, list[TreeEntry]]):
    """The layers of `record_layers`, each read when it is asked for.

    Args:
        facts: the file of `record_images`, beside which they lie.
    """

    def __init__(self, facts: Path) -> None:
        super().__init__()
        self._folder = facts.parent / _FOLDER

    def get(self, key: str, default: Any = None) -> Any:
        file = self._folder / f"{Path(key).name}.json.gz"
        if key not in self and file.is_file():
            self[key] = msgspec.json.decode(gzip.decompress(file.read_bytes()), type=list[TreeEntry])
        return super().get(key, default)


def _kept(inspected: Mapping[str, object]) -> dict[str, object]:
    return {name: inspected[name] for name in _KEPT if name in inspected}
