"""A manifest that was written and not applied, as a check judges it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import yaml

from labkit.base.errors import LabError
from labkit.core.mappings import Manifest, ManifestPart
from labkit.course.judging.assessment import Assessment, not_right

if TYPE_CHECKING:
    from labkit.course.world import World
    from labkit.explain.rows import Explanations


class JudgedManifest:
    """The text of a manifest.

    Args:
        world: the lesson's.
        text: the manifest.
    """

    def __init__(self, world: World, text: str) -> None:
        self.world, self.text = world, text

    @cached_property
    def explanations(self) -> Explanations:
        """As whom its containers would run, and what a gate has against it."""
        return self.world.look.explain(self.text)

    @cached_property
    def objections(self) -> dict[str, str]:
        """What a gate has against each container; those that it lets pass are left out."""
        return {row.container: str(row.objection) for row in self.explanations.rows if row.objection}

    @property
    def api_server_says(self) -> list[str]:
        """Why the API server would not take it, in its own words, each once."""
        verdicts = [row.api for row in self.explanations.rows if row.api.ok is False]
        return list(dict.fromkeys(str(verdict.to_dict()["message"]) for verdict in verdicts))

    @cached_property
    def specs(self) -> list[ManifestPart]:
        """The spec of each pod that it describes, in its documents and in the items of their lists."""
        objects = [entry for document in yaml.safe_load_all(self.text) for entry in _objects_in(document)]
        specs = [entry.get("spec") for entry in objects]
        own = [(spec.get("template") or {}).get("spec") if "template" in spec else spec for spec in specs if spec]
        return [spec for spec in own if isinstance(spec, dict) and "containers" in spec]

    def missing(self) -> Assessment | None:
        """Why there is nothing to judge."""
        try:
            containers, flaws = self.explanations.rows, self.explanations.flaws
        except (LabError, ValueError) as error:
            containers, flaws = (), (str(error),)
        if containers:
            return None
        if flaws:
            return not_right(f"The gate stays shut, because the manifest cannot be read: {flaws[0]}.")
        return not_right("There is no container in the manifest.")


def _objects_in(document: object) -> list[Manifest]:
    """The objects of a document: itself, or what is in it if it is a list (kubernetes/api:core/v1/types.go, List)."""
    items = document.get("items") if isinstance(document, dict) else None
    if isinstance(items, list):
        return [entry for item in items for entry in _objects_in(item)]
    return [document] if isinstance(document, dict) and isinstance(document.get("spec") or {}, dict) else []
