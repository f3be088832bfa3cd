"""The processes of a container, as the engine's machine shows them: no program of the image is needed for that."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from docker.errors import APIError

from labkit.adapters import podman
from labkit.adapters.engine.engine_connection import EngineConnection
from labkit.adapters.engine.engine_errors import EngineRefused, doing
from labkit.base.configuration import LABEL
from labkit.base.waiting import watch
from labkit.core.started import AppProcess

_COLUMNS = ("pid", "uid", "gid", "supgid", "stat", "args")
_PROC = Path("/proc")
# Until it has put the program in its own place, which it does after the engine has said that the container is started
# (opencontainers/runc:libcontainer/standard_init_linux.go).
_RUNC_INIT = "runc init"
_INIT_SECONDS, _POLL_SECONDS = 5.0, 0.02
_LISTENS = "0A"  # TCP_LISTEN (proc_pid_net(5), torvalds/linux:include/net/tcp_states.h)


@dataclass(frozen=True)
class ListedContainer:
    """A container as `docker ps --all` lists it.

    Args:
        identifier: its whole id.
        name: its name.
        image: what it was made of, as it was named.
        state: the engine's word for how it is: created, running, paused, restarting, exited, dead.
        status: the engine's sentence about that, such as "Exited (1) 2 minutes ago".
        uid: the user id of its main process on the engine's machine; None if it does not run, or that is not shown.
    """

    identifier: str
    name: str
    image: str
    state: str
    status: str
    uid: int | None


class EngineProcesses(EngineConnection):
    """What is seen of processes from outside."""

    def processes(self, container: str) -> tuple[AppProcess, ...]:
        """A running container's processes, its main one first; none if it has ended.

        They are what `docker top CONTAINER -eo pid,uid,gid,supgid,stat,args` shows. From an engine that does not, the
        main process alone is read in /proc, if it runs on this machine. What file each executes is read there, too,
        where that is allowed. Where runc is still about to execute a program, this waits for it for some seconds.
        """
        return watch(
            lambda: self._processes(container),
            lambda processes: all(process.arguments != _RUNC_INIT for process in processes),
            _INIT_SECONDS,
            interval=_POLL_SECONDS,
        )

    def _processes(self, container: str) -> tuple[AppProcess, ...]:
        with doing("Looking at the processes of a container"):
            try:
                shown = self._top(container)
            except APIError:
                process = self._main_process(container)
                return (process,) if process else ()
            host_pids = self._host_pids(container)
        return tuple(
            with_program(_PROC, process, pid if host_pids is None else host_pids.get(pid, 0), container)
            for pid, process in parse_top(shown)
        )

    def listed_containers(self, *labels: str) -> list[ListedContainer]:
        """The lab's containers, running or not, newest first, each with the user that its main process has.

        Args:
            labels: that they carry besides the lab's own.
        """
        filters = {"label": [f"{LABEL}={self._configuration.name}", *labels]}
        with doing("Listing the lab's containers"):
            listed = self._api.containers(all=True, filters=filters)
        return [self._listed(container) for container in listed]

    def _listed(self, container: Mapping[str, Any]) -> ListedContainer:
        state, name = str(container.get("State", "")), str((container.get("Names") or [""])[0]).lstrip("/")
        uid = self._main_uid(str(container["Id"])) if state == "running" else None
        image, status = str(container.get("Image", "")), str(container.get("Status", ""))
        return ListedContainer(str(container["Id"]), name, image, state, status, uid)

    def _main_uid(self, container: str) -> int | None:
        """The user of a container's main process; None where it has ended, or the engine does not show it."""
        with contextlib.suppress(EngineRefused), doing("Looking at the processes of a container"):
            return next((process.uid for _, process in parse_top(self._top(container))), None)
        return None

    def _top(self, container: str) -> Mapping[str, Sequence[object]]:
        shown: Mapping[str, Sequence[object]] = self._api.top(container, ps_args=f"-eo {','.join(_COLUMNS)}")
        return shown

    def _host_pids(self, container: str) -> Mapping[int, int] | None:
        """The pids of podman's processes on the engine's machine, by those in the container; None if they are one."""
        if not self.is_podman:
            return None
        with contextlib.suppress(APIError):  # It has ended by now.
            return podman.host_pids(self._api.top(container, ps_args=podman.HOST_PIDS))
        return {}

    def is_listening(self, container: str, pid: int) -> bool:
        """Whether something in a container listens on a TCP port, as far as this machine can see.

        Args:
            container: its whole id.
            pid: of its main process, as the engine says.
        """
        return listens(_PROC, pid, container)

    def _main_process(self, container: str) -> AppProcess | None:
        try:
            inspected = self._api.inspect_container(container)
        except APIError:
            return None
        return read_process(_PROC, (inspected.get("State") or {}).get("Pid") or 0, str(inspected.get("Id") or ""))


