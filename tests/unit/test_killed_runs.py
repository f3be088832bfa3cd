"""What a killed run of the tests left is taken away by the next one, and nothing of a run that goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.killed_runs import VARIABLE, has_run_ended, run_mark, take_away_of_killed_runs

_RUN = """
import subprocess, sys
from pathlib import Path
from tests.killed_runs import mount_source, new_folder
folder = new_folder("planted")
mounted = subprocess.run(["mount", "-t", "tmpfs", mount_source(), sys.argv[1]], check=False).returncode == 0
child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
print(child.pid, folder, mounted, flush=True)
child.wait()
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="this system does not show processes")


def test_what_a_killed_run_left_is_taken_away(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    with subprocess.Popen(
        [sys.executable, "-c", _RUN, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        pid, folder, mounted = run.stdout.readline().split()
        assert not {f"process {pid}", f"folder {folder}"} & set(take_away_of_killed_runs())
        run.send_signal(signal.SIGKILL)
    taken = set(take_away_of_killed_runs())
    assert {f"process {pid}", f"folder {folder}"} <= taken
    assert (f"mount {tmp_path}" in taken) == (mounted == "True")
    assert not Path(folder).exists() and not tmp_path.is_mount()


def test_a_number_that_another_process_has_now_is_not_the_run() -> None:
    pid, started, namespace = run_mark().split(".")
    assert not has_run_ended(run_mark())
    assert has_run_ended(f"{pid}.{int(started) - 1}.{namespace}")


@pytest.mark.parametrize("mark", ["", "nonsense", "1.2", "1.2.3", "-1..", "1.2.3.4"])
def test_a_mark_that_cannot_be_judged_is_no_killed_runs(mark: str) -> None:
    assert not has_run_ended(mark)
