"""`make faults`: every fault, in a machine of its own, and the table of all of them in docs/faults.md.

The machine is this one's kernel with a network, processes, mounts, an engine and a home of its own: see
tests/bundle/offline_machine.sh and tests/faults/machine.sh. It gets the lab's images and programs in a bundle.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from labkit.base.resources import CHECKOUT
from tests.faults.lab_bench import MACHINE
from tests.faults.report import write_report
from tests.faults.test_faults import RESULTS

_UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
_OFFLINE = CHECKOUT / "tests" / "bundle" / "offline_machine.sh"
_MACHINE = CHECKOUT / "tests" / "faults" / "machine.sh"
_DISK_BYTES = 8 << 30


def main(arguments: list[str]) -> int:
    """Run the faults, all or those that pytest's arguments choose.

    Args:
        arguments: for pytest, such as -k node.

    Returns:
        pytest's exit status.
    """
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        print("make faults needs root, and dockerd to start a second time", file=sys.stderr)
        return 3
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="labkit-faults-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "class").mkdir()
        (folder / "results").mkdir()
        with (folder / "engine.img").open("wb") as disk:
            disk.truncate(_DISK_BYTES)  # The engine's disk: to be filled without filling the machine's.
        bundle = folder / "class" / "labkit-bundle-for-faults.tar"
        _labkit("bundle", "save", str(bundle), "--with", "images,node,programs")
        status = subprocess.run(
            [
                *_UNSHARE,
                str(_OFFLINE),
                name,
                str(_MACHINE),
                name,
                sys.executable,
                "-m",
                "pytest",
                *_OPTIONS,
                *arguments,
            ],
            cwd=CHECKOUT,
            env={**os.environ, MACHINE: name, RESULTS: str(folder / "results")},
            check=False,
        ).returncode
        write_report(folder / "results", CHECKOUT / "docs" / "faults.md", whole=not arguments)
    print(f"make faults took {time.monotonic() - began:.0f} s")
    return status


_OPTIONS = ["-q", "-p", "no:randomly", "tests/faults"]


def _labkit(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "labkit", *arguments], cwd=CHECKOUT, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
