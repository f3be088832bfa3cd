"""Takes packages out of a bundle, before there is an environment to run labkit in; only the standard library is needed.

Usage: bundle_wheels.py FOLDER FILE            the Python packages for this Python
       bundle_wheels.py --install PACKAGE FILE a package of Debian's and what it needs, installed; for root
What is unpacked of the Python packages is a file of its own in FOLDER each, and nothing else; whether it is the right
one is for pip to say, which compares the hashes in requirements.lock. Debian's have to have the bundle's sums.
Exit status: 0 done, 1 FILE has none for here.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

_MEMBER = re.compile(r"(wheels|packages)/([A-Za-z0-9][A-Za-z0-9._+~%-]*\.(?:whl|deb))")
_LARGEST_MANIFEST = 4 << 20


def _read_first(tar: tarfile.TarFile) -> dict[str, Any]:
    """A bundle's manifest, which is its first member; empty if that is something else."""
    first = tar.next()
    content = tar.extractfile(first) if first and first.isreg() and first.size <= _LARGEST_MANIFEST else None
    manifest = json.loads(content.read()) if content else {}
    return manifest if isinstance(manifest, dict) else {}


def _unpack(tar: tarfile.TarFile, kind: str, folder: Path) -> list[Path]:
    """Unpack the members of a kind, each to a file in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for member in tar:
        source = tar.extractfile(member) if member.isreg() else None
        match = _MEMBER.fullmatch(member.name)
        if source and match and match[1] == kind:
            with (folder / match[2]).open("wb") as target:
                shutil.copyfileobj(source, target)
            files.append(folder / match[2])
    return files


def take_wheels(bundle: Path, folder: Path) -> bool:
    """Unpack a bundle's wheels; whether it had any for this Python."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    with tarfile.open(bundle, "r:") as tar:
        python = _read_first(tar)["python"]
        if python and python != here:
            remedy = f"make LABKIT_PYTHON=python{python} environment"
            print(f"labkit: {bundle} has packages for Python {python}, and this is {here}: {remedy}", file=sys.stderr)
        if python != here:
            return False
        _unpack(tar, "wheels", folder)
    return True


def install_package(bundle: Path, package: str) -> bool:
    """Install a package of Debian's from a bundle; whether it has those of this release."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from labkit.adapters.debian_packages import install_packages

    with tempfile.TemporaryDirectory() as place, tarfile.open(bundle, "r:") as tar:
        manifest = _read_first(tar)
        if manifest.get("debian", "") != platform.freedesktop_os_release().get("VERSION_CODENAME"):
            return False
        sums = {part["name"]: part["sha256"] for part in manifest["parts"]}
        for file in _unpack(tar, "packages", Path(place)):
            if hashlib.sha256(file.read_bytes()).hexdigest() != sums.get(f"packages/{file.name}"):
                raise ValueError(f"its part packages/{file.name} is damaged")
        install_packages([package], Path(place))
    return True


def main(arguments: list[str]) -> int:
    """Take from a bundle what is wanted."""
    bundle = Path(arguments[-1])
    try:
        if arguments[0] == "--install":
            done = install_package(bundle, arguments[1])
        else:
            done = take_wheels(bundle, Path(arguments[0]))
    except Exception as error:  # Whatever is wrong with it, there may be another way.
        print(f"labkit: {bundle} is not used for the packages: {error}", file=sys.stderr)
        done = False
    if done:
        which = f"{arguments[1]} comes" if arguments[0] == "--install" else "the packages come"
        print(f"labkit: {which} from {bundle}", file=sys.stderr)
    elif arguments[0] != "--install":
        shutil.rmtree(arguments[0], ignore_errors=True)
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
