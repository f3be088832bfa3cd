"""What is needed of an image: from what was said of it, from an archive, or from the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from labkit.adapters.engine import Engine, EngineUnreachable
from labkit.archives.architecture import image_architecture
from labkit.archives.archive import ImageContent, read_archive
from labkit.base.errors import LabFailed, Misuse
from labkit.core.identity.model import Image

_PASSWD, _GROUP = "/etc/passwd", "/etc/group"


class ImageFinder:
    """Looks images up, each once.

    Args:
        said: users of images by reference; what was said stands over what could be found.
        archives: images read from archives.
        short_names: the lab's references of the sample images, which go by their short names too.
        connect: gives the engine; called only for an image that is in neither of the others.
    """

    def __init__(
        self,
        said: Mapping[str, str],
        archives: Iterable[ImageContent],
        short_names: Mapping[str, str],
        connect: Callable[[], Engine],
    ) -> None:
        self._said = said
        self._archives = {_normal(one.reference): one for one in archives}
        self._short_names = short_names
        self._connect = connect
        self._engine: Engine | None = None
        self._unreachable: EngineUnreachable | None = None
        self._found: dict[str, Image | None] = {}
        self.notes: list[str] = []

    def find(self, reference: str) -> Image | None:
        """What decides who an image's processes run as, None if the image is nowhere; `notes` then says so."""
        if reference not in self._found:
            self._found[reference] = self._look_up(reference)
        return self._found[reference]

    def find_or_fail(self, reference: str) -> Image:
        """The same, for an image that was asked for by name.

        Raises:
            EngineUnreachable: there is no engine to ask.
            Misuse: there is no such image.
        """
        image = self.find(reference)
        if image is not None:
            return image
        if self._unreachable is not None:
            raise self._unreachable
        remedy = f"pull it, name an archive of it, or see what the lab has\n  docker pull {reference}\n  labkit images"
        raise Misuse(f"Looking for image {reference!r}", "the engine has no such image", remedy)

    def _look_up(self, reference: str) -> Image | None:
        if reference in self._said:
            self.notes.append(f"{reference}: its user was given; its passwd and group files are not known")
            return Image(self._said[reference], files_known=False)
        if _normal(reference) in self._archives:
            return self.from_archive(self._archives[_normal(reference)])
        engine = self._reach()
        return self._ask(engine, reference) if engine is not None else None

    def from_archive(self, content: ImageContent) -> Image:
        """An image of an archive; one for another kind of machine is noted."""
        self._note_architecture(content.reference, content.architecture)
        return Image(content.user, content.passwd, content.group, _home(content.env))

    def engine_runc(self) -> tuple[int, int] | None:
        """The version of the engine's runc, None if there is no engine or it does not say."""
        try:
            engine = self._engine or self._connect()
        except EngineUnreachable:
            return None
        return engine.runc_version()

    def _reach(self) -> Engine | None:
        if self._engine is None and self._unreachable is None:
            try:
                self._engine = self._connect()
            except EngineUnreachable as error:
                self._unreachable = error
                self.notes.append(f"no engine to look images up in: {error.came_back}")
        return self._engine

    def _ask(self, engine: Engine, name: str) -> Image | None:
        reference = name
        try:
            inspected = engine.image(name)
            if inspected is None and name in self._short_names:
                reference = self._short_names[name]
                inspected = engine.image(reference)
        except LabFailed as error:  # such as "invalid reference format"
            self.notes.append(f"{name}: {error.came_back}")
            return None
        if inspected is None:
            self.notes.append(f"{name}: the engine has no such image; give its user with --image-user {name}=USER")
            return None
        self._note_architecture(name, str(inspected.get("Architecture") or ""))
        config = inspected.get("Config") or {}
        try:
            inside = engine.look_inside(reference, [_PASSWD, _GROUP])
        except LabFailed as error:
            self.notes.append(f"{name}: its passwd and group files could not be read: {error.came_back}")
            return Image(config.get("User") or "", files_known=False)
        unread = [path for path, found in inside.items() if found is not None and found.text is None]
        if unread:
            self.notes.append(f"{name}: {' and '.join(unread)} is a link or too large to be read through the engine")
        texts = {path: found.text if found else None for path, found in inside.items()}
        home = _home(config.get("Env") or ())
        return Image(config.get("User") or "", texts[_PASSWD], texts[_GROUP], home, files_known=not unread)

    def _note_architecture(self, reference: str, architecture: str) -> None:
        if architecture and architecture != image_architecture():
            self.notes.append(f"{reference}: it is built for {architecture}, this machine is {image_architecture()}")


def read_archives(paths: Sequence[Path | str]) -> list[ImageContent]:
    """All images of some archives.

    Raises:
        ArchiveUnreadable: one of them is none.
    """
    return [image for path in paths for image in read_archive(path)]


def parse_said(pairs: Sequence[str]) -> dict[str, str]:
    """Read NAME=USER pairs; an empty USER is root, as in an image.

    Raises:
        Misuse: one is no such pair.
    """
    said = {}
    for pair in pairs:
        name, equals, user = pair.partition("=")
        if not name or not equals:
            raise Misuse(
                f"Reading --image-user {pair!r}", "it is not NAME=USER", "for example\n  --image-user nginx:1.29=101"
            )
        said[name] = user
    return said


def _home(env: Iterable[str]) -> str | None:
    """The HOME that an image's environment sets; the last one counts, and an empty one does not."""
    homes = [pair.removeprefix("HOME=") for pair in env if pair.startswith("HOME=")]
    return homes[-1] or None if homes else None


def _normal(reference: str) -> str:
    """A reference as docker completes it, for comparing (distribution/reference:normalize.go)."""
    name, at, digest = reference.partition("@")
    first, slash, rest = name.partition("/")
    if not slash or ("." not in first and ":" not in first and first != "localhost"):
        rest, first = name, "docker.io"
    if first in ("docker.io", "index.docker.io"):
        first, rest = "docker.io", rest if "/" in rest else f"library/{rest}"
    if not at and ":" not in rest.rpartition("/")[2]:
        rest += ":latest"
    return f"{first}/{rest}{at}{digest}"
