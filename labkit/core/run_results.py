"""What happened when a command ran in a container."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Self

from labkit.core.causes import Cause

_MOST_SHOWN = 20_000


class UnexpectedResult(AssertionError):
    """A run did not end as it was expected to."""

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the sentence is enough."""
        return [f"{type(self).__name__}: {self}"]


class _Streams:
    """What was printed on two streams."""

    stdout: str
    stderr: str
    interleaved: str | None

    @property
    def output(self) -> str:
        """All that was printed, as a terminal would show it; errors last where the order is not known.

        The engine reads two pipes, so the order of what came at almost the same time is not certain: it is for
        reading. Whatever judges what a program said looks at `stdout`.
        """
        if self.interleaved is not None:
            return self.interleaved
        separator = "\n" if self.stdout and self.stderr and not self.stdout.endswith("\n") else ""
        return self.stdout + separator + self.stderr


@dataclass(frozen=True)
class Printed(_Streams):
    """What a container has printed.

    Args:
        stdout: its standard output.
        stderr: its standard error.
        interleaved: both in the order in which they came, where that is known.
    """

    stdout: str = ""
    stderr: str = ""
    interleaved: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class ExecResult(_Streams):
    """What a command in a container that runs printed, and how it ended.

    Args:
        exit_status: as the engine or the kubelet gave it; None if it gave none.
        stdout: its standard output.
        stderr: its standard error.
        interleaved: both in the order in which they came, where that is known.
        is_over: False if it still ran when the deadline had passed.
    """

    exit_status: int | None
    stdout: str = ""
    stderr: str = ""
    interleaved: str | None = field(default=None, compare=False)
    is_over: bool = True


@dataclass(frozen=True, repr=False)
class RunResult(_Streams):
    """What a command printed and how it ended.

    Args:
        command: the equivalent line to type.
        stdout: its standard output, without white space at the ends.
        exit_status: as the docker command gives it: 125 the engine could not, 126 not allowed, 127 not found,
            else the command's own (docker/cli:docs/reference/run.md, "Exit status"); None where nobody gave any.
        cause: why it did not run, if it did not.
        message: the engine's own words, if it refused.
        stderr: its standard error, likewise.
        interleaved: both in the order in which they came, where that is known.
    """

    command: str
    stdout: str
    exit_status: int | None
    cause: Cause | None = None
    message: str | None = None
    stderr: str = ""
    interleaved: str | None = field(default=None, compare=False)

    @classmethod
    def of(
        cls,
        command: str,
        printed: Printed | ExecResult,
        exit_status: int | None,
        *,
        cause: Cause | None = None,
        message: str | None = None,
    ) -> Self:
        """The result of a command that ran.

        Args:
            command: the equivalent line to type.
            printed: what it printed.
            exit_status: how it ended.
            cause: why it did not end as it should.
            message: whose word that is.
        """
        interleaved = printed.interleaved and printed.interleaved.strip()
        return cls(command, printed.stdout.strip(), exit_status, cause, message, printed.stderr.strip(), interleaved)

    def expect(
        self, stdout: str | None = None, *, cause: Cause | str | None = None, exit_status: int | None = None
    ) -> RunResult:
        """Assert how it ended, and return it.

        Args:
            stdout: all that it printed on standard output.
            cause: the cause; without one given, the command must have run.
            exit_status: the exit status; 0 if no cause is given.

        Raises:
            UnexpectedResult: it ended otherwise.
        """
        expected_cause = Cause(cause) if cause is not None else None
        if exit_status is None and cause is None:
            exit_status = 0
        wrong = []
        if self.cause != expected_cause:
            wrong.append(f"cause {expected_cause or 'none'} was expected")
        if exit_status is not None and self.exit_status != exit_status:
            wrong.append(f"exit status {exit_status} was expected")
        if stdout is not None and self.stdout != stdout:
            wrong.append(f"output {stdout!r} was expected")
        if wrong:
            raise UnexpectedResult(f"{' and '.join(wrong)}; seen was\n{self}")
        return self

    def to_dict(self) -> dict[str, object]:
        """As JSON-ready values."""
        values = asdict(self)
        del values["interleaved"]
        return values | {"output": self.output}

    def __str__(self) -> str:
        lines = [f"$ {self.command}"]
        if self.stdout:
            lines.append(_shown(self.stdout))
        lines += [f"stderr: {line}" for line in _shown(self.stderr).splitlines()]
        if self.cause is not None:
            lines.append(f"did not run: {self.cause} ({self.cause.meaning})")
        # A builder's message is the last that it prints.
        if self.message and self.message.splitlines()[-1] not in self.stderr:
            lines.append(self.message)
        if self.exit_status:
            lines.append(f"exit status {self.exit_status}")
        return "\n".join(lines)

    __repr__ = __str__


def _shown(text: str) -> str:
    """As much of a text as somebody would read."""
    rest = len(text) - _MOST_SHOWN
    return text if rest <= 0 else f"{text[:_MOST_SHOWN]}\n({rest} more characters are not shown)"
