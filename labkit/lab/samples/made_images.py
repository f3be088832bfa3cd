"""The sample images as the engine has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.adapters.engine import Engine, PathInImage, image_config
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.lab.samples.catalogue import Catalogue, require_recipe
from labkit.lab.samples.image_facts import FileFact, ImageFacts


class MadeImages:
    """What the engine tells of the images of a catalogue; looking changes nothing.

    Args:
        engine: gives the engine, when it is asked.
        configuration: of the lab, which gives images their full names.
        catalogue: their recipes.
    """

    def __init__(self, engine: Callable[[], Engine], configuration: Configuration, catalogue: Catalogue) -> None:
        self._engine, self._configuration, self._catalogue = engine, configuration, catalogue

    def rows(self, note: Callable[[str], None]) -> list[dict[str, Any]]:
        """All of them, as JSON-ready values; one that has not been made has no digest.

        Args:
            note: is told of a recipe that cannot be read; its image has no summary.
        """
        return [self._row(name, note) for name in self._catalogue]

    def keep_busy(self, image: str) -> list[str] | None:
        """A command that keeps an image's container running, for one that has no program of its own."""
        has_program = image_config(self._engine().image(self.reference(image))).get("Entrypoint")
        return None if has_program else ["sleep", "3600"]

    def facts(self, name: str) -> ImageFacts:
        """What there is to know of a sample image without running it.

        Args:
            name: a name of the catalogue, or any reference that the engine has.

        Raises:
            Misuse: the catalogue has no such image, and neither has the engine.
            LabFailed: the image has not been made yet.
        """
        reference = self.reference(name)
        inspected = self._engine().image(reference)
        if inspected is None:
            raise LabFailed(f"Inspecting {reference}", "the image has not been made", "make it\n  labkit up")
        files = tuple(self._catalogue[name].contract.files) if name in self._catalogue else ()
        inside = self._engine().look_inside(reference, ["/etc/passwd", "/etc/group", "/bin/sh", *files])
        return ImageFacts.from_inspect(
            inspected,
            reference=reference,
            texts={path: file.text if file else None for path, file in inside.items()},
            shell=inside["/bin/sh"] is not None,
            files={path: _file_fact(inside[path]) for path in files},
        )

    def reference(self, name: str) -> str:
        """The reference of an image: the lab's own for a name of the catalogue, else the name itself if it exists.

        Raises:
            Misuse: there is no such image.
        """
        if name not in self._catalogue and self._engine().image(name) is not None:
            return name
        return self._configuration.image_reference(require_recipe(self._catalogue, name))

    def _row(self, name: str, note: Callable[[str], None]) -> dict[str, Any]:
        reference = self._configuration.image_reference(name)
        inspected = self._engine().image(reference)
        row: dict[str, Any] = {"name": name, "reference": reference, "source": None, "digest": None, "user": None}
        if inspected is not None:
            facts = ImageFacts.from_inspect(inspected, reference=reference, texts={}, shell=False)
            row |= {"source": facts.source, "digest": facts.digest, "user": facts.user, "size": facts.size}
        try:
            recipe = self._catalogue[name]
        except LabFailed as error:
            note(str(error))
            return row | {"summary": "", "note": ""}
        return row | {"summary": recipe.summary, "note": recipe.note}


def _file_fact(file: PathInImage | None) -> FileFact | None:
    return FileFact(file.uid, file.gid, file.mode) if file else None
