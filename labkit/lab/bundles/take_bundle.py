"""Taking from a bundle what this machine lacks, to where the kit looks for it: the cache, and the engine's images."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from labkit.adapters import go, go_programs
from labkit.adapters.engine import Engine, image_labels
from labkit.adapters.go_programs import GoProgram
from labkit.archives.archive_files import Flaw, Opener, members
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed, remedy_of_system
from labkit.base.scratch import scratch_folder
from labkit.lab.bundles.bundle_file import Bundle, open_bundle
from labkit.lab.bundles.bundle_manifest import IMAGES, PACKAGES, BundledImage, BundleRefused, Part, misfits, refuse
from labkit.lab.bundles.bundled_packages import debian_release
from labkit.lab.bundles.bundled_programs import bundled_programs, part_name
from labkit.lab.bundles.find_bundle import find_bundles
from labkit.lab.machine.ensure import lacks_engine
from labkit.lab.samples.build import CONTENT_LABEL, SOURCE_LABEL
from labkit.lab.samples.build_contexts import archive_of_dockerfile
from labkit.lab.samples.sources import asked_source, chosen_mirror
from labkit.show import counted
from labkit.show.steps import Steps

_OTHER = (
    "do without it, or have one made from this same checkout on a machine of this kind\n"
    "  labkit bundle save FILE\n"
    "see what this one is for\n"
    "  labkit bundle show FILE"
)


@dataclass
class BundleInUse:
    """A bundle that fits this machine.

    Args:
        bundle: open.
        configuration: whose cache and images.
        steps: told what is going on.
        asked_for: whether somebody named it; one that was found by itself gives way to what is there.
    """

    bundle: Bundle
    configuration: Configuration
    steps: Steps
    asked_for: bool
    packages: Path | None = None
    """The folder with the files of Debian's packages, once they are placed."""
    _whole: bool | None = field(default=None)

    def has_program(self, program: GoProgram) -> bool:
        """Whether a program is in it, as this kit builds it."""
        return part_name(program) in {part.name for part in self.bundle.manifest.parts}

    def has_images(self, names: Iterable[str]) -> bool:
        """Whether all of some images are in it."""
        return {image.name for image in self.bundle.manifest.images}.issuperset(names)

    def place_packages(self) -> None:
        """Unpack Debian's packages where this machine needs some of them and is of the same release.

        Raises:
            BundleRefused: it is damaged.
            LabFailed: the cache cannot be written.
        """
        manifest = self.bundle.manifest
        if not manifest.debian or not lacks_engine():
            return
        if manifest.debian != debian_release():
            self.steps.note(f"its packages are for Debian {manifest.debian}, and this is not; others are fetched")
            return
        if not self._is_whole():
            return
        folder = self.configuration.cache / "packages"
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for part in manifest.parts:
                if part.name.startswith(PACKAGES):
                    with (folder / part.name.removeprefix(PACKAGES)).open("xb") as target:
                        target.writelines(self.bundle.open_part(part).pieces())
        except OSError as error:
            raise _not_unpacked("the packages", folder, error) from error
        self.packages = folder

    def remove_packages(self) -> None:
        """Remove what `place_packages` has unpacked, once it is installed."""
        if self.packages is not None:
            shutil.rmtree(self.packages, ignore_errors=True)
            self.packages = None

    def place_programs(self) -> None:
        """Put the programs that are missing into the cache.

        Raises:
            BundleRefused: it is damaged.
            LabFailed: the cache cannot be written.
        """
        wanted = bundled_programs()
        parts = [part for part in self.bundle.manifest.parts if part.name in wanted]
        missing = [part for part in parts if go.find_built(wanted[part.name], self.configuration.cache) is None]
        if missing and self._is_whole():
            with self.steps.step(f"{counted(len(missing), 'program')} from the bundle"):
                for part in missing:
                    self._place(part)

    def load_images(self, engine: Engine) -> str | None:
        """Load the images that are missing, or were made from something else.

        Args:
            engine: gets them.

        Returns:
            Where the bundle's images came from; None if it has none for this lab.

        Raises:
            BundleRefused: it is damaged.
            LabFailed: the engine does not take them.
        """
        manifest = self.bundle.manifest
        archive = next((part for part in manifest.parts if part.name == IMAGES), None)
        there = {image.name: self._labels(engine, image) for image in manifest.images}
        if archive is None or self._gives_way(
            set(filter(None, (labels.get(SOURCE_LABEL) for labels in there.values())))
        ):
            return None
        missing = [image for image in manifest.images if there[image.name].get(CONTENT_LABEL) != image.content]
        if missing and not self._is_whole():
            return None
        if missing:
            with self.steps.step(f"{counted(len(missing), 'image')} from the bundle"):
                self._place_sample_app()
                self._load(engine, archive, missing)
        return manifest.source

    def _labels(self, engine: Engine, image: BundledImage) -> dict[str, str]:
        return dict(image_labels(engine.image(self.configuration.image_reference(image.name))))

    def _gives_way(self, sources: set[str]) -> bool:
        source = self.bundle.manifest.source
        if self.asked_for or sources <= {source}:
            return False
        self.steps.note(f"{self.bundle.path} is not used: its images are {source}, and the lab's are not")
        return True

    def _is_whole(self) -> bool:
        """Check it before the first use; one that was found by itself and is damaged is passed over."""
        if self._whole is not None:
            return self._whole
        try:
            with self.steps.step(f"bundle {self.bundle.path.name}, checked"):
                self.bundle.check()
        except BundleRefused as error:
            if self.asked_for:
                raise
            self.steps.note(f"{self.bundle.path} is not used: {error.came_back}")
            self._whole = False
        else:
            self._whole = True
        return self._whole

    def _place_sample_app(self) -> None:
        """Images hold the sample program's bytes, and another compiler makes others: the bundle's belong to them."""
        wanted = part_name(go_programs.SAMPLE_APP)
        for part in self.bundle.manifest.parts:
            if part.name == wanted:
                self._place(part)

    def _place(self, part: Part) -> None:
        """Unpack a program's part; it appears under its name when it is whole."""
        target = self.configuration.cache / part.name.removesuffix(".tar.gz")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with scratch_folder(target.parent) as folder:
                staged = folder / "files"
                staged.mkdir()
                self._unpack(part, staged)
                if target.is_dir():
                    target.rename(folder / "before")
                staged.rename(target)
        except OSError as error:
            raise _not_unpacked(part.name, target.parent, error) from error

    def _unpack(self, part: Part, folder: Path) -> None:
        reader = self.bundle.open_part(part)
        try:
            with gzip.GzipFile(fileobj=cast("IO[bytes]", reader)) as packed:
                for member, lend in members(cast("IO[bytes]", packed)):
                    self._write(part, member, lend, folder)
            for _ in reader.pieces():
                """Up to its end, where its sum is compared."""
        except (Flaw, EOFError, gzip.BadGzipFile, tarfile.TarError) as error:
            refuse(self.bundle.path, f"its part {part.name} is damaged ({error})")

    def _write(self, part: Part, member: tarfile.TarInfo, lend: Opener, folder: Path) -> None:
        if not member.isreg() or member.name in ("", ".", "..") or "/" in member.name:
            refuse(self.bundle.path, f"its part {part.name} holds {member.name[:80]!a}, which is not a program", _OTHER)
        file = folder / member.name
        with file.open("xb") as target:
            shutil.copyfileobj(lend(), target, 1 << 20)
        file.chmod(0o755)

    def _load(self, engine: Engine, archive: Part, missing: list[BundledImage]) -> None:
        try:
            engine.load_images(self.bundle.open_part(archive).pieces())
            for image in missing:
                self._adopt(engine, image)
        finally:
            for image in self.bundle.manifest.images:
                engine.remove_image(image.reference)

    def _adopt(self, engine: Engine, image: BundledImage) -> None:
        """Give an image that was loaded this lab's name, and its label if another lab's is on it."""
        reference = self.configuration.image_reference(image.name)
        loaded = engine.image(image.reference)
        if loaded is None or image_labels(loaded).get(CONTENT_LABEL) != image.content:
            refuse(self.bundle.path, f"its images lack {image.name}, or it is another one", _OTHER)
        if self.configuration.labels.items() <= image_labels(loaded).items():
            engine.name_anew(loaded["Id"], reference)
        else:
            engine.build(archive_of_dockerfile(f"FROM {image.reference}\n"), reference, arguments={}, labels={})


