"""What the classic builder, or podman's, prints: its steps, what their commands print, and why it stopped.

Podman's is Buildah (containers/buildah:imagebuildah/stage_executor.go). It marks no standard error, and gives the
status of a step's command in its message alone.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping

from labkit.adapters.engine.engine_errors import BuildStopped

_MOST_LINES, _SHOWN_LINES, _CAUSE_LINES = 40, 6, 3
_REMEDY = "fix that step and build it again; if the disk is full\n  labkit doctor"
# What a step's command prints on its standard error is coloured (moby/moby:pkg/streamformatter, StderrFormatter).
_STDERR = re.compile(r"\x1b\[91m(.*?)\x1b\[0m", re.DOTALL)
_STEP = re.compile(r"^(?:Step \d+/\d+ :|(?:\[\d+/\d+\] )?STEP \d+/\d+:) .*", re.MULTILINE)
_NOISE = re.compile(r"^ ?-{2,3}> .*|^Removing intermediate container .*|^(\x1b\[0m)?$")
_STATUS = re.compile(r"while running runtime: exit status (\d+)\s*$")


class BuilderOutput:
    """Gathers what a builder prints; no more than its last lines are kept."""

    def __init__(self) -> None:
        self.step = ""
        self._stdout: deque[str] = deque(maxlen=_MOST_LINES)
        self._stderr: deque[str] = deque(maxlen=_MOST_LINES)
        self._stderr_of_step: deque[str] = deque(maxlen=_CAUSE_LINES)
        self._is_unended = False

    def add(self, text: str) -> None:
        """Take one more piece of its stream."""
        for step in _STEP.findall(text):
            self.step = str(step)
            self._stderr_of_step.clear()
            self._is_unended = False
        for line in "".join(_STDERR.findall(text)).splitlines(keepends=True):
            self._add_stderr(line)
        plain = _STDERR.sub("", text)
        self._stdout.extend(line for line in plain.splitlines() if not _NOISE.match(line))

    def _add_stderr(self, line: str) -> None:
        """Take a line, or a piece of one: a program may write its name first, and then what is wrong."""
        for lines in (self._stderr, self._stderr_of_step):
            if self._is_unended:
                lines[-1] += line.rstrip()
            elif line.strip():
                lines.append(line.rstrip("\r\n"))
        self._is_unended = bool(line.strip() or self._is_unended) and not line.endswith("\n")

    @property
    def stderr(self) -> str:
        """What its steps printed on their standard error."""
        return "\n".join(self._stderr)

    def stopped(self, tried: str, error: str, detail: Mapping[str, object] | None) -> BuildStopped:
        """The error for a build that stopped.

        Args:
            tried: the build.
            error: the builder's message.
            detail: may have the status of the step's command, which `docker build` exits with
                (docker/cli:cli/command/image/build.go, "If no error code is set, default to 1").
        """
        of_podman = _STATUS.search(error)
        code = int(of_podman[1]) if of_podman else (detail or {}).get("code")
        last = [*self._stdout, *self._stderr][-_SHOWN_LINES:]
        return BuildStopped(
            tried,
            "\n".join([*last, error.strip()]),
            _REMEDY,
            message="\n".join([self.step, *self._stderr_of_step, error]).strip(),
            stdout="\n".join(self._stdout),
            stderr="\n".join([*self._stderr, error.strip()]),
            exit_status=code if isinstance(code, int) and code else 1,
        )

    def timed_out(self, tried: str, seconds: float) -> BuildStopped:
        """The error for a build that was given up."""
        return self.stopped(tried, f"timed out: it was still running after {seconds:.0f} s, and was stopped", None)
