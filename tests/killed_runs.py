"""What a run of the tests leaves on the machine if it is killed, and what the next run takes away.

Each run has a mark, which is in the environment of all that it starts, in the names of its temporary folders and in
the sources of its mounts. A mark whose run has ended is that of a run that was killed. What such a run left in the
engine or in the cluster has no mark: the tests compare before and after, or give names of their own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from labkit.adapters.process_stat import process_fields

VARIABLE = "LABKIT_TEST_RUN"
_FOLDERS = (Path(tempfile.gettempdir()), Path("/var/tmp"))
_PREFIX = "labkit-run"


def run_mark() -> str:
    """The mark of this run, which its workers and all that it starts inherit."""
    mark = os.environ.get(VARIABLE, "")
    if not _is_of_this_pid_namespace(mark) or has_run_ended(mark):
        mark = f"{os.getpid()}.{_started(os.getpid())}.{_pid_namespace()}"
        os.environ[VARIABLE] = mark
    return mark


def has_run_ended(mark: str) -> bool:
    """Whether the run of a mark is gone; not where that cannot be seen, such as from within a container.

    Args:
        mark: as from `run_mark`.
    """
    if not _is_of_this_pid_namespace(mark):
        return False
    pid, started, _ = mark.split(".")
    return _started(int(pid)) != started


def new_folder(purpose: str, place: Path | None = None) -> Path:
    """Make a temporary folder that the next run removes if this one is killed.

    Args:
        purpose: a word for its name.
        place: where; the machine's temporary folder by default.
    """
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}-{run_mark()}-{purpose}-", dir=place))


def own_data() -> Path:
    """Make a folder for progress and worksheets, and choose it: a participant's own are no test's."""
    folder = new_folder("data")
    os.environ["LABKIT_DATA"] = str(folder)
    return folder


def mount_source() -> str:
    """What a test names as the source of a file system in memory."""
    return f"{_PREFIX}-{run_mark()}"


def take_away_of_killed_runs() -> list[str]:
    """End the processes, undo the mounts and remove the folders of runs that were killed; a line for each."""
    run_mark()
    taken = []
    for pid in _processes():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
            taken.append(f"process {pid}")
    for place in _mounts():
        if subprocess.run(["umount", "--lazy", place], capture_output=True, check=False).returncode == 0:
            taken.append(f"mount {place}")
    for folder in _folders():
        shutil.rmtree(folder, ignore_errors=True)
        taken.append(f"folder {folder}")
    return taken


def _processes() -> Iterator[int]:
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = file.read_bytes().split(b"\0")
        except OSError:  # It has ended, or is somebody else's.
            continue
        for variable in variables:
            name, _, mark = variable.decode("utf-8", "replace").partition("=")
            if name == VARIABLE and has_run_ended(mark):
                yield int(file.parent.name)


def _mounts() -> Iterator[str]:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
            source, place, *_ = line.split(" ")
            if _is_left(source):
                yield place.replace("\\040", " ")


def _folders() -> Iterator[Path]:
    for place in _FOLDERS:
        yield from (folder for folder in place.glob(f"{_PREFIX}-*") if _is_left(folder.name))


def _is_left(name: str) -> bool:
    return name.startswith(f"{_PREFIX}-") and has_run_ended(name.removeprefix(f"{_PREFIX}-").partition("-")[0])


def _started(pid: int) -> str:
    """When a process began, in ticks since the machine did; empty if there is none. Another one may have its number."""
    fields = process_fields(pid)
    return fields[19] if fields and fields[0] not in "ZX" else ""


def _pid_namespace() -> str:
    """Where numbers of processes mean what they mean here; empty where the system does not say."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return ""


def _is_of_this_pid_namespace(mark: str) -> bool:
    pid, _, rest = mark.partition(".")
    return pid.isdigit() and rest.count(".") == 1 and rest.endswith(f".{_pid_namespace()}") and _pid_namespace() != ""
