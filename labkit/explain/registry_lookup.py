"""What registries tell of images, asked within a deadline, several at once, and kept by digest."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from labkit.adapters.image_registry import ConfiguredImage, RegistryAccess, RegistryFailed
from labkit.adapters.image_registry.registry_failures import timed_out
from labkit.archives.archive_files import Flaw
from labkit.archives.layers import account_files_of
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.files import write_atomically
from labkit.base.resources import CLUSTER
from labkit.base.scratch import scratch_folder
from labkit.core.identity.model import Image, KnownImage, home_of, names_an_account
from labkit.core.image_platform import ImagePlatform, image_architecture
from labkit.core.image_reference import ImageReference
from labkit.explain.image_records import MalformedRecord, from_record, to_record
from labkit.lab.samples.catalogue import Catalogue

SECONDS = 10.0
"""How long a registry has for an image's configuration."""

LAYER_SECONDS = 60.0
"""How long it has for the layers, which are fetched only where USER is a name."""

_MOST_AT_ONCE = 8
_MOST_BYTES = 256 << 20
_MODE = 0o600
_VERSION = 1
IMAGES = CLUSTER / "images"
_LARGEST_RECORD = 8 << 20
_SAFE = re.compile(r"[^A-Za-z0-9.-]+")


class _Errand:
    """One image that is being asked for, in a thread that is left behind if it comes too late."""

    def __init__(self, ask: Callable[[_Errand], KnownImage], host: str) -> None:
        self.seconds, self.host = SECONDS, host
        self.until = time.monotonic() + self.seconds
        self.outcome: KnownImage | LabFailed | None = None
        self._thread = threading.Thread(target=self._run, args=[ask], daemon=True)
        self._thread.start()

    def extend(self, seconds: float) -> None:
        """Give it more time."""
        self.seconds, self.until = seconds, time.monotonic() + seconds

    def result(self) -> KnownImage | LabFailed:
        """What came; waits for it until its deadline."""
        while self._thread.is_alive() and (left := self.until - time.monotonic()) > 0:
            self._thread.join(left)
        return self.outcome if self.outcome is not None else timed_out(self.host, self.seconds)

    def _run(self, ask: Callable[[_Errand], KnownImage]) -> None:
        try:
            self.outcome = ask(self)
        except LabFailed as error:
            self.outcome = error


class RegistryLookup:
    """Looks images up in their registries, each once; a registry that does not answer is asked no more.

    Args:
        cache: the folder where what was told is kept, by digest.
        platform: of images that are made for several.
        offline: whether nobody is asked: an image with a digest may be in the cache.
        access: gives what asks for one image.
    """

    def __init__(
        self,
        cache: Path,
        platform: ImagePlatform,
        *,
        offline: bool = False,
        access: Callable[[ImageReference, float], RegistryAccess] = RegistryAccess,
    ) -> None:
        self.platform, self.offline = platform, offline
        self._cache, self._access = cache, access
        self._outcomes: dict[ImageReference, KnownImage | LabFailed] = {}
        self._failed_hosts: dict[str, LabFailed] = {}

    @classmethod
    def of_this_machine(cls, platform: ImagePlatform | None, *, offline: bool = False) -> RegistryLookup:
        """With the kit's cache, for a platform or for that of this machine."""
        cache = Configuration.from_environment().cache / "registries"
        own = ImagePlatform("linux", image_architecture())
        return cls(cache, platform or own, offline=offline)

    def find(self, name: str) -> KnownImage | None:
        """What a registry, or the cache, has of an image; None if it is not to be asked.

        Raises:
            LabFailed: the registry does not tell.
        """
        reference = ImageReference.parse(name).tagged()
        self.find_all([name])
        outcome = self._outcomes.get(reference)
        if isinstance(outcome, LabFailed):
            raise outcome
        return outcome

    def find_all(self, names: Iterable[str]) -> None:
        """Ask for several images at once."""
        wanted = dict.fromkeys(ImageReference.parse(name).tagged() for name in names)
        left = [reference for reference in wanted if reference not in self._outcomes and self._may_be_asked(reference)]
        while left:
            errands: dict[ImageReference, _Errand] = {}
            while left and len(errands) < _MOST_AT_ONCE:
                reference = left.pop(0)
                if (failure := self._failed_hosts.get(reference.registry)) is not None:
                    self._outcomes[reference] = failure
                else:
                    errands[reference] = self._start(reference)
            for reference, errand in errands.items():
                outcome = self._outcomes[reference] = errand.result()
                if isinstance(outcome, RegistryFailed) and outcome.of_all:
                    self._failed_hosts.setdefault(reference.registry, outcome)

    def _may_be_asked(self, reference: ImageReference) -> bool:
        """Whether an image can be in a registry; names of images that only engines have begin with localhost/."""
        if self.offline:
            if reference.digest and (kept := self._read(reference.digest)) is not None:
                self._outcomes[reference] = kept
            return False
        return reference.registry != "localhost" and not _is_of_the_lab(reference)

    def _start(self, reference: ImageReference) -> _Errand:
        return _Errand(lambda errand: self._ask(reference, errand), reference.registry)

    def _ask(self, reference: ImageReference, errand: _Errand) -> KnownImage:
        if reference.digest and (kept := self._read(reference.digest)) is not None:
            return kept
        access = self._access(reference, errand.seconds)
        digest = access.digest()
        if (kept := self._read(digest)) is not None:
            return kept
        configured = access.image(digest, self.platform)
        known = _known(configured)
        if not known.image.is_for_windows and names_an_account(known.image.user):
            errand.extend(LAYER_SECONDS)
            known = _with_accounts(access, configured, known)
        if not known.notes:
            self._write(known)
        return known

    def _file(self, digest: str) -> Path:
        return self._cache / f"{_SAFE.sub('-', f'{digest}-{self.platform}')}.json"

    def _read(self, digest: str) -> KnownImage | None:
        """What is kept of a digest; a file that is damaged is as good as none."""
        try:
            with self._file(digest).open("rb") as file:
                content = json.loads(file.read(_LARGEST_RECORD))
            if content["version"] != _VERSION or content["image"]["digest"] != digest:
                return None
            known = from_record(content["image"], "registry")
            return replace(known, architecture=str(content["architecture"]))
        except (OSError, ValueError, LookupError, TypeError, RecursionError, MalformedRecord):
            return None

    def _write(self, known: KnownImage) -> None:
        content = {
            "version": _VERSION,
            "architecture": known.architecture,
            "image": to_record(known),
        }
        try:
            write_atomically(self._file(known.digest), json.dumps(content), _MODE)
        except LabFailed:  # A full disk or a read-only home: the answer is known all the same.
            return


