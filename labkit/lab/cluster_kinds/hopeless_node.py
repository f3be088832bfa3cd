"""What a node's logs tell of why it does not come up, where no waiting helps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from labkit.base.errors import LabFailed
from labkit.core.run_results import ExecResult

Execute = Callable[[Sequence[str]], ExecResult]
"""Runs a command on the node."""

_CONTAINERD_LOG = [
    "sh",
    "-c",
    # The embedded node has a file, kindest/node systemd's journal.
    "cat /var/log/containerd.log 2> /dev/null || journalctl --unit containerd --lines 300 --no-pager",
]
_ETCD_LOGS = ["sh", "-c", "ls -t /var/log/pods/kube-system_etcd-*/etcd/*.log | head -n 2 | xargs -r tail -n 100"]
"""Those of its last two runs: the newest may have just begun."""


def require_watchers(execute: Execute) -> None:
    """Stop if the node's containerd may watch no files: it serves no pods then, and a new node would be no better.

    Raises:
        LabFailed: so it is.
    """
    if "too many open files" in _printed(execute, _CONTAINERD_LOG):
        raise LabFailed(
            "Starting the cluster again",
            "the node's containerd may watch no file: too many open files, of those that inotify counts",
            "raise the limits of inotify as the doctor says, or end what watches many files, then go on"
            "\n  labkit doctor\n  labkit up",
        )


def has_lost_its_data(execute: Execute) -> bool:
    """Whether etcd cannot read its file, of which it panics each time that it is begun; a killed one does not.

    One that had no room goes on once there is some.
    """
    log = _printed(execute, _ETCD_LOGS)
    return " panic: " in log and "no space left on device" not in log


def _printed(execute: Execute, argv: Sequence[str]) -> str:
    """What a command on the node prints; nothing if the node has ended."""
    try:
        return execute(argv).stdout
    except LabFailed:
        return ""
