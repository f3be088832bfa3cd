"""What is known of an image: its user as given, its content in an archive, or what the engine has of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Self

from labkit import archives
from labkit.base.errors import LabFailed, MachineLacks, Misuse, add_packages_command
from labkit.core.identity.model import Image, home_of
from labkit.core.image_reference import ImageReference

if TYPE_CHECKING:
    from labkit.archives import ImageContent
    from labkit.explain.engine_lookup import EngineLookup
    from labkit.explain.pipelines.image_lock import ImageLock


def connect_engine(*, verbose: bool = False) -> EngineLookup:
    """Connect to the engine, if the packages that speak to one are installed.

    Args:
        verbose: whether stderr shows the requests.

    Raises:
        MachineLacks: they are not installed, or no engine answers.
    """
    if find_spec("docker") is None:
        raise MachineLacks(
            "Asking the engine about images",
            f"the Python package 'docker' is not installed ({add_packages_command()} adds it)",
            "give each image's user, or install what speaks to an engine\n"
            f"  labkit explain --image-user NAME=USER ...\n  {add_packages_command()}",
        )
    # A gate that asks no engine has no use for HTTP and tar, which take as long to import as the rest.
    from labkit.explain.engine_lookup import EngineLookup

    return EngineLookup.connect(verbose=verbose)


class GivenUsers:
    """Users of images that somebody gave, and which of them an image was found for.

    Args:
        users: by any spelling of an image's name.

    Raises:
        Misuse: two spellings of one name have different users.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users: dict[ImageReference, str] = {}
        self._unused: dict[ImageReference, str] = {}
        for name, user in users.items():
            reference = ImageReference.parse(name).tagged()
            if self._users.setdefault(reference, user) != user:
                remedy = "give the image's user once"
                raise Misuse(f"Reading --image-user {name}={user}", f"another user was given for {reference}", remedy)
            self._unused[reference] = name

    def find(self, name: str) -> str | None:
        """The user of an image; an image with a digest may be given by its tag, or by the digest."""
        image = ImageReference.parse(name).tagged()
        by_digest, by_tag = replace(image, tag=""), replace(image, digest="")
        for reference in self._users:
            bare = replace(reference, tag="") if reference.digest else reference
            if bare in (image, by_digest) or (image.tag and bare == by_tag):
                self._unused.pop(reference, None)
                return self._users[reference]
        return None

    def unused(self) -> list[str]:
        """The names, as they were given, of which no image was looked for."""
        return list(self._unused.values())


