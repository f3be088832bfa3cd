"""A line that was typed for kubectl, made ready to run: the lesson's namespace, and the lab's images in manifests.

What kubectl gets of a file is a copy, in which a sample image's name is the lab's reference. An image that the engine
has is copied to the node first, as `kind load docker-image` does it; one that nobody has must not be pulled.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from labkit.base.files import read_given
from labkit.base.programs import outside
from labkit.base.scratch import scratch_folder
from labkit.core.image_reference import ImageReference
from labkit.core.pods.manifest_images import ImageInPlace, replace_images
from labkit.core.typed.kubectl_lines import read_kubectl_line
from labkit.lab.machine.kubectl_program import ensure_kubectl, find_kubectl
from labkit.lab.terminal.lesson_terminal import kubeconfig_of
from labkit.lab.terminal.typed_lab import ReadyCommand, TypedLab, read_typed

_ENDINGS = (".yaml", ".yml", ".json")
"""What kubectl reads of a folder (kubernetes/cli-runtime:pkg/resource/builder.go, FileExtensions)."""


class _Images:
    """What is to stand in manifests for images, each looked up once."""

    def __init__(self, lab: TypedLab) -> None:
        self._lab = lab
        self._places: dict[str, ImageInPlace] = {}
        self.notes: list[str] = []

    def place(self, image: str) -> ImageInPlace | None:
        """What is to stand in an image's place."""
        if not image:
            return None
        if image not in self._places:
            self._places[image] = self._look_up(image)
        return self._places[image]

    def _look_up(self, image: str) -> ImageInPlace:
        if reference := self._lab.names.reference(image):
            return ImageInPlace(reference)
        if image in self._lab.names.images.values():
            return ImageInPlace(image)
        identifier = self._lab.image_id(image)
        if not identifier:
            problem, near = self._lab.unknown_image(image)
            self.notes.append(f"{problem}: its container gets imagePullPolicy: Never, and waits; {near}")
            return ImageInPlace(image, "Never")
        named = ImageReference.parse(image).tagged()
        self._lab.whole().cluster().load({str(named): identifier})
        # Without a policy an image of the tag latest is pulled, whatever the node has.
        return ImageInPlace(image, "IfNotPresent" if named.tag == "latest" else None)


@contextlib.contextmanager
def prepared_kubectl(argv: Sequence[str], lab: TypedLab, stdin: IO[bytes] | None = None) -> Iterator[ReadyCommand]:
    """Make ready what was typed behind `kubectl`; what it reads is there until the end of the `with`.

    Args:
        argv: what was typed.
        lab: whose cluster and names count.
        stdin: read in place of our standard input, where a manifest comes from there.

    Raises:
        LabError: the lab has no cluster, or an image cannot be copied to it.
    """
    program = find_kubectl(lab.configuration.cache) or ensure_kubectl(lab.configuration, lab.whole().steps)
    if any(word.split("=")[0] in ("--kubeconfig", "--server", "-s") for word in _own_words(argv)):
        yield ReadyCommand(program, ("kubectl", *argv), outside(os.environ))  # Another cluster was chosen.
        return
    kubeconfig = kubeconfig_of(lab.configuration, os.environ)
    environment = {**outside(os.environ), **lab.configuration.kubectl_variables(kubeconfig)}
    images = _Images(lab)
    line = read_kubectl_line(argv, images.place)
    given: bytes | None = None
    copies: dict[str, str] = {}
    with scratch_folder() as folder:
        files = []
        for number, option in enumerate(line.files):
            places = []
            for place in option.value.split(","):
                if place == "-":
                    given = _replaced(_manifest_of(stdin or sys.stdin.buffer), images)
                    places.append(place)
                else:
                    read = _copied(place, folder / f"{number}.{len(places)}", images, line.recursive)
                    places.append(read)
                    if read != place:
                        copies[read] = place.rstrip("/")  # kubectl puts one itself before the name of a file.
            files.append(",".join(places))
        ready = line.with_files(files)
        yield ReadyCommand(program, ("kubectl", *ready), environment, given, tuple(images.notes), copies)


def _manifest_of(stdin: IO[bytes]) -> bytes:
    return read_typed(stdin, "Reading standard input", "name a file with -f")


def _own_words(argv: Sequence[str]) -> Sequence[str]:
    return argv[: argv.index("--")] if "--" in argv else argv


def _replaced(content: bytes, images: _Images) -> bytes:
    text = content.decode("utf-8", "surrogateescape")
    return replace_images(text, images.place).encode("utf-8", "surrogateescape")


def _copied(place: str, folder: Path, images: _Images, recursive: bool) -> str:
    """The copy of a file or folder that kubectl reads; what was typed, to the letter, if nothing in it changes."""
    path = Path(place)
    if path.is_file():
        files = {Path(path.name): path}
    elif path.is_dir():
        pattern = "**/*" if recursive else "*"
        files = {file.relative_to(path): file for file in path.glob(pattern) if file.suffix in _ENDINGS}
    else:
        return place  # An address, or a mistake that kubectl names.
    changed = False
    for name, file in files.items():
        try:
            content = read_given(file)
        except OSError:
            return place
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        replaced = _replaced(content, images)
        target.write_bytes(replaced)
        changed = changed or replaced != content
    if not changed:
        return place
    return str(folder / path.name if path.is_file() else folder)
