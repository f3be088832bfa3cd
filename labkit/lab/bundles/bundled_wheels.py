"""The wheels of a bundle: those of requirements.lock for this machine's Python, checked by the lock's hashes."""

from __future__ import annotations

import platform
import re
import sys
import zipfile
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path

from packaging.markers import Marker

from labkit.adapters.processes import run_program
from labkit.base.errors import Misuse
from labkit.base.resources import CHECKOUT, IS_CHECKOUT
from labkit.lab.bundles.bundle_manifest import WHEELS
from labkit.lab.bundles.bundle_writer import BundleWriter

_LOCK = CHECKOUT / "requirements.lock"
_LONGEST_LICENCE = 60
_CLASSIFIER = "License :: "


def can_bundle_wheels() -> bool:
    """Whether there is a lock to take wheels by: an installed kit has none."""
    return IS_CHECKOUT and _LOCK.is_file()


def add_wheels(writer: BundleWriter) -> None:
    """Fetch the wheels, or take them from pip's cache, and add each as a part.

    Raises:
        Misuse: this kit was installed without a checkout.
        LabFailed: pip could not.
    """
    if not can_bundle_wheels():
        raise Misuse(
            "Collecting the wheels",
            "this labkit was installed without its checkout, and requirements.lock lies there",
            "leave them out\n  labkit bundle save FILE --with images,node,programs",
        )
    folder = writer.folder / WHEELS
    _download(_LOCK, folder)
    if others := for_other_patch_levels(_LOCK.read_text(encoding="utf-8"), platform.python_version()):
        lock = writer.folder / "others.lock"
        lock.write_text(others, encoding="utf-8")
        _download(lock, folder)
        lock.unlink()
    for wheel in sorted(folder.iterdir()):
        title, version, licence = read_wheel(wheel)
        writer.add(f"{WHEELS}{wheel.name}", title=title, version=version, licence=licence)


def _download(lock: Path, folder: Path) -> None:
    options = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--disable-pip-version-check"]
    run_program(
        [sys.executable, "-m", "pip", "download", "--quiet", *options, "--dest", str(folder), "-r", str(lock)],
        doing="Fetching the wheels of requirements.lock",
        remedy="pip's index must be reachable; without them\n  labkit bundle save FILE --with images,node,programs",
    )


def for_other_patch_levels(lock: str, version: str) -> str:
    """The requirements of a lock that another patch level of a Python needs, and this one does not; without markers.

    Args:
        lock: its text.
        version: of this Python, such as 3.11.7.
    """
    minor = version.rpartition(".")[0]
    wanted = []
    for text in re.split(r"\n(?=\S)", "\n" + lock):
        line, *hashes = text.strip().splitlines() or [""]
        requirement, _, marker = line.rstrip(" \\").partition(" ; ")
        if "python_full_version" not in marker or Marker(marker).evaluate({"python_full_version": version}):
            continue
        versions = re.findall(rf"'({re.escape(minor)}\.\d+)'", marker)
        around = {f"{minor}.{int(full.rpartition('.')[2]) + step}" for full in versions for step in (-1, 0, 1)}
        if any(Marker(marker).evaluate({"python_full_version": full}) for full in around):
            wanted.append("\n".join([f"{requirement} \\", *hashes]))
    return "\n".join(wanted)


def read_wheel(wheel: Path) -> tuple[str, str, str]:
    """Name, version and licence of a wheel, as its metadata say.

    The fields: https://packaging.python.org/en/latest/specifications/core-metadata/
    """
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        fields = BytesHeaderParser().parsebytes(archive.read(name))
    return str(fields["Name"]), str(fields["Version"]), licence_of(fields) or "see its metadata"


def licence_of(metadata: Message) -> str:
    """The licence of a Python package as its metadata say it; empty where they say none."""
    classifiers = metadata.get_all("Classifier") or []
    by_classifier = [text.rpartition(" :: ")[2] for text in classifiers if text.startswith(_CLASSIFIER)]
    free_text = str(metadata.get("License") or "").strip()
    if "\n" in free_text or len(free_text) > _LONGEST_LICENCE or free_text == "UNKNOWN":
        free_text = ""  # Some put the whole text there.
    return str(metadata.get("License-Expression") or free_text or ", ".join(by_classifier))
