"""What is known of an image: as given, in an archive, in the lock file, of the engine, or of its registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Self

from labkit import core
from labkit.base.errors import LabFailed, MachineLacks, Misuse, add_packages_command
from labkit.core.identity.model import Image, ImageOrigin, KnownImage, home_of, names_an_account

if TYPE_CHECKING:
    from labkit.archives import ImageContent
    from labkit.core.image_platform import ImagePlatform
    from labkit.explain.engine_lookup import EngineLookup
    from labkit.explain.given_users import GivenUsers
    from labkit.explain.pipelines.image_lock import ImageLock
    from labkit.explain.registry_lookup import RegistryLookup


def connect_registries(platform: ImagePlatform | None, *, offline: bool = False) -> RegistryLookup:
    """What asks registries; nothing is asked yet.

    Args:
        platform: of images that are made for several; None for this machine's.
        offline: whether only what is kept of a digest is known.
    """
    from labkit.explain.registry_lookup import RegistryLookup

    return RegistryLookup.of_this_machine(platform, offline=offline)


def connect_engine(*, verbose: bool = False, nearby: bool = False) -> EngineLookup:
    """Connect to the engine, if the packages that speak to one are installed.

    Args:
        verbose: whether stderr shows the requests.
        nearby: whether only an engine of this machine is asked.

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

    return EngineLookup.connect(verbose=verbose, nearby=nearby)


