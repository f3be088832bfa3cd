"""Starting programs for somebody else: in front, by a person's text, behind us, or in our place."""

from __future__ import annotations

import codecs
import contextlib
import functools
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from types import FrameType
from typing import IO, NoReturn

from labkit.adapters.processes import own_environment
from labkit.base.log import command_line, log_start, logged_command
from labkit.base.signals import Ended

_PIECE = 1 << 16
_END_SECONDS = 2.0


def start_program(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None, output: IO[bytes] | None = None
) -> Popen[bytes]:
    """Start a program in front, with our input and output.

    Args:
        argv: the program and its arguments.
        folder: where it runs.
        environment: the whole environment of the program; None for ours.
        output: the file that gets what it prints; None for ours.
    """
    log_start(argv, folder)
    return Popen(list(argv), cwd=folder, env=environment, stdout=output, stderr=output)


def run_shell_text(shell: str, text: str, show: Callable[[str], None], most: int) -> tuple[int, bool]:
    """Run a text by a shell, in our own environment and without input, and show what is printed as it comes.

    Args:
        shell: the program.
        text: what it runs.
        show: is given what comes, on standard output and error alike.
        most: how many characters are shown; then the shell is ended, with all that it has started.

    Returns:
        The exit status as a shell has it, and whether it was ended for printing too much.

    Raises:
        KeyboardInterrupt: we were interrupted; what was started is ended.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    left, process = most, None
    with logged_command(command_line([shell, "-c", text])) as attempt:
        try:
            # Of a session of its own it has no terminal to ask for a password, and is ended with all that it started.
            with _interrupts_kept():
                process = Popen(
                    [shell, "-c", text],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            assert process.stdout is not None
            while piece := os.read(process.stdout.fileno(), _PIECE):
                printed = decoder.decode(piece)
                show(printed[:left])
                left -= len(printed)
                if left < 0:
                    _end_group(process, signal.SIGTERM)
                    break
            status = attempt.status = process.wait()
        except BaseException:
            if process is not None:
                _end_group(process, signal.SIGINT)
            raise
        finally:
            if process is not None and process.stdout is not None:
                process.stdout.close()
    return _as_shell(status), left < 0


@contextlib.contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Keep a Ctrl-C until the end of the block: of a program that is half started nobody would know.

    It is for the main thread, in which alone a Ctrl-C is told; where it is ignored, nothing changes.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    kept: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: kept.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if kept:
        handler(*kept[0])


def _as_shell(status: int) -> int:
    """An exit status as a shell has it: 128 and the signal, of a program that a signal has ended."""
    return status if status >= 0 else 128 - status


def _end_group(process: Popen[bytes], first: signal.Signals) -> None:
    """End a process and all of its session, first by asking."""
    for number in (first, signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutExpired):
            process.wait(_END_SECONDS)
            break
    # What a shell has put into the background ignores SIGINT (POSIX, 2.11 Signals and Error Handling).
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)


def run_in_front(
    argv: Sequence[str],
    environment: Mapping[str, str],
    given: bytes | None = None,
    *,
    unseen: bytes = b"",
    shown_as: Mapping[str, str] | None = None,
) -> int:
    """Run a program to its end, with our input and output; gives its exit status, as a shell has it.

    Args:
        argv: the program and its arguments.
        environment: the whole environment of the program.
        given: what it reads in place of our input.
        unseen: how a paragraph of its standard error begins that is left out, with the empty line behind it.
        shown_as: texts, such as names of copies, each with what stands for it where its standard error names it.
    """
    changes = {os.fsencode(text): os.fsencode(shown) for text, shown in (shown_as or {}).items()}
    with logged_command(command_line(argv)) as attempt, _changed_stderr(unseen, changes) as stderr:
        process = Popen(list(argv), env=environment, stdin=None if given is None else subprocess.PIPE, stderr=stderr)
        while True:
            try:
                process.communicate(given)
                break
            except Ended:  # We alone were told to end.
                given = None
                process.terminate()
            except KeyboardInterrupt:
                given = None  # The program has got the same signal, and ends or goes on as it likes.
        attempt.status = process.returncode
    return _as_shell(process.returncode)


@contextlib.contextmanager
def _changed_stderr(unseen: bytes, changes: Mapping[bytes, bytes]) -> Iterator[int | None]:
    """A standard error for a program; what comes there goes on to ours with some changes. None where there are none.

    Args:
        unseen: how a paragraph begins that is left out; empty for none.
        changes: what stands in the place of which texts.
    """
    if not unseen and not changes:
        yield None
        return
    read_end, write_end = os.pipe()

    def pass_on() -> None:
        is_hidden = False
        with os.fdopen(read_end, "rb") as lines:
            for line in lines:
                is_hidden = is_hidden or (unseen != b"" and line.startswith(unseen))
                if not is_hidden:
                    os.write(2, functools.reduce(lambda text, change: text.replace(*change), changes.items(), line))
                is_hidden = is_hidden and line.strip() != b""

    passes = threading.Thread(target=pass_on, daemon=True)
    passes.start()
    try:
        yield write_end
    finally:
        os.close(write_end)
        # What the program has put into the background may hold the other end; it is not waited for.
        passes.join(_END_SECONDS)


def start_server(argv: Sequence[str], output: IO[bytes], folder: Path = Path("/")) -> Popen[bytes]:
    """Start a program that outlives us and is not interrupted with us.

    Args:
        argv: the program and its arguments.
        output: the file that gets what it prints.
        folder: where it runs; a folder that it runs in cannot be unmounted.
    """
    log_start(argv)
    return Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        cwd=folder,
        env=own_environment(),
    )


def become(program: str, argv: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Let a program take the place of this one."""
    log_start(argv)
    os.execve(program, list(argv), dict(environment))
