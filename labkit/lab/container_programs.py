"""Which file each process of a container executes, on whatever machine the engine is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from labkit.core.started import AppProcess

if TYPE_CHECKING:
    from labkit.adapters.engine import Engine

READER = "debian"
"""The sample image whose programs look where this machine cannot."""

# Beside the container, in its pid namespace: what is in that one's own mounts is its, and not the reader's. The fields
# of a line are the digest, the file, and what the process was called by, which may hold blanks (proc_pid_cmdline(5)).
_SCRIPT = """
for proc in /proc/[0-9]*; do
    [ "$(readlink $proc/ns/mnt)" != "$(readlink /proc/self/ns/mnt)" ] || continue
    digest=$(sha256sum < $proc/exe) && file=$(readlink $proc/exe) || continue
    echo "${digest%% *} $file $(tr '\\0' ' ' < $proc/cmdline)"
done
true
"""


def processes_of(engine: Engine, container: str, reader: str) -> tuple[AppProcess, ...]:
    """A running container's processes, its main one first, each with the file that it executes; none if it has ended.

    Where the engine is another machine, or somebody else's, a container beside it looks: without a network, and with
    no more of root's power than to look at processes.

    Args:
        engine: has it.
        container: its whole id.
        reader: the reference of the image that looks.

    Raises:
        LabFailed: the engine went away.
    """
    processes = engine.processes(container)
    if all(process.digest for process in processes):
        return processes
    options = {
        "pid_mode": f"container:{container}",
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "cap_add": ["SYS_PTRACE", "DAC_READ_SEARCH"],
    }
    result = engine.run(reader, ["sh", "-c", _SCRIPT], user="0:0", options=options)
    programs = parse_programs(result.stdout)
    return tuple(_with_program(process, programs) for process in processes)


def parse_programs(text: str) -> Mapping[str, Sequence[tuple[str, str]]]:
    """What the reader printed: file and digest of each process, by what it was called by."""
    programs: dict[str, list[tuple[str, str]]] = {}
    for line in text.splitlines():
        digest, _, rest = line.partition(" ")
        file, _, arguments = rest.partition(" ")
        programs.setdefault(arguments.strip(), []).append((file, digest))
    return programs


def _with_program(process: AppProcess, programs: Mapping[str, Sequence[tuple[str, str]]]) -> AppProcess:
    """A process with its file; without one if another of the same arguments executes another file."""
    files = set(programs.get(process.arguments.strip(), ()))
    if process.digest or len(files) != 1:
        return process
    ((file, digest),) = files
    return replace(process, program=file, digest=digest)
