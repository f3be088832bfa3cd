"""`make faults`: every fault, in machines of its own, and the table of all of them in docs/faults.md.

Three run side by side: one for what takes long to be back, one for the other faults of a lab, and one for those that
need no lab. The first has the processors when it wants them. They get the lab's images and programs in a bundle.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from labkit.base.resources import CHECKOUT
from tests.faults.machines import remove_control_groups, with_a_lab, without_a_lab
from tests.faults.report import write_report
from tests.killed_runs import new_folder, take_away_of_killed_runs

_PLACE = Path("/var/tmp")
_NO_TESTS = 5
"""pytest's exit status where none of its tests were chosen."""
_BUNDLE = "LABKIT_FAULTS_BUNDLE"
"""The variable with a bundle of the lab that is there already: saving one takes a while."""
_PAGE = CHECKOUT / "docs" / "faults.md"
_OTHER_PAGE = CHECKOUT / "build" / "faults.md"
"""Written by a run of a part, or by one in which something was not survived."""


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
    for line in take_away_of_killed_runs():
        remove_control_groups(Path(line))
    with contextlib.ExitStack() as stack:

        def folder(purpose: str) -> Path:
            made = new_folder(f"faults-{purpose}", _PLACE)
            stack.callback(shutil.rmtree, made, ignore_errors=True)
            return made

        results = folder("results")
        results.chmod(0o755)
        running = [stack.enter_context(without_a_lab(folder("none"), results, arguments))]
        bundle = results / "labkit-bundle-for-faults.tar"
        if _BUNDLE in os.environ:
            bundle.hardlink_to(os.environ[_BUNDLE])
        else:
            _labkit("bundle", "save", str(bundle), "--with", "images,node,programs")
        for purpose in ("long", "short"):
            machine = with_a_lab(folder(purpose), results, bundle, arguments, is_favoured=purpose == "long")
            running.append(stack.enter_context(machine))
        print(f"at work: tail -f {' '.join(str(machine.log) for machine in running)}", flush=True)
        statuses = {machine.finish() for machine in running}
        failed = statuses - {0, _NO_TESTS}
        whole_and_green = not arguments and not failed
        seconds = time.monotonic() - began
        page = write_report(results, _PAGE if whole_and_green else _OTHER_PAGE, whole=not arguments, seconds=seconds)
    print(f"make faults took {time.monotonic() - began:.0f} s; {page} is written")
    return max(failed) if failed else min(statuses)


def _labkit(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "labkit", *arguments], cwd=CHECKOUT, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