class ImageFinder:
    """Looks images up, each once. A context manager, whose end closes the connection to the engine.

    Args:
        users: users of images by any spelling of their names; they override what could be found.
        images: from archives.
        connect: gives what asks the engine; called only for an image that is in none of the others.
        locked: images of a lock file, which nobody has to be asked about.
    """

    def __init__(
        self,
        users: Mapping[str, str] | None = None,
        images: Iterable[ImageContent] = (),
        connect: Callable[[], EngineLookup] = connect_engine,
        locked: ImageLock | None = None,
    ) -> None:
        self._users = GivenUsers(users or {})
        self._archived = {_full_name(image.reference): image for image in images}
        self._connect = connect
        self._locked = locked
        self._engine: EngineLookup | None = None
        self._unreachable: MachineLacks | None = None
        self._known: dict[str, Image | None] = {}
        self._environments: dict[str, tuple[str, ...]] = {}
        self._triggers: dict[str, tuple[str, ...]] = {}
        self._digests: dict[str, str] = {}
        self.notes: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def find(self, reference: str) -> Image | None:
        """What decides who an image's processes run as, None if the image is nowhere; `notes` then says so."""
        if reference not in self._known:
            self._known[reference] = self._look_up(reference)
        return self._known[reference]

    def find_or_fail(self, reference: str) -> Image:
        """The same, for an image that was asked for by name.

        Raises:
            MachineLacks: there is no engine to ask.
            Misuse: there is no such image.
        """
        image = self.find(reference)
        if image is not None:
            return image
        if self._unreachable is not None:
            raise self._unreachable
        remedy = f"pull it, name an archive of it, or see what the lab has\n  docker pull {reference}\n  labkit images"
        raise Misuse(f"Looking for image {reference!r}", "the engine has no such image", remedy)

    def environment(self, reference: str) -> tuple[str, ...]:
        """The environment of an image that was found, as NAME=value."""
        return self._environments.get(reference, ())

    def triggers(self, reference: str) -> tuple[str, ...]:
        """The ONBUILD instructions of an image that was found."""
        return self._triggers.get(reference, ())

    def digest(self, reference: str) -> str:
        """The digest of an image that was found, empty if it is not known."""
        return self._digests.get(reference, "")

    def known(self) -> dict[str, Image]:
        """All images that were looked for, and whose files are known."""
        return {name: image for name, image in self._known.items() if image is not None and image.files_known}

    def missing(self) -> list[str]:
        """All images that were looked for, and are nowhere or lack their files; not those whose user was given."""
        unknown = [name for name, image in self._known.items() if image is None or not image.files_known]
        return [name for name in unknown if self._users.find(name) is None]

    def from_archive(self, content: ImageContent) -> Image:
        """An image of an archive; one for another kind of machine is noted."""
        self._note_architecture(content.reference, content.architecture)
        windows = content.system == "windows"
        return Image(content.user, content.passwd, content.group, home_of(content.env), is_for_windows=windows)

    def unused_users(self) -> list[str]:
        """The names of images whose user was given, and for which nobody asked."""
        return self._users.unused()

    def engine_ids(self) -> int | None:
        """How many ids the engine's containers have; None for all, or if there is no engine."""
        engine = self._reach()
        return engine.mapped_ids() if engine is not None else None

    def engine_runc(self) -> tuple[int, int] | None:
        """The version of the engine's runc, None if there is no engine or it does not say."""
        engine = self._reach()
        return engine.runc_version() if engine is not None else None

    def _look_up(self, reference: str) -> Image | None:
        if (user := self._users.find(reference)) is not None:
            self.notes.append(f"{reference}: its user was given; its passwd and group files are not known")
            return Image(user, files_known=False)
        if (content := self._archived.get(_full_name(reference))) is not None:
            self._environments[reference] = content.env
            return self.from_archive(content)
        if self._locked is not None and (locked := self._locked.find(reference)) is not None:
            self._environments[reference], self._triggers[reference] = locked.env, locked.on_build
            self._digests[reference] = locked.digest
            return locked.image
        if (engine := self._reach()) is not None:
            return self._ask(engine, reference)
        if self._unreachable is not None:
            remedy = "give an image's user with --image-user NAME=USER"
            note = f"the engine was not asked: {self._unreachable.came_back}; {remedy}"
            self.notes += [note] if note not in self.notes else []
        return None

    def _reach(self) -> EngineLookup | None:
        if self._engine is None and self._unreachable is None:
            try:
                self._engine = self._connect()
            except MachineLacks as error:
                self._unreachable = error
        return self._engine

    def _ask(self, engine: EngineLookup, reference: str) -> Image | None:
        try:
            answer = engine.find(reference)
        except LabFailed as error:  # such as "invalid reference format"
            self.notes.append(f"{reference}: {error.came_back}")
            return None
        if answer is None:
            remedy = f"give its user with --image-user {reference}=USER"
            self.notes.append(f"{reference}: the engine has no such image; {remedy}")
            return None
        self._note_architecture(reference, answer.architecture)
        self._environments[reference], self._triggers[reference] = answer.env, answer.on_build
        self._digests[reference] = answer.digest
        self.notes += [f"{reference}: {note}" for note in answer.notes]
        return answer.image

    def _note_architecture(self, reference: str, architecture: str) -> None:
        if architecture and architecture != (own := archives.image_architecture()):
            self.notes.append(f"{reference}: it is built for {architecture}, this machine is {own}")


def read_archives(paths: Sequence[Path | str]) -> list[ImageContent]:
    """All images of some archives.

    Raises:
        ArchiveUnreadable: one of them is none.
    """
    return [image for path in paths for image in archives.read_archive(path)]


def parse_users(pairs: Sequence[str]) -> dict[str, str]:
    """Read NAME=USER pairs; an empty USER is root, as in an image.

    Raises:
        Misuse: one is no such pair.
    """
    users = {}
    for pair in pairs:
        name, equals, user = pair.partition("=")
        if not name or not equals:
            raise Misuse(
                f"Reading --image-user {pair!r}", "it is not NAME=USER", "for example\n  --image-user nginx:1.29=101"
            )
        users[name] = user
    return users


def _full_name(reference: str) -> str:
    """A name as docker completes it, for comparing."""
    return str(ImageReference.parse(reference).tagged())
