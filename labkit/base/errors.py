"""What the kit says when it cannot go on: what was tried, what came back, what to do next."""

from __future__ import annotations

import errno
import logging
import shlex
import sys
from collections.abc import Iterable
from difflib import get_close_matches

_log = logging.getLogger("labkit")
_log.addHandler(logging.NullHandler())  # Where no log is kept, logging would print errors on stderr by itself.
_NEARLY_THE_SAME = 0.8
_REMEDIES_OF_SYSTEM = {
    errno.ENAMETOOLONG: "shorten it: a name may have 255 bytes, and a whole path 4095",
    errno.ELOOP: "change its links, which lead in a circle\n  ls -l",
    errno.ENOTDIR: "a part of this path is a file, not a folder: name another place",
    errno.EISDIR: "it is a folder: name a file",
    errno.EMFILE: "too many files are open: raise the limit, or close some programs\n  ulimit -n 4096",
    errno.ENFILE: "too many files are open on this machine: close some programs",
    errno.EIO: "the disk, or what it is reached by, has an error: see what the system says of it\n  dmesg",
}
"""What helps where neither space nor a right is missing (errno(3))."""


class LabError(Exception):
    """A condition that the kit can name.

    Args:
        tried: what was being done, as a sentence without a full stop.
        came_back: what the machine, the engine or the cluster answered.
        remedy: what to do next; commands stand on lines of their own.
    """

    exit_status = 1

    def __init__(self, tried: str, came_back: str, remedy: str) -> None:
        super().__init__(tried, came_back, remedy)
        self.tried = tried
        self.came_back = came_back
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.tried}: {self.came_back}\nWhat to do: {self.remedy}"

    def to_dict(self) -> dict[str, str]:
        """The three sentences, as JSON-ready values."""
        return {"tried": self.tried, "came_back": self.came_back, "remedy": self.remedy}

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: a participant reads the three sentences and no traceback."""
        return [f"{type(self).__name__}: {self}"]


class LabFailed(LabError):
    """The lab could not do it (exit status 1)."""


class Misuse(LabError):
    """The kit was asked for something that does not exist or makes no sense (exit status 2)."""

    exit_status = 2


class MachineLacks(LabError):
    """The machine lacks something that the kit does not add by itself (exit status 3)."""

    exit_status = 3


class NoRight(LabFailed):
    """Whoever asks has no right to it, as the API server says (403)."""


class NotInAClass(LabFailed):
    """A class on a shared cluster does not give its participants this."""


class DeadlineExceeded(LabFailed):
    """A wait reached its deadline; `came_back` holds the last state that was seen."""


def did_you_mean(name: str, known: Iterable[str], otherwise: str, *, most: int = 1, cutoff: float = 0.6) -> str:
    """The remedy for a name that does not exist: the nearest that do, or else what to do.

    Args:
        name: what was asked for.
        known: the names that there are.
        otherwise: the remedy if none is near.
        most: how many near ones to give.
        cutoff: how near they must be, from 0 to 1.
    """
    near = get_close_matches(name, list(known), n=most, cutoff=cutoff)
    return f"did you mean {' or '.join(near)}?" if near else otherwise


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """The names that somebody who meant a name may have typed instead: other ones, and hardly different.

    A number behind a hyphen is no slip: such names are given on purpose, web-2 beside web-1.

    Args:
        name: what was meant.
        known: the names that there are.
    """
    letters = name.rstrip("-0123456789")
    others = dict.fromkeys(other for other in known if other.rstrip("-0123456789") != letters)
    return get_close_matches(name, others, n=2, cutoff=_NEARLY_THE_SAME)


def remedy_of_system(error: OSError, otherwise: str) -> str:
    """What to do about what the system refuses: about the error itself, if that says what is wrong.

    Args:
        error: the system's.
        otherwise: what helps where space or a right is missing.
    """
    return _REMEDIES_OF_SYSTEM.get(error.errno or 0, otherwise)


def log_error(error: BaseException, *, traceback: bool = False) -> None:
    """Keep what went wrong in the log, if one is kept (`labkit.base.log`): stderr is often gone when somebody asks."""
    _log.error("%s: %s", type(error).__name__, error, exc_info=error if traceback else None)


def add_packages_command() -> str:
    """The command that adds the packages of the extra `lab` to this labkit.

    It names the Python that runs this: another pip would look for labkit on an index, where the name may be anyone's.
    """
    return f"{shlex.quote(sys.executable)} -m pip install 'labkit[lab]'"