class ImageFinder:
    """Looks images up, each once. A context manager, whose end closes the connection to the engine.

    The order: what was given, archives, the lock file, the engine, registries.

    Args:
        users: that somebody gave; they override what could be found.
        images: from archives.
        connect: gives what asks the engine; called only for an image that is in none of the others.
        locked: images of a lock file, which nobody has to be asked about.
        registries: gives what asks registries; None to ask none.
        platform: that images are wanted for; None for this machine's.
        offline: whether registries are asked for nothing but what is kept of a digest.
    """

    def __init__(
        self,
        users: GivenUsers | None = None,
        images: Iterable[ImageContent] = (),
        connect: Callable[[], EngineLookup] = connect_engine,
        locked: ImageLock | None = None,
        registries: Callable[[], RegistryLookup] | None = None,
        platform: ImagePlatform | None = None,
        offline: bool = False,
    ) -> None:
        self._users = users
        self._archived = {core.full_name(image.reference): image for image in images}
        self._connect = connect
        self._locked = locked
        self._connect_registries = registries
        self._platform, self._offline = platform, offline
        self._engine: EngineLookup | None = None
        self._unreachable: MachineLacks | None = None
        self._registries: RegistryLookup | None = None
        self._nearby: dict[str, KnownImage | None] = {}
        self._known: dict[str, KnownImage | None] = {}
        self._engine_problems: dict[str, str] = {}
        self.notes: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def find_all(self, references: Iterable[str]) -> None:
        """Look for several images; registries are asked for all of them at once."""
        away = [
            name
            for name in dict.fromkeys(references)
            if name not in self._known and self._may_ask_registries(name) and self._find_nearby(name) is None
        ]
        if away and (registries := self._reach_registries()) is not None:
            registries.find_all(away)

    def find(self, reference: str) -> Image | None:
        """What decides who an image's processes run as, None if the image is nowhere; `notes` then says so."""
        known = self._find(reference)
        return known.image if known is not None else None

    def find_or_fail(self, reference: str) -> Image:
        """The same, for an image that was asked for by name.

        Raises:
            MachineLacks: there is no engine to ask.
            LabFailed: its registry does not tell.
            Misuse: there is no such image.
        """
        image = self.find(reference)
        if image is not None:
            return image
        try:
            self._ask_registries(reference)
        except LabFailed as error:
            nearby = "no engine answers" if self._unreachable is not None else "the engine has no such image"
            raise LabFailed(
                f"Looking for image {reference!r}", f"{nearby}, and {error.came_back}", error.remedy
            ) from error
        if self._unreachable is not None:
            raise self._unreachable
        remedy = f"pull it, name an archive of it, or see what the lab has\n  docker pull {reference}\n  labkit images"
        raise Misuse(f"Looking for image {reference!r}", "the engine has no such image", remedy)

    def environment(self, reference: str) -> tuple[str, ...]:
        """The environment of an image that was found, as NAME=value."""
        known = self._known.get(reference)
        return known.env if known is not None else ()

    def triggers(self, reference: str) -> tuple[str, ...]:
        """The ONBUILD instructions of an image that was found."""
        known = self._known.get(reference)
        return known.on_build if known is not None else ()

    def digest(self, reference: str) -> str:
        """The digest of an image that was found, empty if it is not known."""
        known = self._known.get(reference)
        return known.digest if known is not None else ""

    def origin(self, reference: str) -> ImageOrigin | None:
        """Where an image was found; None if it was not, or not looked for."""
        known = self._known.get(reference)
        return known.origin if known is not None else None

    def known(self) -> dict[str, KnownImage]:
        """All images that were looked for, and whose USER decides without what is not known of them."""
        return {
            name: known
            for name, known in self._known.items()
            if known is not None and known.place != "given" and _is_enough(known)
        }

    def missing(self) -> list[str]:
        """All images that were looked for, and are nowhere or lack their files; not those whose user was given."""
        unknown = [name for name, known in self._known.items() if known is None or not _is_enough(known)]
        return [name for name in unknown if self._given_user(name) is None]

    def from_archive(self, content: ImageContent) -> Image:
        """An image of an archive; one for another kind of machine is noted."""
        self._note_architecture(content.reference, content.architecture)
        windows = content.system == "windows"
        return Image(content.user, content.passwd, content.group, home_of(content.env), is_for_windows=windows)

    def unused_users(self) -> list[str]:
        """The names of images whose user was given, and for which nobody asked."""
        return self._users.unused() if self._users is not None else []

    def engine_ids(self) -> int | None:
        """How many ids the engine's containers have; None for all, or if there is no engine."""
        engine = self._reach()
        return engine.mapped_ids() if engine is not None else None

    def engine_runc(self) -> tuple[int, int] | None:
        """The version of the engine's runc, None if there is no engine or it does not say."""
        engine = self._reach()
        return engine.runc_version() if engine is not None else None

    def _find(self, reference: str) -> KnownImage | None:
        if reference not in self._known:
            known = self._find_nearby(reference)
            problem = self._engine_problems.get(reference)
            if known is None:
                try:
                    known = self._ask_registries(reference)
                except LabFailed as error:
                    self._note_failure(reference, error)
                    problem = None
            if known is None and self._unreachable is not None:
                remedy = "give an image's user with --image-user NAME=USER"
                self._note(f"the engine was not asked: {self._unreachable.came_back}; {remedy}")
            elif known is None and problem:
                self._note(problem)
            if known is not None:
                self._note_architecture(reference, known.architecture)
                self.notes += [f"{reference}: {note}" for note in known.notes]
            self._known[reference] = known
        return self._known[reference]

    def _find_nearby(self, reference: str) -> KnownImage | None:
        """What is known of an image without asking over a network."""
        if reference not in self._nearby:
            self._nearby[reference] = self._look_up(reference)
        return self._nearby[reference]

    def _look_up(self, reference: str) -> KnownImage | None:
        if (user := self._given_user(reference)) is not None:
            note = "its user was given; its passwd and group files are not known"
            return KnownImage(Image(user, files_known=False), notes=(note,), place="given")
        content = self._archived.get(core.full_name(reference)) if self._archived else None
        if content is not None:
            return KnownImage(self.from_archive(content), env=content.env, place="archive")
        if self._locked is not None and (locked := self._locked.find(reference)) is not None:
            return locked
        engine = self._reach()
        return self._ask(engine, reference) if engine is not None else None

    def _given_user(self, reference: str) -> str | None:
        return self._users.find(reference) if self._users is not None else None

    def _reach(self) -> EngineLookup | None:
        if self._engine is None and self._unreachable is None:
            try:
                self._engine = self._connect()
            except MachineLacks as error:
                self._unreachable = error
        return self._engine

    def _reach_registries(self) -> RegistryLookup | None:
        if self._registries is None and self._connect_registries is not None:
            self._registries = self._connect_registries()
        return self._registries

    def _ask(self, engine: EngineLookup, reference: str) -> KnownImage | None:
        try:
            known = engine.find(reference)
        except LabFailed as error:  # such as "invalid reference format"
            self._engine_problems[reference] = f"{reference}: {error.came_back}"
            return None
        if known is None:
            remedy = f"give its user with --image-user {reference}=USER"
            self._engine_problems[reference] = f"{reference}: the engine has no such image; {remedy}"
        return known

    def _ask_registries(self, reference: str) -> KnownImage | None:
        registries = self._reach_registries() if self._may_ask_registries(reference) else None
        return registries.find(reference) if registries is not None else None

    def _may_ask_registries(self, reference: str) -> bool:
        return self._connect_registries is not None and not (self._offline and "@" not in reference)

    def _wanted_architecture(self) -> str:
        return self._platform.architecture if self._platform is not None else core.image_architecture()

    def _note(self, note: str) -> None:
        self.notes += [note] if note not in self.notes else []

    def _note_failure(self, reference: str, error: LabFailed) -> None:
        """What a registry did not tell; what it would not tell of any image is said once."""
        of_all = getattr(error, "of_all", False)
        self._note(f"{'' if of_all else f'{reference}: '}{error.came_back}; {error.remedy}")

    def _note_architecture(self, reference: str, architecture: str) -> None:
        own = self._wanted_architecture() if architecture else ""
        if architecture not in ("", own):
            machine = "this machine is" if self._platform is None else "wanted was"
            self.notes.append(f"{reference}: it is built for {architecture}, {machine} {own}")


def _is_enough(known: KnownImage) -> bool:
    """Whether the uid of an image's user is known with it."""
    image = known.image
    return image.files_known or image.is_for_windows or (known.place == "registry" and not names_an_account(image.user))
