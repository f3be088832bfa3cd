"""Starting the engine on this machine: through systemd where that runs, else dockerd by itself."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from labkit.adapters.process_stat import has_ended
from labkit.adapters.processes import run
from labkit.adapters.started_programs import start_server
from labkit.base.errors import DeadlineExceeded, LabFailed
from labkit.base.waiting import watch

LOG = Path("/var/log/dockerd.log")
_PID_FILES = {
    Path("/var/run/docker.pid"): "dockerd",
    Path("/var/run/docker/containerd/containerd.pid"): "containerd",
}
_DEADLINE_SECONDS = 60.0
_PATIENCE_SECONDS = 5.0
"""For a dockerd that has been there for longer than any takes to start."""


def can_start_engine() -> bool:
    """Whether the engine is a dockerd of this machine that we may start."""
    return os.geteuid() == 0 and shutil.which("dockerd") is not None and not os.environ.get("DOCKER_HOST")


def start_engine(answers: Callable[[], bool]) -> None:
    """Start the engine and wait until it answers.

    A machine that was restarted leaves pid files behind whose numbers may belong to another process by now;
    dockerd would take those for itself and refuse to start.

    Args:
        answers: tells whether the engine can be talked to.

    Raises:
        LabFailed: it ended, or did not answer in time; its last log lines are in the error.
    """
    if Path("/run/systemd/system").is_dir():
        run(["systemctl", "start", "docker"])
        _wait(answers, lambda: None, "journalctl -u docker -n 20")
        return
    if _another_answers(answers):
        return
    for path, program in _PID_FILES.items():
        remove_stale_pid_file(path, program)
    with LOG.open("ab") as log:
        daemon = start_server(["dockerd"], log)
    _wait(answers, daemon.poll, f"tail {LOG}")


def _another_answers(answers: Callable[[], bool]) -> bool:
    """Wait for a dockerd that is there and does not answer: it is starting, or it is about to end.

    Raises:
        DeadlineExceeded: it does neither, and must be ended by whoever may decide that.
    """
    path, program = next(iter(_PID_FILES.items()))

    def look() -> bool | None:
        """Whether it answers; None once it is gone."""
        remove_stale_pid_file(path, program)
        return answers() if path.exists() else None

    seconds = max(_DEADLINE_SECONDS - _age(path), _PATIENCE_SECONDS)
    answered = watch(look, lambda answered: answered is not False, seconds)
    if answered is False:
        pid = path.read_text(encoding="utf-8").strip()
        came_back = f"process {pid}, a dockerd, is there and does not answer; it hangs, or its socket was removed"
        remedy = f"end it, which stops its containers, and start it again\n  kill -KILL {pid}\n  labkit up"
        raise DeadlineExceeded("Starting the engine", came_back, remedy)
    return answered is True


def _age(path: Path) -> float:
    """For how long a file has been there; 0 if it is not."""
    try:
        return max(time.time() - path.stat().st_mtime, 0.0)
    except OSError:
        return 0.0


def remove_stale_pid_file(path: Path, program: str) -> bool:
    """Remove a pid file whose process is gone or is another program.

    Args:
        path: the pid file.
        program: the name that the process must have for the file to be true.

    Returns:
        Whether the file was stale and has been removed.
    """
    try:
        pid = int(path.read_text(encoding="utf-8").strip())
        running = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
        if has_ended(pid):
            running = ""
    except FileNotFoundError:
        running = ""
    except ValueError:
        running = "not a pid file"
    if running == program or not path.exists():
        return False
    path.unlink()
    return True


def _wait(answers: Callable[[], bool], exit_status: Callable[[], int | None], log_command: str) -> None:
    def look() -> tuple[bool, int | None]:
        return answers(), exit_status()

    answered, status = watch(look, lambda state: state[0] or state[1] is not None, _DEADLINE_SECONDS)
    if answered:
        return
    try:
        last = "\n".join(LOG.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
    except OSError:
        last = ""
    remedy = f"read its log\n  {log_command}"
    if status is not None:
        raise LabFailed("Starting the engine", f"dockerd ended with status {status}\n{last}".strip(), remedy)
    came_back = f"timed out: no answer after {_DEADLINE_SECONDS:.0f} s\n{last}".strip()
    raise DeadlineExceeded("Starting the engine", came_back, remedy)
