"""What happened when a command ran in a container."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from labkit.core.causes import Cause


class UnexpectedResult(AssertionError):
    """A run did not end as it was expected to."""

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the sentence is enough."""
        return [f"{type(self).__name__}: {self}"]


@dataclass(frozen=True)
class ExecResult:
    """What a command in a container that runs printed, and how it ended.

    Args:
        exit_status: as the engine or the kubelet gave it.
        stdout: its standard output.
        stderr: its standard error.
        interleaved: both in the order in which they came, where that is known.
    """

    exit_status: int
    stdout: str = ""
    stderr: str = ""
    interleaved: str | None = field(default=None, compare=False)

    @property
    def output(self) -> str:
        """All that it printed, as a terminal would show it; error after output where the order is not known."""
        return self.stdout + self.stderr if self.interleaved is None else self.interleaved


@dataclass(frozen=True, repr=False)
class RunResult:
    """What a command printed and how it ended.

    Args:
        command: the equivalent line to type.
        output: standard output and error together, without white space at the ends.
        exit_status: as `docker run` gives it: 125 the engine could not, 126 not allowed, 127 not found,
            else the command's own (docker/cli:docs/reference/run.md, "Exit status").
        cause: why it did not run, if it did not.
        message: the engine's own words, if it refused.
    """

    command: str
    output: str
    exit_status: int
    cause: Cause | None = None
    message: str | None = None

    def expect(
        self, output: str | None = None, *, cause: Cause | str | None = None, exit_status: int | None = None
    ) -> RunResult:
        """Assert how it ended, and return it.

        Args:
            output: all that was printed.
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
        if output is not None and self.output != output:
            wrong.append(f"output {output!r} was expected")
        if wrong:
            raise UnexpectedResult(f"{' and '.join(wrong)}; seen was\n{self}")
        return self

    def to_dict(self) -> dict[str, object]:
        """As JSON-ready values."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"$ {self.command}"]
        if self.output:
            lines.append(self.output)
        if self.cause is not None:
            lines.append(f"did not run: {self.cause} ({self.cause.meaning})")
        if self.message:
            lines.append(self.message)
        if self.exit_status:
            lines.append(f"exit status {self.exit_status}")
        return "\n".join(lines)

    __repr__ = __str__
