"""The sample images as the engine has them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NotRequired, TypedDict

from labkit.adapters.engine import Engine, InspectedImage, PathInImage, image_config
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.lab.samples.catalogue import Catalogue, require_recipe
from labkit.lab.samples.image_facts import FileFact, ImageFacts

if TYPE_CHECKING:
    from labkit.archives import ImageTree, TreeEntry

_MOST_KNOWN, _KEEPING = 64, threading.Lock()
_INSIDE: OrderedDict[tuple[tuple[str, ...], tuple[str, ...]], Mapping[str, PathInImage | None]] = OrderedDict()
"""What lay at paths of images, by the digests of their layers, which are of what these hold."""
_FILES: OrderedDict[TreeEntry, PathInImage] = OrderedDict()
"""Files of images, by what their entry in an archive says: path, owner, mode and the digest of the content."""


class MadeImageJson(TypedDict):
    """A sample image; one that has not been made has no digest, one whose recipe cannot be read no summary."""

    name: str
    reference: str
    source: str | None
    digest: str | None
    user: str | None
    size: NotRequired[int]
    summary: str
    note: str


class MadeImages:
    """What the engine tells of the images of a catalogue; looking changes nothing.

    Args:
        engine: gives the engine, when it is asked.
        configuration: of the lab, which gives images their full names.
        catalogue: their recipes.
    """

    def __init__(self, engine: Callable[[], Engine], configuration: Configuration, catalogue: Catalogue) -> None:
        self._engine, self._configuration, self._catalogue = engine, configuration, catalogue

    def rows(self, note: Callable[[str], None]) -> list[MadeImageJson]:
        """All of them, as JSON-ready values; one that has not been made has no digest.

        Args:
            note: is told of a recipe that cannot be read; its image has no summary.
        """
        return [self._row(name, note) for name in self._catalogue]

    def keep_busy(self, image: str) -> list[str] | None:
        """A command that keeps an image's container running, for one that has no program of its own."""
        has_program = image_config(self._engine().image(self.reference(image))).get("Entrypoint")
        return None if has_program else ["sleep", "3600"]

    def facts(self, name: str, inspected: InspectedImage | None = None, tree: ImageTree | None = None) -> ImageFacts:
        """What there is to know of a sample image without running it.

        Args:
            name: a name of the catalogue, or any reference that the engine has.
            inspected: what the engine has told of it just now; None to ask.
            tree: what it holds, if that was read: files that were seen in another image are not looked at again.

        Raises:
            Misuse: the catalogue has no such image, and neither has the engine.
            LabFailed: the image has not been made yet.
        """
        is_sample = name in self._catalogue
        reference = name if inspected is not None and not is_sample else self.reference(name)
        inspected = inspected or self._engine().image(reference)
        if inspected is None:
            raise LabFailed(f"Inspecting {reference}", "the image has not been made", "make it\n  labkit up")
        files = tuple(self._catalogue[name].contract.files) if is_sample else ()
        inside = self._look_inside(inspected, ("/etc/passwd", "/etc/group", "/bin/sh", *files), tree)
        return ImageFacts.from_inspect(
            inspected,
            reference=reference,
            texts={path: file.text if file else None for path, file in inside.items()},
            shell=inside["/bin/sh"] is not None,
            files={path: _file_fact(inside[path]) for path in files},
        )

    def _look_inside(
        self, inspected: InspectedImage, paths: tuple[str, ...], tree: ImageTree | None
    ) -> Mapping[str, PathInImage | None]:
        """What lies at paths of an image; images that differ in their metadata alone have the same files."""
        layers = tuple((inspected.get("RootFS") or {}).get("Layers") or ())
        known = _INSIDE.get((layers, paths)) if layers else None
        if known is not None:
            return known
        entries = {path: tree.entry(path) for path in paths} if tree is not None else {}
        if entries and all(entry is None or entry in _FILES for entry in entries.values()):
            return {path: _FILES[entry] if entry is not None else None for path, entry in entries.items()}
        seen = self._engine().look_inside(inspected["Id"], paths)
        with _KEEPING:
            if layers:
                _INSIDE[layers, paths] = seen
            for path, entry in entries.items():
                # A hard link's entry does not say what it holds.
                if entry is not None and (entry.digest or entry.kind == "link") and (file := seen[path]) is not None:
                    _FILES[entry] = file
            for kept in (_INSIDE, _FILES):
                while len(kept) > _MOST_KNOWN:
                    kept.popitem(last=False)
        return seen

    def reference(self, name: str) -> str:
        """The reference of an image: the lab's own for a name of the catalogue, else the name itself if it exists.

        Raises:
            Misuse: there is no such image.
        """
        if name not in self._catalogue and self._engine().image(name) is not None:
            return name
        # To docker NAME:latest is the same name, in a terminal of the lab as anywhere.
        return self._configuration.image_reference(require_recipe(self._catalogue, name.removesuffix(":latest")))

    def _row(self, name: str, note: Callable[[str], None]) -> MadeImageJson:
        reference = self._configuration.image_reference(name)
        inspected = self._engine().image(reference)
        row: MadeImageJson = {
            "name": name,
            "reference": reference,
            "source": None,
            "digest": None,
            "user": None,
            "summary": "",
            "note": "",
        }
        if inspected is not None:
            facts = ImageFacts.from_inspect(inspected, reference=reference, texts={}, shell=False)
            row |= {"source": facts.source, "digest": facts.digest, "user": facts.user, "size": facts.size}
        try:
            recipe = self._catalogue[name]
        except LabFailed as error:
            note(str(error))
            return row
        return {**row, "summary": recipe.summary, "note": recipe.note}


def _file_fact(file: PathInImage | None) -> FileFact | None:
    return FileFact(file.uid, file.gid, file.mode) if file else None
