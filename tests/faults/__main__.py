"""`make faults`: every fault, in machines of its own, and the table of all of them in docs/faults.md.

The machine is this one's kernel with a network, processes, mounts, an engine and a home of its own: see
tests/bundle/offline_machine.sh and tests/faults/machine.sh. It gets the lab's images and programs in a bundle.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from labkit.base.resources import CHECKOUT
from tests.faults.leaks import MACHINE, control_group
from tests.faults.report import write_report
from tests.faults.test_faults import RESULTS
from tests.killed_runs import new_folder, take_away_of_killed_runs

_UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
_OFFLINE = CHECKOUT / "tests" / "bundle" / "offline_machine.sh"
_MACHINE = CHECKOUT / "tests" / "faults" / "machine.sh"
_DISK_BYTES = 8 << 30
_PLACE = Path("/var/tmp")
_NO_TESTS = 5
"""pytest's exit status where none of its tests were chosen."""
_BUNDLE = "LABKIT_FAULTS_BUNDLE"
"""The variable with a bundle of the lab that is there already: saving one takes a while."""


def main(arguments: list[str]) -> int:
    """Run the faults, all or those that pytest's arguments choose.

    Those that need no lab run beside the others, with less of a claim to the processors.

    Args:
        arguments: for pytest, such as -k node.

    Returns:
        pytest's exit status.
    """
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        print("make faults needs root, and dockerd to start a second time", file=sys.stderr)
        return 3
    began = time.monotonic()
    for line in take_away_of_killed_runs():
        _remove_control_groups(control_group(Path(line)))
    folder = new_folder("faults", _PLACE)
    try:
        folder.chmod(0o755)
        (folder / "class").mkdir()
        (folder / "results").mkdir()
        with (folder / "engine.img").open("wb") as disk:
            disk.truncate(_DISK_BYTES)  # The engine's disk: to be filled without filling the machine's.
        with _without_a_lab(folder, arguments) as others:
            bundle = folder / "class" / "labkit-bundle-for-faults.tar"
            if _BUNDLE in os.environ:
                bundle.hardlink_to(os.environ[_BUNDLE])
            else:
                _labkit("bundle", "save", str(bundle), "--with", "images,node,programs")
            status = _with_a_lab(folder, arguments)
            others_status = others.wait()
        print((folder / "others.log").read_text(encoding="utf-8", errors="replace"))
        page, seconds = CHECKOUT / "docs" / "faults.md", time.monotonic() - began
        write_report(folder / "results", page, whole=not arguments, seconds=seconds)
    finally:
        _remove_control_groups(control_group(folder))
        shutil.rmtree(folder, ignore_errors=True)
    print(f"make faults took {time.monotonic() - began:.0f} s")
    failed = {status, others_status} - {0, _NO_TESTS}
    return max(failed) if failed else min(status, others_status)


def _with_a_lab(folder: Path, arguments: list[str]) -> int:
    """Run the faults of a lab in a machine with an engine of its own; pytest's exit status."""
    places = {str(place) for place in (CHECKOUT, Path(sys.prefix), Path(sys.base_prefix)) if _is_in_tmp(place)}
    pytest = _pytest(folder, "with-a-lab", "tests/faults/test_faults.py::test_with_a_lab", "tests/faults/test_leaks.py")
    return subprocess.run(
        [*_UNSHARE, str(_OFFLINE), str(folder), str(_MACHINE), str(folder), *pytest, *arguments],
        cwd=CHECKOUT,
        env={**_environment(folder), MACHINE: str(folder), "LABKIT_FAULTS_SEEN": "\n".join(sorted(places))},
        check=False,
    ).returncode


@contextlib.contextmanager
def _without_a_lab(folder: Path, arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The other faults, running in a network of their own; they are ended if nobody waits for them any more."""
    # Where the folder is mounted in this machine, names are short enough for sockets (unix(7): 108 bytes).
    pytest = _pytest(Path("/mnt"), "without-a-lab", "tests/faults/test_faults.py::test_without_a_lab")
    script = 'ip link set lo up && mount --bind "$0" /mnt && exec nice -n 10 "$@"'
    with (folder / "others.log").open("wb") as log:
        others = subprocess.Popen(
            [*_UNSHARE, "sh", "-c", script, str(folder), *pytest, *arguments],
            cwd=CHECKOUT,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield others
    finally:
        others.kill()
        others.wait()


def _pytest(folder: Path, name: str, *tests: str) -> list[str]:
    # Not in the machine's /tmp, whose files are compared.
    options = ["-q", "-p", "no:randomly", "--durations=15", "--basetemp", str(folder / name)]
    return [sys.executable, "-m", "pytest", *options, *tests]


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, RESULTS: str(folder / "results")}


def _is_in_tmp(place: Path) -> bool:
    return place.resolve().is_relative_to(Path("/tmp").resolve())


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
