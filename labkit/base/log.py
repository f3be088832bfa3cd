"""What the kit does outside of itself, through the standard `logging`: every command, and every request.

Records go to the loggers `labkit.commands` and `labkit.requests`, at level DEBUG. `start_logging` keeps them in a small
rotating file of the lab's, and shows them on stderr to those who ask with `labkit -v` or LABKIT_LOG=debug.
No secret is recorded: of a request neither headers nor body nor query, of a command no environment, and
`labkit.base.redaction` goes over whatever is left.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from labkit.base.redaction import redact, redact_argv

LOG_NAME = "labkit.log"
LOG_VARIABLE = "LABKIT_LOG"
_FILE_BYTES = 1 << 20
_OLDER_FILES = 2
_LEVELS = ("debug", "info", "warning", "error")

_kit = logging.getLogger("labkit")
_commands = logging.getLogger("labkit.commands")
_requests = logging.getLogger("labkit.requests")


@dataclass
class Attempt:
    """A command or a request under way; whoever makes it enters the status that came back."""

    status: int | None = None


def start_logging(folder: Path, *, verbose: bool = False) -> None:
    """Keep the log in a folder, and show it if that is asked for; a second call takes the place of the first.

    A log that cannot be written is no error: the command goes on without it.

    Args:
        folder: the lab's state; it is made when the first record comes.
        verbose: whether stderr shows the records, whatever LABKIT_LOG says.
    """
    _remove_handlers(_LogFile, _Stderr)
    _kit.setLevel(logging.DEBUG)
    _kit.propagate = False  # A notebook that has set up logging for itself is not flooded.
    _kit.addHandler(_LogFile(folder / LOG_NAME))
    level = os.environ.get(LOG_VARIABLE, "").strip().lower()
    if verbose or level in _LEVELS:
        _kit.addHandler(_Stderr(logging.DEBUG if verbose else level.upper()))
    elif level:
        print(f"{LOG_VARIABLE}={level} is not known: use {LOG_VARIABLE}=debug", file=sys.stderr)


def stop_log_file() -> None:
    """Write nothing more into the log file, for a command that removes the folder it lies in."""
    _remove_handlers(_LogFile)


def log_files(folder: Path) -> list[Path]:
    """The log's files, the oldest first."""
    names = [*(f"{LOG_NAME}.{number}" for number in range(_OLDER_FILES, 0, -1)), LOG_NAME]
    return [folder / name for name in names if (folder / name).is_file()]


def command_line(argv: Sequence[str], folder: Path | None = None) -> str:
    """A command as one types it, without the secrets among its arguments."""
    line = shlex.join(redact_argv(argv))
    return f"(cd {shlex.quote(str(folder))} && {line})" if folder is not None else line


def log_start(argv: Sequence[str], folder: Path | None = None) -> None:
    """Record a command that goes on by itself: a server, or a program that takes the place of this one."""
    _commands.debug("$ %s  # started", command_line(argv, folder))


@contextlib.contextmanager
def logged_command(line: str) -> Iterator[Attempt]:
    """Record a command once it has ended, however it does.

    Args:
        line: from `command_line`.
    """
    yield from _logged(_commands, f"$ {line}", "exit status ")


@contextlib.contextmanager
def logged_request(service: str, method: str, path: str) -> Iterator[Attempt]:
    """Record a request once its answer has begun, or none has come.

    Args:
        service: what is asked, such as "engine".
        method: of HTTP.
        path: without the query, which may hold anything.
    """
    yield from _logged(_requests, f"{service}: {method} {path}", "")


def _logged(logger: logging.Logger, line: str, before_status: str) -> Iterator[Attempt]:
    attempt, started, problem = Attempt(), time.monotonic(), "no answer"
    try:
        yield attempt
    except BaseException as error:
        problem = type(error).__name__
        raise
    finally:
        outcome = problem if attempt.status is None else f"{before_status}{attempt.status}"
        logger.debug("%s  # %s, %.3f s", line, outcome, time.monotonic() - started)


class _Redacting(logging.Formatter):
    """The last to see a record before it is written."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _Stderr(logging.Handler):
    """The standard error of now: a notebook puts another one in its place for each cell."""

    def __init__(self, level: int | str) -> None:
        super().__init__(level)
        self.setFormatter(_Redacting())
        # The command prints its own error there.
        self.addFilter(lambda record: record.levelno < logging.ERROR)

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError, ValueError):
            print(self.format(record), file=sys.stderr, flush=True)


class _LogFile(RotatingFileHandler):
    """A rotating log that only its owner can read, and whose problems stop nothing.

    Several processes may write it: one that finds it rotated or removed by another opens it anew.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=_FILE_BYTES, backupCount=_OLDER_FILES, encoding="utf-8", delay=True)
        self.setFormatter(_Redacting("%(asctime)s %(process)d %(message)s"))
        self._begun = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self._begun:
            self._begun = True
            with contextlib.suppress(OSError):
                Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            super().emit(logging.makeLogRecord({"msg": f"this is {shlex.join(redact_argv(sys.argv))}"}))
        super().emit(record)

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        if self.stream is not None and not self._is_current(self.stream):
            self._drop_stream()
        return bool(super().shouldRollover(record))

    def handleError(self, record: logging.LogRecord) -> None:
        self._drop_stream()  # With what it could not write, which would be tried again for ever.

    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return TextIOWrapper(os.fdopen(handle, "ab"), encoding="utf-8", errors="replace")

    def _is_current(self, stream: TextIOWrapper) -> bool:
        try:
            return os.path.samestat(os.fstat(stream.fileno()), Path(self.baseFilename).stat())
        except (OSError, ValueError):
            return False

    def _drop_stream(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()


def _remove_handlers(*kinds: type[logging.Handler]) -> None:
    for handler in [handler for handler in _kit.handlers if isinstance(handler, kinds)]:
        _kit.removeHandler(handler)
        handler.close()
