"""`make faults`: every fault, in a machine of its own, and the table of all of them in docs/faults.md.

The machine is this one's kernel with a network, processes, mounts, an engine and a home of its own: see
tests/bundle/offline_machine.sh and tests/faults/machine.sh. It gets the lab's images and programs in a bundle.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from labkit.base.resources import CHECKOUT
from tests.faults.leaks import MACHINE, control_group
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
        # Not in the machine's /tmp, whose files are compared.
        pytest = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:randomly",
            "--basetemp",
            f"{name}/pytest",
            "tests/faults",
        ]
        status = subprocess.run(
            [*_UNSHARE, str(_OFFLINE), name, str(_MACHINE), name, *pytest, *arguments],
            cwd=CHECKOUT,
            env={**os.environ, MACHINE: name, RESULTS: str(folder / "results")},
            check=False,
        ).returncode
        _remove_control_groups(control_group(folder))
        write_report(folder / "results", CHECKOUT / "docs" / "faults.md", whole=not arguments)
    print(f"make faults took {time.monotonic() - began:.0f} s")
    return status


def _remove_control_groups(name: str) -> None:
    """Remove what the machine's containers ran in; whatever ran there has ended with the machine."""
    for root in (Path("/sys/fs/cgroup") / name, *Path("/sys/fs/cgroup").glob(f"*/{name}")):
        for folder, _, _ in os.walk(root, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def _labkit(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "labkit", *arguments], cwd=CHECKOUT, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
