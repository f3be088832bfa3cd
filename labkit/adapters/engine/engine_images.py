"""Images in the engine: looked at, made, named, removed."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import Iterator, Mapping, Sequence

import requests
from docker.errors import ImageNotFound
from urllib3.exceptions import ReadTimeoutError

from labkit.adapters.engine.builder_output import BuilderOutput
from labkit.adapters.engine.engine_connection import EngineConnection
from labkit.adapters.engine.engine_errors import doing, removed, translate
from labkit.adapters.engine.removal_rounds import remove_in_rounds
from labkit.adapters.engine_answers import (
    HistoryEntry,
    InspectedImage,
    ListedImage,
    StreamEvent,
    image_labels,
    read_inspected,
)
from labkit.base.configuration import LABEL
from labkit.base.errors import LabFailed
from labkit.core.image_reference import ImageReference

_CONFLICT = 409
# How the classic builder (moby:builder/dockerfile/dispatchers.go) and podman's name the image of each step.
_STEP = re.compile(r"^ ?-{2,3}> ([0-9a-f]{12,64})$", re.MULTILINE)


class EngineImages(EngineConnection):
    """What is done with images in the engine."""

    def image(self, reference: str) -> InspectedImage | None:
        """What `docker image inspect` tells, or None if there is no such image here."""
        with doing(f"Inspecting {reference}"):
            try:
                return read_inspected(self._api.inspect_image(reference))
            except ImageNotFound:
                return None

    def history(self, reference: str) -> list[HistoryEntry]:
        """What `docker history` tells, the newest entry first."""
        with doing(f"Reading the history of {reference}"):
            return list(self._api.history(reference))

    def labelled_images(self, *labels: str, nameless: bool = False) -> list[ListedImage]:
        """The images with this lab's label, and with further ones if any are given.

        Args:
            labels: each a name, or a name and a value.
            nameless: only those without a name of which no other image is made.
        """
        filters: dict[str, list[str] | bool] = {"label": [f"{LABEL}={self._configuration.name}", *labels]}
        if nameless:
            filters["dangling"] = True
        with doing("Listing the lab's images"):
            return list(self._api.images(filters=filters, all=not nameless))

    def build(
        self,
        context: bytes,
        reference: str,
        *,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        target: str = "",
        seconds: float | None = None,
    ) -> str:
        """Build an image with the engine's classic builder, which every engine has.

        Args:
            context: a tar archive with the Dockerfile in it.
            reference: what to call the result.
            arguments: build arguments.
            labels: labels besides the kit's own.
            target: the stage to build, the last one if empty.
            seconds: after which the build is given up, and the builder stops; None to wait for its end.

        Returns:
            The image's id.

        Raises:
            BuildStopped: a step failed, or it took too long; what the builder printed is in the error.
            LabFailed: the engine does not take the build.
        """
        building = f"Building {reference}"
        printed = BuilderOutput()
        began = time.monotonic()
        event: StreamEvent
        with doing(building), self._replacing(reference):
            try:
                for event in self._api.build(
                    fileobj=io.BytesIO(context),
                    custom_context=True,
                    tag=reference,
                    buildargs=dict(arguments),
                    labels={**self._configuration.labels, **labels},
                    target=target,
                    rm=True,
                    forcerm=True,
                    decode=True,
                    timeout=seconds,
                ):
                    printed.add(str(event.get("stream") or ""))
                    self._steps |= set(_STEP.findall(str(event.get("stream") or "")))
                    if "error" in event:
                        raise printed.stopped(building, str(event["error"]), event.get("errorDetail"))
                    if seconds is not None and time.monotonic() > began + seconds:
                        raise printed.timed_out(building, seconds)
            except (ReadTimeoutError, requests.exceptions.Timeout) as error:  # A step that prints nothing.
                if seconds is None:  # So it was the longest that an engine may say nothing.
                    raise translate(building, error) from None
                raise printed.timed_out(building, seconds) from None
        image = self.image(reference)
        if image is None:
            raise LabFailed(f"Building {reference}", "no image came of it", "build it again\n  labkit up")
        return image["Id"]

    def remove_stages(self) -> None:
        """Remove what the builds on this connection left without a name, such as the stages of a Dockerfile.

        Until then the builder takes them up again in the next build. What an image is made of stays.
        """
        if not self._steps:
            return
        with doing("Removing the stages of builds"):
            unnamed = [str(image["Id"]) for image in self._api.images(filters={"dangling": True})]
        for image in unnamed:
            if any(image.removeprefix("sha256:").startswith(step) for step in self._steps):
                self.remove_image(image)
        self._steps.clear()

    def remove_nameless(self, label: str) -> int:
        """Remove the images without a name that have a label, whichever lab's, and what only they were made of.

        Those that a container or another image needs stay.

        Args:
            label: its name.

        Returns:
            How many were removed.
        """
        filters: dict[str, list[str] | bool] = {"label": [label], "dangling": True}

        def nameless() -> list[ListedImage]:
            with doing("Listing images without a name"):
                return list(self._api.images(filters=filters))

        # What one was made of is without an image on it only when that one is gone.
        return len(remove_in_rounds(nameless, self.remove_image, lists_all=False))

    def import_rootfs(self, rootfs: str, reference: str, *, labels: Mapping[str, str], changes: Sequence[str]) -> None:
        """Make an image of a root file system (`docker import`).

        Args:
            rootfs: path of a tar archive.
            reference: what to call the image.
            labels: labels besides the kit's own.
            changes: Dockerfile instructions.
        """
        all_labels = {**self._configuration.labels, **labels}
        label_lines = [f'LABEL "{name}"="{value}"' for name, value in all_labels.items()]
        named = ImageReference.parse(reference).tagged()
        with doing(f"Importing {reference}"), self._replacing(reference):
            self._api.import_image_from_file(
                rootfs, repository=named.name, tag=named.tag, changes=[*changes, *label_lines]
            )

    def commit(self, container: str, reference: str, *, labels: Mapping[str, str], changes: Sequence[str]) -> None:
        """Make an image of a container's file system.

        Args:
            container: its name or id.
            reference: of the new image; the lab's older one of that name is removed.
            labels: besides the lab's own.
            changes: Dockerfile's instructions, as `docker commit --change` takes them.

        Raises:
            LabFailed: the engine refuses.
        """
        label_lines = [f'LABEL "{name}"="{value}"' for name, value in {**self._configuration.labels, **labels}.items()]
        named = ImageReference.parse(reference).tagged()
        with doing(f"Committing {reference}"), self._replacing(reference):
            # A rootless podman has no control groups of version 1, without which it cannot pause a container.
            lines = "\n".join([*changes, *label_lines])
            self._api.commit(container, named.name, named.tag, changes=lines, pause=not self.is_podman)

    @contextlib.contextmanager
    def _replacing(self, reference: str) -> Iterator[None]:
        """Remove the lab's image that had a name before, once a new one has it; else each change would leave one.

        Somebody's own image of that name stays, without its name.
        """
        before = self.image(reference)
        yield
        after = self.image(reference)
        is_ours = self._configuration.labels.items() <= image_labels(before).items()
        if before and after and is_ours and before["Id"] != after["Id"]:
            self.remove_image(before["Id"])

    def tag(self, image: str, reference: str) -> None:
        """Give an image another name."""
        named = ImageReference.parse(reference).tagged()
        with doing(f"Tagging {image} as {reference}"):
            self._api.tag(image, named.name, named.tag)

    def remove_name(self, reference: str) -> None:
        """Take a name from an image, though a container may have been made of it; the image goes with its last name."""
        with doing(f"Removing {reference}"):
            if not removed(lambda: self._api.remove_image(reference, force=False)):
                removed(lambda: self._api.remove_image(reference, force=True))

    def remove_image(self, reference: str) -> bool:
        """Remove a name of an image, and the image with its last name.

        Returns:
            False if it does not exist, or if another image or a container needs it.
        """
        with doing(f"Removing {reference}"):
            return removed(lambda: self._api.remove_image(reference, force=False))
