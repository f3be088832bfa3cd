"""The processes of a container, as the engine's machine shows them: no program of the image is needed for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from docker.errors import APIError

from labkit.adapters.engine.engine_connection import EngineConnection
from labkit.adapters.engine.engine_errors import doing
from labkit.core.started import AppProcess

_COLUMNS = ("pid", "uid", "gid", "supgid", "args")
_PROC = Path("/proc")


class EngineProcesses(EngineConnection):
    """What is seen of processes from outside."""

    def processes(self, container: str) -> tuple[AppProcess, ...]:
        """A running container's processes, its main one first; none if it has ended.

        They are what `docker top CONTAINER -eo pid,uid,gid,supgid,args` shows. From an engine that does not, the main
        process alone is read in /proc, if it runs on this machine.
        """
        with doing("Looking at the processes of a container"):
            try:
                shown = self._api.top(container, ps_args=f"-eo {','.join(_COLUMNS)}")
            except APIError:
                process = self._main_process(container)
                return (process,) if process else ()
        return parse_top(shown)

    def _main_process(self, container: str) -> AppProcess | None:
        try:
            inspected = self._api.inspect_container(container)
        except APIError:
            return None
        return read_process(_PROC, (inspected.get("State") or {}).get("Pid") or 0, str(inspected.get("Id") or ""))


def parse_top(shown: Mapping[str, Sequence[object]]) -> tuple[AppProcess, ...]:
    """The processes of the engine's answer; one whose ids are no numbers is left out."""
    rows = shown.get("Processes") or ()
    parsed = [_row(row) for row in rows if isinstance(row, Sequence) and len(row) == len(_COLUMNS)]
    return tuple(process for process in parsed if process)


def _row(row: Sequence[object]) -> AppProcess | None:
    _, uid, gid, groups, arguments = map(str, row)
    try:
        return AppProcess(int(uid), int(gid), _numbers(groups.replace("-", "").split(",")), arguments)
    except ValueError:
        return None


def read_process(proc: Path, pid: int, container: str) -> AppProcess | None:
    """A container's main process in /proc (proc_pid_status(5)); None if that pid is another machine's.

    Args:
        proc: where processes are shown.
        pid: as the engine says; 0 for none.
        container: its id, which the process's control group is named by.
    """
    folder = proc / str(pid)
    try:
        if not pid or not container or container not in (folder / "cgroup").read_text(encoding="utf-8"):
            return None
        lines = (folder / "status").read_text(encoding="utf-8").splitlines()
        argv = (folder / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")
    except OSError:
        return None
    fields = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    # Real, effective, saved and file system id.
    return AppProcess(int(fields["Uid"][1]), int(fields["Gid"][1]), _numbers(fields.get("Groups", [])), " ".join(argv))


def _numbers(numbers: Sequence[str]) -> tuple[int, ...]:
    return tuple(sorted(int(number) for number in numbers if number))
