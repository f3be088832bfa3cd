"""Takes the Python packages out of a bundle, before there is an environment to run labkit in.

Usage: bundle_wheels.py FOLDER FILE...   the first FILE that is a bundle with packages for this Python is used
What is unpacked is a file of its own in FOLDER each, and nothing else; whether it is the right one is for pip to say,
which compares the hashes in requirements.lock. Only the standard library is needed.
Exit status: 0 FOLDER has the packages, 1 no FILE had any.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tarfile
from pathlib import Path

_WHEEL = re.compile(r"wheels/([A-Za-z0-9][A-Za-z0-9._+-]*\.whl)")
_LARGEST_MANIFEST = 4 << 20


def take_wheels(bundle: Path, folder: Path) -> bool:
    """Unpack a bundle's wheels; whether it had any for this Python."""
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    with tarfile.open(bundle, "r:") as tar:
        first = tar.next()
        content = tar.extractfile(first) if first and first.isreg() and first.size <= _LARGEST_MANIFEST else None
        python = json.loads(content.read())["python"] if content else ""
        if python and python != here:
            remedy = f"make LABKIT_PYTHON=python{python} environment"
            print(f"labkit: {bundle} has packages for Python {python}, and this is {here}: {remedy}", file=sys.stderr)
        if python != here:
            return False
        folder.mkdir(parents=True, exist_ok=True)
        for member in tar:
            source = tar.extractfile(member) if member.isreg() else None
            if source and (match := _WHEEL.fullmatch(member.name)):
                with (folder / match[1]).open("wb") as target:
                    shutil.copyfileobj(source, target)
    return True


def main(folder: Path, bundles: list[Path]) -> int:
    """Take them from the first bundle that has any."""
    for bundle in bundles:
        try:
            if take_wheels(bundle, folder):
                print(f"labkit: the packages come from {bundle}", file=sys.stderr)
                return 0
        except (OSError, EOFError, tarfile.TarError, ValueError, LookupError, TypeError) as error:
            print(f"labkit: {bundle} is not used for the packages: {error}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]]))
