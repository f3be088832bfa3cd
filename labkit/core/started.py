"""An app that was started as it will be started, as it looks from outside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from labkit.core.run_results import RunResult


@dataclass(frozen=True)
class AppProcess:
    """A process of a container, as the engine's machine shows it.

    Args:
        uid: its effective user id on that machine: in a user namespace not the one inside.
        gid: its effective group id.
        groups: its supplementary groups, sorted.
        arguments: what it was called by, and its arguments, with blanks between; a program may be called by any name.
        program: the path of the file that it executes, as its container has it; empty where nobody could look.
        digest: the sha256 of that file, in hexadecimal digits; empty where nobody could look.
        state: what it did at that moment, as ps has it (ps(1), "PROCESS STATE CODES"), such as Ss; empty if unknown.
    """

    uid: int
    gid: int
    groups: tuple[int, ...]
    arguments: str
    program: str = ""
    digest: str = ""
    state: str = field(default="", compare=False)

    @property
    def is_at_work(self) -> bool:
        """Whether it had something to do, for which a busy machine may let it wait; not whether it waits for others."""
        return self.state.startswith(("R", "D"))


class PodProgram(NamedTuple):
    """A program that a process of a pod's container executes.

    Args:
        digest: the sha256 of its file, in hexadecimal.
        name: what it was called by, without the folder.
        assembly: the name of the .NET assembly that it was given, without the folder; empty for none. A .NET runtime
            executes what is in there.
        assembly_digest: the sha256 of the assembly; empty where nobody could look.
    """

    digest: str
    name: str
    assembly: str = ""
    assembly_digest: str = ""


@dataclass(frozen=True)
class PodProcesses:
    """The processes of a container of a pod, as the node's kernel shows them.

    Args:
        status: the fields of its first process's /proc/PID/status (proc_pid_status(5)).
        programs: what all its processes execute. Their names alone say nothing, for another program may have them; nor
            does the content, for one file may act as several programs, as busybox does.
    """

    status: Mapping[str, str]
    programs: frozenset[PodProgram] = frozenset()


class FileNow(NamedTuple):
    """A file of a container, as it was left.

    Args:
        uid: its owner.
        gid: its group.
        mode: its permission bits with setuid, setgid and sticky.
    """

    uid: int
    gid: int
    mode: int


@dataclass(frozen=True)
class Started:
    """What became of an app.

    Args:
        is_running: whether it still ran when it was looked at.
        result: what it printed by then, and how it ended; the exit status is None while it runs.
        processes: those that it had when it was last seen running; empty if it ended before anybody could look.
        files: those that were to be looked at, as it left them; without those that are not there.
    """

    is_running: bool
    result: RunResult
    processes: tuple[AppProcess, ...] = ()
    files: Mapping[str, FileNow] = field(default_factory=dict)

    @property
    def main(self) -> AppProcess | None:
        """The first of its processes, which is the app's own."""
        return self.processes[0] if self.processes else None

    def __str__(self) -> str:
        ids = (
            f"uid {process.uid}, gid {process.gid}, groups {', '.join(map(str, process.groups)) or 'none'}: "
            f"{process.arguments}"
            for process in self.processes
        )
        return "\n".join([str(self.result), "it runs" if self.is_running else "it has ended", *ids])