def parse_top(shown: Mapping[str, Sequence[object]]) -> tuple[tuple[int, AppProcess], ...]:
    """The processes of the engine's answer, each with its pid; one whose ids are no numbers is left out."""
    rows = shown.get("Processes") or ()
    parsed = [_row(row) for row in rows if isinstance(row, Sequence) and len(row) == len(_COLUMNS)]
    return tuple(process for process in parsed if process)


def _row(row: Sequence[object]) -> tuple[int, AppProcess] | None:
    pid, uid, gid, groups, state, arguments = map(str, row)
    try:
        own_groups = _numbers(groups.replace("-", "").split(","))
        return int(pid), AppProcess(int(uid), int(gid), own_groups, arguments, state=state)
    except ValueError:
        return None


def with_program(proc: Path, process: AppProcess, pid: int, container: str) -> AppProcess:
    """A process with what file it executes; as it is, if it is another machine's or may not be looked at.

    Args:
        proc: where processes are shown.
        process: it.
        pid: as the engine says.
        container: its id.
    """
    file = proc / str(pid) / "exe"
    try:
        if not _is_of(proc, pid, container):
            return process
        # The link may be opened even where its text leads nowhere: the file may be another container's, or deleted.
        path = str(file.readlink())
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return process
    return replace(process, program=path, digest=digest)


def listens(proc: Path, pid: int, container: str) -> bool:
    """Whether a socket of a container's network listens; no, if it is another machine's.

    Args:
        proc: where processes are shown.
        pid: of one of its processes.
        container: its id.
    """
    try:
        if not _is_of(proc, pid, container):
            return False
        tables = [(proc / str(pid) / "net" / name).read_text(encoding="utf-8") for name in ("tcp", "tcp6")]
    except OSError:
        return False
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    return any(len(row) > 3 and row[3] == _LISTENS for row in rows)


def _is_of(proc: Path, pid: int, container: str) -> bool:
    """Whether a process of this machine is a container's, which its control group is named by."""
    return bool(pid and container) and container in (proc / str(pid) / "cgroup").read_text(encoding="utf-8")


def read_process(proc: Path, pid: int, container: str) -> AppProcess | None:
    """A container's main process in /proc (proc_pid_status(5)); None if that pid is another machine's.

    Args:
        proc: where processes are shown.
        pid: as the engine says; 0 for none.
        container: its id, which the process's control group is named by.
    """
    folder = proc / str(pid)
    try:
        if not _is_of(proc, pid, container):
            return None
        lines = (folder / "status").read_text(encoding="utf-8").splitlines()
        argv = (folder / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
    except OSError:
        return None
    fields = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    # Real, effective, saved and file system id.
    uid, gid = int(fields["Uid"][1]), int(fields["Gid"][1])
    state = next(iter(fields.get("State", ())), "")
    process = AppProcess(uid, gid, _numbers(fields.get("Groups", [])), " ".join(argv), state=state)
    return with_program(proc, process, pid, container)


def _numbers(numbers: Sequence[str]) -> tuple[int, ...]:
    return tuple(sorted(int(number) for number in numbers if number))
