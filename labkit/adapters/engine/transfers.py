"""Images on their way into the engine and out of it: registries, archives, the node."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO

import requests
from docker.errors import DockerException, NotFound
from packaging.version import Version

from labkit.adapters import podman
from labkit.adapters.engine.engine_errors import doing
from labkit.adapters.engine.engine_images import EngineImages
from labkit.adapters.engine.pull_errors import PULL_TIMEOUT_SECONDS, events_with_timeout, pull_failed
from labkit.adapters.engine_answers import StreamEvent
from labkit.adapters.processes import run_into, run_piped
from labkit.adapters.program_versions import version_in
from labkit.base.errors import LabFailed

_SAVES_ONE_PLATFORM = Version("1.48")
"""The API from which on an engine saves one platform of an image (moby/moby:docs/api/version-history.md)."""


class EngineTransfers(EngineImages):
    """How images come and go."""

    def pull(self, reference: str, *, timeout: float = PULL_TIMEOUT_SECONDS) -> str:
        """Pull an image for this machine's platform; gives its digest reference.

        Args:
            reference: the image.
            timeout: seconds without an event from the registry after which it is given up.

        Raises:
            LabFailed: the registry does not give it; the remedy depends on its message.
        """
        pulling = f"Pulling {reference}"
        with doing(pulling):
            events: Iterator[StreamEvent] = events_with_timeout(
                lambda: self._api.pull(reference, stream=True, decode=True), timeout, pulling
            )
            for event in events:
                if "error" in event:
                    raise pull_failed(pulling, str(event["error"]))
        image = self.image(reference)
        return next(iter((image and image.get("RepoDigests")) or ()), reference)

    def push(self, image: str, reference: str) -> None:
        """Push an image under another name, which it has here for no longer than that takes.

        Raises:
            LabFailed: the registry does not take it.
        """
        self.tag(image, reference)
        try:
            with doing(f"Pushing {reference}"):
                for event in self._api.push(reference, stream=True, decode=True):
                    if "error" in event:
                        raise LabFailed(f"Pushing {reference}", str(event["error"]), "see what the registry says")
        finally:
            self.remove_image(reference)

    def can_reach_registry(self, reference: str, seconds: float) -> bool:
        """Whether the engine gets an answer about an image from its registry, within so many seconds.

        Asked through the engine, because it is the engine that pulls: its proxies, mirrors and certificates count.
        """
        answered = threading.Event()

        def ask() -> None:
            with contextlib.suppress(DockerException, requests.exceptions.RequestException):
                try:
                    self._ask_registry(reference)
                except NotFound as error:  # That there is no such image is an answer too.
                    if self.is_podman and not podman.is_registrys_answer(str(error.explanation)):
                        return
                answered.set()

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(seconds)
        return answered.is_set()

    def _ask_registry(self, reference: str) -> None:
        """Have the engine ask the registry about an image; podman knows no such question of Docker's."""
        if not self.is_podman:
            self._api.inspect_distribution(reference)
            return
        address = f"{self._api.base_url}{podman.registry_question(reference)}"
        self._api._raise_for_status(self._api._get(address))

    def load_archive(self, archive: IO[bytes], reference: str) -> None:
        """Load an archive as `docker load` does; an image of the lab that had the name before goes, no other one.

        Raises:
            LabFailed: the engine does not take it.
        """
        with doing(f"Loading {reference} into the engine"), self._replacing(reference):
            for line in self._api.load_image(archive):
                if problem := line.get("error"):
                    raise LabFailed(f"Loading {reference} into the engine", str(problem), "try again")

    def save_image(self, reference: str, target: IO[bytes]) -> None:
        """Write an image as `docker save` does."""
        with doing(f"Saving {reference}"):
            for chunk in self._api.get_image(reference, chunk_size=1 << 20):
                target.write(chunk)

    def save_images(self, references: Iterable[str], target: IO[bytes]) -> None:
        """Write images into one archive, as `docker save` does: a layer that they share is in it once.

        Raises:
            LabFailed: the engine's command failed.
        """
        argv = [*self._save_argv(), *references]
        if problem := run_into(argv, target, environment=self.client_environment()):
            raise LabFailed("Saving images", problem, "see what the engine says\n  labkit doctor")

    def load_images(self, pieces: Iterable[bytes]) -> None:
        """Load an archive, plain or compressed, as `docker load` does, under the names that it gives its images.

        Args:
            pieces: the archive's bytes.

        Raises:
            LabFailed: the engine does not take it.
        """
        loading, remedy = "Loading images into the engine", "see what the engine says, then try again\n  labkit doctor"
        with doing(loading):
            for line in self._api.load_image(pieces):
                if problem := line.get("error"):
                    raise LabFailed(loading, str(problem), remedy)

    def name_anew(self, image: str, reference: str) -> None:
        """Give an image a name; the lab's image that had it before goes."""
        with self._replacing(reference):
            self.tag(image, reference)

    def image_archive(self, image: str) -> Iterator[bytes]:
        """An image as `docker save` writes it, as it comes.

        Args:
            image: its id, or a reference.

        Raises:
            LabFailed: there is no such image, or the engine went away.
        """
        with doing(f"Reading the layers of {image}"):
            yield from self._api.get_image(image, chunk_size=1 << 20)

    def pipe_images(self, references: Iterable[str], receiver: Sequence[str]) -> None:
        """Stream images, as `docker save` writes them, into the standard input of a command of the engine's.

        The SDK cannot stream into an exec; the engine's own command, which kind needs anyway, can.

        Args:
            references: the images.
            receiver: arguments of a second docker or podman command.

        Raises:
            LabFailed: either command failed.
        """
        consumer = [self.client, *receiver]
        problem = run_piped([*self._save_argv(), *references], consumer, environment=self.client_environment())
        if problem is not None:
            raise LabFailed(
                "Loading images into the node",
                problem or f"the {self.client} command failed and printed nothing",
                "try again\n  labkit up",
            )

    @contextlib.contextmanager
    def meaning(self, images: Mapping[str, str]) -> Iterator[None]:
        """Have references mean the images of some ids until the end of the `with`, whatever they mean otherwise.

        Docker's mean those already. To podman a short name, which the lab has looked up and which a node asks for in
        full, may be another one: `podman build -t x` makes localhost/x, and no docker.io/library/x.

        Args:
            images: ids by references in full.
        """
        before = {
            reference: there["Id"] if (there := self.image(reference)) is not None else None
            for reference in (images if self.is_podman else ())
        }
        changed = {reference: meant for reference, meant in before.items() if meant != images[reference]}
        for reference in changed:
            self.tag(images[reference], reference)
        try:
            yield
        finally:
            for reference, meant in changed.items():
                if meant is not None:
                    self.tag(meant, reference)
                elif self._has_other_names(images[reference]):  # Its last name would take the image along.
                    self.remove_name(reference)

    def _has_other_names(self, image: str) -> bool:
        inspected = self.image(image)
        return inspected is not None and len(inspected.get("RepoTags") or ()) > 1

    def _save_argv(self) -> list[str]:
        """The command that writes images into one archive."""
        # Without the option podman takes a second name for another name of the first image (podman-save(1)).
        options = ["--multi-image-archive"] if self.is_podman else self._one_platform()
        return [self.client, "save", *options]

    def _one_platform(self) -> list[str]:
        """Options of `docker save`: a store of containerd's may hold an image for more platforms than are whole.

        An engine before API 1.48 (Docker 28) knows no such option, and saves what there is.
        """
        if not self.has_containerd_store():
            return []
        version = version_in(str(self.version().get("ApiVersion", "")))
        has_option = version is not None and version >= _SAVES_ONE_PLATFORM
        return ["--platform", f"linux/{self._architecture()}"] if has_option else []
