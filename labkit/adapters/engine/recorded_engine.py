"""In place of the engine, where a class gives its participants none: facts of the sample images, and a no to all else.

The facts were written down in a lab (labkit/lab/samples/recorded_images.py). Nothing is run, built or kept here, and
whatever asks for that gets one sentence that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

from labkit.adapters.engine.engine_processes import ListedContainer
from labkit.adapters.engine.whole_engine import Engine
from labkit.adapters.engine_answers import (
    EngineInfo,
    EngineVersion,
    HistoryEntry,
    InspectedImage,
    ListedImage,
    PathInImage,
    read_inspected,
)
from labkit.adapters.engine_endpoint import no_engine
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.files import read_own_json


class _Absent:
    """In place of the API of an engine: whatever is asked of it is refused."""

    def __getattr__(self, name: str) -> NoReturn:
        raise no_engine("Asking for an engine")


class RecordedEngine(Engine):
    """The sample images as a lab's engine told of them.

    Args:
        configuration: of the participant's lab.
        facts: what `record_images` gave.
    """

    def __init__(self, configuration: Configuration, facts: Mapping[str, Any]) -> None:
        self._configuration = configuration
        self._endpoint = None
        self._api: Any = _Absent()
        self._steps: set[str] = set()
        self._images: Mapping[str, Any] = facts["images"]
        self.recorded = str(facts["recorded"])

    @classmethod
    def open(cls, configuration: Configuration, file: Path) -> RecordedEngine:
        """Read the facts.

        Raises:
            LabFailed: they cannot be read.
        """
        try:
            return cls(configuration, read_own_json(file))
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise LabFailed(f"Reading the recorded images in {file}", reason, "tell your instructor") from error

    def close(self) -> None:
        """Nothing: no connection is open."""

    # --- what is known ---

    def image(self, reference: str) -> InspectedImage | None:
        record = self._record(reference)
        return read_inspected(record["inspected"]) if record else None

    def history(self, reference: str) -> list[HistoryEntry]:
        record = self._record(reference)
        return [cast(HistoryEntry, entry) for entry in record["history"]] if record else []

    def look_inside(self, reference: str, paths: Sequence[str]) -> dict[str, PathInImage | None]:
        """What was written down of these paths.

        Raises:
            NoEngine: nothing was of one of them.
        """
        record = self._record(reference)
        if record is None or not set(paths) <= record["files"].keys():
            raise no_engine(f"Looking at {', '.join(paths)} of {reference}")
        return {path: PathInImage(**file) if (file := record["files"][path]) else None for path in paths}

    def _record(self, reference: str) -> Mapping[str, Any] | None:
        """What was written down of an image, by its full reference or its id."""
        for name, record in self._images.items():
            if reference in (self._configuration.image_reference(name), record["inspected"]["Id"]):
                return cast("Mapping[str, Any]", record)
        return None

    # --- what there is none of ---

    @property
    def is_podman(self) -> bool:
        return False

    @property
    def name(self) -> str:
        return "none"

    def info(self) -> EngineInfo:
        return {}

    def version(self) -> EngineVersion:
        return {}

    def mapped_ids(self) -> int | None:
        return None

    def labelled_containers(self, *more: str) -> list[str]:
        return []

    def listed_containers(self, *labels: str) -> list[ListedContainer]:
        return []

    def labelled_images(self, *labels: str, nameless: bool = False) -> list[ListedImage]:
        return []

    def remove_stages(self) -> None:
        """Nothing: nothing was built."""