def _known(configured: ConfiguredImage) -> KnownImage:
    config = configured.configuration.get("config")
    config = config if isinstance(config, dict) else {}
    user = config.get("User")
    env = _texts(config.get("Env"))
    image = Image(
        user if isinstance(user, str) else "",
        home=home_of(env),
        files_known=configured.platform.system == "windows",
        is_for_windows=configured.platform.system == "windows",
    )
    return KnownImage(
        image,
        configured.digest,
        env,
        _texts(config.get("OnBuild")),
        configured.platform.architecture,
        place="registry",
    )


def _with_accounts(access: RegistryAccess, configured: ConfiguredImage, known: KnownImage) -> KnownImage:
    """The same with its passwd and group files, of the layers from the last one downwards."""
    try:
        files = _account_files(access, configured.layers, configured.layer_sizes)
    except (LabFailed, Flaw) as error:
        reason = error.came_back if isinstance(error, LabFailed) else str(error)
        note = f"its passwd and group files, which tell the uid of {known.image.user}, could not be read: {reason}"
        return replace(known, notes=(note,))
    passwd, group = files
    image = known.image
    return replace(known, image=Image(image.user, passwd, group, image.home))


def _account_files(
    access: RegistryAccess, layers: Sequence[str], sizes: Sequence[int]
) -> tuple[str | None, str | None]:
    fetched: list[Path] = []
    left, until = _MOST_BYTES, time.monotonic() + LAYER_SECONDS
    with scratch_folder() as folder:
        for number, (digest, size) in reversed(list(enumerate(zip(layers, sizes, strict=True)))):
            if size > left:
                raise Flaw(f"they are in layers of more than {_MOST_BYTES >> 20} MiB")
            file = folder / str(number)
            left -= access.fetch_layer(digest, file, left, max(0.0, until - time.monotonic()))
            fetched.insert(0, file)
            passwd, group = account_files_of(fetched)
            # A file that is in the upper layers is not changed by those below; one that is absent may be there.
            if passwd is not None and group is not None:
                break
        return account_files_of(fetched)


def _is_of_the_lab(reference: ImageReference) -> bool:
    """Whether a name is that of a sample image, which anybody may take on Docker Hub."""
    folder, _, name = reference.repository.rpartition("/")
    if (reference.registry, folder, reference.tag) != ("docker.io", "library", "latest"):
        return False
    catalogue = Catalogue(IMAGES)
    if name not in catalogue:
        return False
    upstream = catalogue[name].upstream
    return upstream is None or ImageReference.parse(upstream).name != reference.name


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()
