"""Reading manifests as `kubectl -f` does: files, folders, standard input."""

from __future__ import annotations

import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labkit.base.errors import Misuse
from labkit.core.pods.workloads import AskedContainer, MalformedManifest, read_workloads

# kubernetes/cli-runtime:pkg/resource/builder.go, FileExtensions
ENDINGS = (".json", ".yaml", ".yml")
_LARGEST_FILE = 64 << 20


@dataclass
class Manifests:
    """What some files of manifests ask for.

    Args:
        containers: with the file that each comes from.
        passed_over: how many documents of which other kind there are.
        flaws: what could not be read.
    """

    containers: list[tuple[str, AskedContainer]] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    flaws: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """One sentence on what was passed over, if anything was."""
        if not self.passed_over:
            return []
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(self.passed_over.items()))
        return [f"passed over, for they run nothing that is known here: {counted}"]


def read_manifests(places: Sequence[str], recursive: bool = False) -> Manifests:
    """Read files, folders and "-" for standard input; what cannot be read becomes a flaw, the rest is read.

    Raises:
        Misuse: a place does not exist, or is an address of the web.
    """
    found = Manifests()
    for name in [file for place in places for file in _files(place, recursive, found.flaws)]:
        try:
            asked = read_workloads(_text(name))
        except (MalformedManifest, OSError, UnicodeDecodeError) as error:
            found.flaws.append(f"{name}: {error}")
            continue
        found.containers += [(name, one) for one in asked.containers]
        found.passed_over += asked.passed_over
        found.flaws += [f"{name}: {flaw}" for flaw in asked.flaws]
    return found


def _files(place: str, recursive: bool, flaws: list[str]) -> Iterator[str]:
    """The files of a place; a folder that may not be looked into becomes a flaw, as a file does."""
    if place == "-":
        yield place
    elif place.startswith(("http://", "https://")):
        raise Misuse(f"Reading {place}", "addresses are not fetched", "fetch it first\n  curl -fsSLO ADDRESS")
    elif not place:
        raise Misuse("Reading ''", "it names no file", "name a file, a folder, or - for standard input")
    elif _is_folder(place):
        for folder, folders, files in os.walk(place, onerror=lambda error: flaws.append(f"{place}: {error}")):
            folders.sort()
            yield from (str(Path(folder, file)) for file in sorted(files) if file.endswith(ENDINGS))
            if not recursive:
                return
    else:
        yield place


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
    return data.decode("utf-8-sig")
