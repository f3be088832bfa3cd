"""What Linux says of a process in /proc/PID/stat (proc_pid_stat(5)); elsewhere there is no such file."""

from __future__ import annotations

from pathlib import Path


def process_fields(pid: int, proc: Path = Path("/proc")) -> list[str] | None:
    """The fields of a process's stat from the third one, its state, on; None if there is no such process.

    Args:
        pid: its number.
        proc: where processes are shown.
    """
    try:
        text = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return fields if len(fields) > 19 else None


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or is a zombie: whoever started it has not asked how it ended.

    Args:
        pid: its number.
    """
    fields = process_fields(pid)
    return fields is None or fields[0] in "ZX"
