"""The machines that `make faults` runs in, side by side: each is this one's kernel with things of its own.

A network, processes, mounts, an engine, a disk and a home: see tests/bundle/offline_machine.sh and
tests/faults/machine.sh. What each prints is kept and shown when it has ended, so that no two talk at once.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labkit.base.resources import CHECKOUT
from tests.faults.leaks import MACHINE, control_group
from tests.faults.test_faults import FAVOURED, RESULTS

_UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
_OFFLINE = CHECKOUT / "tests" / "bundle" / "offline_machine.sh"
_MACHINE = CHECKOUT / "tests" / "faults" / "machine.sh"
_DISK_BYTES = 8 << 30
_GIVING_WAY = ["nice", "-n", "10"]
_TEST_SECONDS = 3600
"""Each wait has a deadline of its own; that all of a fault takes long is no failure."""
_LEAKS = "tests/faults/test_leaks.py"


@dataclass(frozen=True)
class Running:
    """A pytest that runs in a machine.

    Args:
        process: the machine's first process; the machine ends with it.
        log: what is printed.
    """

    process: subprocess.Popen[bytes]
    log: Path

    def finish(self) -> int:
        """Wait for its end, and print what it printed; pytest's exit status."""
        status = self.process.wait()
        print(self.log.read_text(encoding="utf-8", errors="replace"), flush=True)
        return status


@contextlib.contextmanager
def with_a_lab(
    folder: Path, results: Path, bundle: Path, arguments: Sequence[str], *, is_favoured: bool
) -> Iterator[Running]:
    """Run faults of a lab in a machine with an engine of its own, until nobody waits for it any more.

    Args:
        folder: the machine's; its name is that of its control group, so no other may have it.
        results: what all machines share.
        bundle: what the lab comes from.
        arguments: for pytest.
        is_favoured: whether the other machines give way to it, so that what is measured there is not theirs.
    """
    folder.chmod(0o755)
    (folder / "class").mkdir()
    (folder / "class" / bundle.name).hardlink_to(bundle)
    with (folder / "engine.img").open("wb") as disk:
        disk.truncate(_DISK_BYTES)  # The engine's disk: to be filled without filling the machine's.
    # Each lab must leave nothing; that the comparison would tell has to be seen once.
    leaks = _LEAKS if is_favoured else f"{_LEAKS}::test_a_lab_that_was_used_and_removed_leaves_nothing"
    pytest = [*_pytest(folder, "tests/faults/test_faults.py::test_with_a_lab", leaks), *arguments]
    places = {str(place) for place in (CHECKOUT, Path(sys.prefix), Path(sys.base_prefix)) if _is_in_tmp(place)}
    environment = {MACHINE: str(folder), "LABKIT_FAULTS_SEEN": "\n".join(sorted(places))}
    environment |= {FAVOURED: "1"} if is_favoured else {}
    argv = [*([] if is_favoured else _GIVING_WAY), str(_OFFLINE), str(folder), str(_MACHINE), str(folder), *pytest]
    if is_favoured:
        _favour(folder)
    try:
        with _started(argv, folder / "printed", results, **environment) as running:
            yield running
    finally:
        remove_control_groups(folder)


@contextlib.contextmanager
def without_a_lab(folder: Path, results: Path, arguments: Sequence[str]) -> Iterator[Running]:
    """Run the other faults in a network of their own, with less of a claim to the processors.

    Args:
        folder: where their files go.
        results: what all machines share.
        arguments: for pytest.
    """
    folder.chmod(0o755)
    # Where the folder is mounted in this machine, names are short enough for sockets (unix(7): 108 bytes).
    pytest = [*_pytest(Path("/mnt"), "tests/faults/test_faults.py::test_without_a_lab"), *arguments]
    script = 'ip link set lo up && mount --bind "$0" /mnt && exec "$@"'
    argv = [*_GIVING_WAY, "sh", "-c", script, str(folder), *pytest]
    with _started(argv, folder / "printed", results) as running:
        yield running


@contextlib.contextmanager
def _started(argv: Sequence[str], log: Path, results: Path, **environment: str) -> Iterator[Running]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_UNSHARE, *argv],
            cwd=CHECKOUT,
            env={**os.environ, RESULTS: str(results), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Running(process, log)
    finally:
        process.kill()
        process.wait()


def _pytest(folder: Path, *tests: str) -> list[str]:
    # Not in the machine's /tmp, whose files are compared.
    options = ["-v", "-p", "no:randomly", "--durations=0", "--durations-min=5", f"--timeout={_TEST_SECONDS}"]
    options += ["--basetemp", str(folder / "pytest")]
    return [sys.executable, "-m", "pytest", *options, *tests]


def _is_in_tmp(place: Path) -> bool:
    return place.resolve().is_relative_to(Path("/tmp").resolve())


def _favour(machine: Path) -> None:
    """Give the containers of a machine four times the usual share of the processors; its programs are not nice."""
    name = control_group(machine)
    for file, share in (
        (Path("/sys/fs/cgroup/cpu") / name / "cpu.shares", 4096),  # cgroup version 1
        (Path("/sys/fs/cgroup") / name / "cpu.weight", 400),
    ):
        if (file.parents[1] / "cgroup.procs").is_file():
            with contextlib.suppress(OSError):
                file.parent.mkdir(exist_ok=True)
                file.write_text(str(share), encoding="ascii")


def remove_control_groups(machine: Path) -> None:
    """Remove what a machine's containers ran in; whatever ran there has ended with the machine.

    Args:
        machine: its folder.
    """
    name = control_group(machine)
    for root in (Path("/sys/fs/cgroup") / name, *Path("/sys/fs/cgroup").glob(f"*/{name}")):
        for folder, _, _ in os.walk(root, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
