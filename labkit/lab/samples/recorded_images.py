"""What a lab's engine tells of its sample images, written down for those who have no engine to ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from labkit.base.errors import LabFailed

if TYPE_CHECKING:
    from labkit.lab.lab import Lab

_ALWAYS = ("/etc/passwd", "/etc/group", "/bin/sh")
_KEPT = ("Id", "Config", "Architecture", "Os", "Size", "RootFS", "Created")


def record_images(lab: Lab, today: date | None = None) -> dict[str, Any]:
    """The facts, as JSON-ready values: of each image what `docker image inspect` and `docker history` tell, and files.

    Args:
        lab: whose images.
        today: the day that is written down; None for this one.

    Raises:
        LabFailed: an image has not been made.
    """
    engine = lab.engine()
    images = {}
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


def _kept(inspected: Mapping[str, Any]) -> dict[str, Any]:
    return {name: inspected[name] for name in _KEPT if name in inspected}