def _not_unpacked(part: str, folder: Path, error: OSError) -> LabFailed:
    remedy = remedy_of_system(error, "free some space there; nothing of it was left behind\n  df -h")
    return LabFailed(f"Unpacking {part} into {folder}", error.strerror or str(error), remedy)


@contextlib.contextmanager
def bundle_in_use(
    asked: Path | None, source: str | None, configuration: Configuration, steps: Steps
) -> Iterator[BundleInUse | None]:
    """The bundle to take from: the one that is asked for, or one that lies where it is looked for; None without.

    Args:
        asked: its file; None to read LABKIT_BUNDLE and, without it, to look for one.
        source: where images are to come from, if that was asked for.
        configuration: whose lab.
        steps: told what is going on.

    Raises:
        BundleRefused: the one that is asked for is damaged, or not for this machine or this kit.
    """
    with contextlib.ExitStack() as stack:
        asked = asked or (Path(named) if (named := os.environ.get("LABKIT_BUNDLE")) else None)
        for path in [asked] if asked else find_bundles(steps.note):
            try:
                bundle = stack.enter_context(open_bundle(path))
                if reasons := [*misfits(bundle.manifest), *_other_images(bundle, source, configuration)]:
                    refuse(path, "; ".join(reasons), _OTHER)
            except BundleRefused as error:
                if asked:
                    raise
                steps.note(f"{path} is not used: {error.came_back}")
                continue
            in_use = BundleInUse(bundle, configuration, steps, asked is not None)
            if asked:
                in_use._is_whole()
            yield in_use
            return
        yield None


def _other_images(bundle: Bundle, source: str | None, configuration: Configuration) -> list[str]:
    """Why its images are not the ones that were asked for."""
    manifest = bundle.manifest
    if not manifest.images:
        return []
    wanted, mirror = asked_source(source), chosen_mirror(configuration)
    reasons = []
    if wanted is not None and wanted != manifest.source:
        reasons.append(f"its images are {manifest.source}, and {wanted} was asked for")
    if manifest.source == "upstream" and manifest.mirror != mirror:
        reasons.append(f"its images came from {manifest.mirror or 'no mirror'}, and this lab uses {mirror or 'none'}")
    return reasons
