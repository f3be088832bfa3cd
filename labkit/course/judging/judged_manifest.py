"""A manifest that was written and not applied, as a check judges it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import yaml

from labkit.base.errors import LabError
from labkit.course.judging.assessment import Assessment, not_right

if TYPE_CHECKING:
    from typing import Any

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

    @property
    def spec(self) -> dict[str, Any]:
        """The spec of the pod that it describes, the first one if there are more; empty if there is none."""
        for manifest in yaml.safe_load_all(self.text):
            spec = manifest.get("spec") if isinstance(manifest, dict) else None
            spec = (spec.get("template") or {}).get("spec") if isinstance(spec, dict) and "template" in spec else spec
            if isinstance(spec, dict) and "containers" in spec:
                return spec
        return {}

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
