"""Files, folders and standard input with manifests, as `kubectl -f` takes them, and as a pre-commit hook hands them."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from labkit.base.errors import LabError, Misuse
from labkit.explain import manifests
from labkit.explain.file_kinds import MANIFEST_ENDINGS
from labkit.explain.manifests.documents import decode
from labkit.explain.workload_kinds.asked_containers import Asked, MalformedManifest
from labkit.explain.workload_kinds.workload_reader import has_placeholder, read_workloads

_TOP_OF_AN_OBJECT = re.compile(r"""(?m)^["']?(apiVersion|kind)["']?[ \t]*:""")
_LARGEST_FILE = 64 << 20


def read_manifests(
    places: Sequence[str],
    recursive: bool = False,
    *,
    handed: Sequence[str] = (),
    podless: frozenset[str] = frozenset(),
    apart: frozenset[str] = frozenset(),
    build: bool = False,
) -> Asked:
    """Read files, folders and "-" for standard input, as `kubectl -f` does.

    What cannot be read becomes a flaw, the rest is read.

    Args:
        places: files, folders, "-" for standard input.
        recursive: whether to read the folders' subfolders too.
        handed: files that were not chosen, such as those of a commit: what is no manifest among them is skipped.
        podless: kinds that run no pods, besides those that are known not to.
        apart: files of the folders that are no manifests, and are read by others.
        build: whether a kustomization or a chart is built, where there is a program that does.

    Raises:
        Misuse: a place does not exist, or is an address of the web.
    """
    asked = Asked()
    files: list[str] = []
    for place in places:
        walked = _Walked(podless, build)
        files += [file for file in walked.files(place, recursive) if file not in apart or file in places]
        asked.add(walked.asked)
    for file in files:
        asked.add(_read_file(file, podless, chosen=file in places))
    for file in handed:
        if file.endswith(MANIFEST_ENDINGS):
            _is_folder(file)  # says it if there is no such file
        asked.add(_read_handed(file, podless))
    return asked


def _read_handed(name: str, podless: frozenset[str]) -> Asked:
    """A file that a hook hands over: templates, patches and what is no manifest are others' business."""
    path = Path(name)
    if manifests.is_kustomization_or_chart(path) or manifests.is_patch(path):
        return Asked()
    asked = _read_file(name, podless, chosen=False)
    asked.foreign = []
    asked.passed_over.clear()
    asked.containers = [replace(container, forgiven=has_placeholder(container.image)) for container in asked.containers]
    asked.handed_templates, asked.templates = asked.templates, []
    return asked


def _read_file(name: str, podless: frozenset[str], *, chosen: bool) -> Asked:
    """What a file asks for; one that nobody chose by name may be something else than a manifest."""
    try:
        text = _text(name)
    except (MalformedManifest, OSError) as error:
        return Asked(flaws=[f"{name}: {error}"])
    return _read_text(text, name, podless, chosen=chosen)


def _read_text(text: str, name: str, podless: frozenset[str], *, chosen: bool) -> Asked:
    asked = read_workloads(text, podless)
    asked.containers = [replace(container, file=name) for container in asked.containers]
    asked.unjudged = [f"{name}: {sentence}" for sentence in asked.unjudged]
    if asked.broken and not chosen and not _looks_like_a_manifest(text):
        return Asked(foreign=[name])
    if asked.templates or (asked.broken and has_placeholder(text)):
        asked.templates = [f"{name}: it is a template: {manifests.remedy_for_template(name, text)}"]
        asked.flaws = [] if asked.broken else asked.flaws
    asked.flaws = [f"{name}: {flaw}" for flaw in asked.flaws]
    return asked


def _looks_like_a_manifest(text: str) -> bool:
    return _TOP_OF_AN_OBJECT.search(text) is not None or ("apiVersion" in text and "kind" in text)


@dataclass
class _Walked:
    """What was seen on the way through a folder.

    Args:
        podless: kinds that run no pods, besides those that are known not to.
        build: whether a kustomization or a chart is built, where there is a program that does.
        asked: by what was built, and what cannot be.
    """

    podless: frozenset[str]
    build: bool
    asked: Asked = field(default_factory=Asked)

    def files(self, place: str, recursive: bool) -> list[str]:
        """The files of a place that may be manifests."""
        if place.startswith(("http://", "https://")):
            raise Misuse(f"Reading {place}", "URLs are not fetched", "download it first\n  curl -fsSLO URL")
        if not place:
            raise Misuse("Reading ''", "it names no file", "name a file, a folder, or - for standard input")
        if place == "-" or not _is_folder(place):
            return [place]
        paths: list[str] = []
        flaws = self.asked.flaws
        bases = manifests.bases_of_kustomizations(place) if self.build and recursive else frozenset()
        for folder, folders, files in os.walk(place, onerror=lambda error: flaws.append(f"{place}: {error}")):
            folders[:] = manifests.folders_of_manifests(folders, files)
            sentence = manifests.how_it_is_built(folder, files)
            is_done = sentence is not None and (
                os.path.normpath(Path(folder).absolute()) in bases or self._build(folder, files)
            )
            if sentence is not None and not is_done:
                self.asked.unjudged.append(sentence)
            paths += [
                str(Path(folder, file))
                for file in sorted(files)
                if not is_done
                and file.endswith(MANIFEST_ENDINGS)
                and _ends(Path(folder, file))
                and not manifests.is_part_of_a_build(folder, file, files)
                and not (self.build and manifests.is_resource(Path(folder, file)))
            ]
            if not recursive:
                break
        return paths

    def _build(self, folder: str, files: Sequence[str]) -> bool:
        """Build a folder and read what comes out; whether that was tried."""
        if not self.build:
            return False
        try:
            text = manifests.build_folder(manifests.build_kind(files), folder)
        except LabError as error:
            self.asked.flaws.append(f"{folder}: it cannot be built: {error.came_back}")
            return True
        if text is not None:
            self.asked.add(_read_text(text, folder, self.podless, chosen=True))
        return text is not None


def _ends(path: Path) -> bool:
    """Whether reading a file comes to an end: a pipe among the files of a folder would be waited for."""
    return path.is_file() or not path.exists()


def _is_folder(place: str) -> bool:
    try:
        if stat.S_ISDIR(Path(place).stat().st_mode):
            return True
    except (FileNotFoundError, NotADirectoryError) as error:
        remedy = "see what there is\n  ls"
        raise Misuse(f"Reading {place}", "there is no such file or folder", remedy) from error
    except OSError:  # reading it says why not
        pass
    return False


def _text(name: str) -> str:
    if name == "-":
        data = sys.stdin.buffer.read(_LARGEST_FILE + 1)
    else:
        with Path(name).open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    if len(data) > _LARGEST_FILE:
        raise MalformedManifest(f"it is larger than {_LARGEST_FILE >> 20} MiB")
    text = decode(data)
    if 3 * text.count("\0") > len(text):
        raise MalformedManifest("it seems to be UTF-16 without a byte order mark, which kubectl does not read")
    return text
