"""What a fault is made on: a lab of its own, driven by its command as a person would, and all that it printed."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self, cast

from labkit.base.configuration import Configuration
from labkit.base.waiting import watch

# Whatever runs the tests may ignore Ctrl-C, as a shell does for what it starts in the background.
_MAIN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from labkit.cli import main; main()"
SECONDS = 240.0
"""The deadline of whatever has no reason to hang: a slow machine is no fault."""

USERS_KUBECONFIG = "apiVersion: v1\nkind: Config\ncurrent-context: production\ncontexts: []\nclusters: []\nusers: []\n"
USERS_DOCKER = '{"auths": {"registry.example": {"auth": "dXNlcjpzZWNyZXQ="}}}\n'
PROGRESS = {
    "format": "labkit-progress",
    "version": 1,
    "lessons": {
        "07-run-as-non-root": {
            "opened": "2026-01-02T03:04:05+00:00",
            "last": "2026-01-02T03:04:05+00:00",
            "seconds": 60,
            "exercises": {},
        }
    },
}


@dataclass(frozen=True)
class Printed:
    """What a command printed, and how it ended.

    Args:
        command: the command, as typed.
        status: its exit status; negative for a signal.
        stdout: its standard output.
        stderr: its standard error.
        seconds: how long it took.
    """

    command: str
    status: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def text(self) -> str:
        return self.stdout + self.stderr


@dataclass
class Bench:
    """A lab for faults.

    Args:
        folder: everything of it lies there.
        environment: of its commands.
        transcript: all that was printed.
        undo: what takes a fault back that no participant could, such as a disk that is full.
    """

    folder: Path
    environment: dict[str, str]
    transcript: list[Printed] = field(default_factory=list)
    undo: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def in_folder(cls, folder: Path, *, name: str = "faults", **environment: str) -> Self:
        """A lab whose home is in a folder, with a participant's files in it.

        Args:
            folder: the home.
            name: the lab's.
            environment: what else its commands get.
        """
        ours = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LABKIT_", "XDG_", "DOCKER_")) and name != "KUBECONFIG"
        }
        bench = cls(folder, {**ours, "HOME": str(folder), "LABKIT_NAME": name, "LABKIT_OFFLINE": "1", **environment})
        bench.write(bench.home / ".kube" / "config", USERS_KUBECONFIG)
        bench.write(bench.home / ".docker" / "config.json", USERS_DOCKER)
        bench.write(bench.data / "progress.json", json.dumps(PROGRESS))
        return bench

    # --- places ---

    @property
    def home(self) -> Path:
        return Path(self.environment["HOME"])

    @property
    def scratch(self) -> Path:
        """Where the faults' own files go, and commands are typed."""
        return self.folder

    @property
    def name(self) -> str:
        return self.environment["LABKIT_NAME"]

    @property
    def state(self) -> Path:
        return Path(self.environment.get("LABKIT_STATE") or self.home / ".local/state/labkit" / self.name)

    @property
    def cache(self) -> Path:
        return Path(self.environment.get("LABKIT_CACHE") or self.home / ".cache/labkit")

    @property
    def data(self) -> Path:
        return Path(self.environment.get("LABKIT_DATA") or self.home / ".local/share/labkit" / self.name)

    @property
    def progress(self) -> Path:
        return self.data / "progress.json"

    @property
    def configuration(self) -> Configuration:
        return Configuration(self.name, self.state, self.cache, self.data)

    @property
    def node(self) -> str:
        return f"{self.name}-control-plane"

    def write(self, path: Path, content: str | bytes) -> Path:
        """Write a file, with its folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def users_files(self) -> dict[str, bytes]:
        """What belongs to the participant, byte for byte."""
        own = [self.progress, self.home / ".kube" / "config", self.home / ".docker" / "config.json"]
        return {str(path): path.read_bytes() for path in own if path.is_file()}

    # --- commands ---

    def labkit(
        self,
        *arguments: str,
        status: int | Sequence[int] | None = None,
        seconds: float = SECONDS,
        before: str = "",
        stdin: str = "",
        cwd: Path | None = None,
        **environment: Any,
    ) -> Printed:
        """Run a command of the kit to its end.

        Args:
            arguments: of `labkit`.
            status: what it must exit with; None for anything.
            seconds: its deadline: a command that hangs is a failure.
            before: Python that runs first in its process.
            stdin: what it reads.
            cwd: where it runs.
            environment: what differs, as strings; None takes something away.
        """
        process = self.start(*arguments, before=before, cwd=cwd, **environment)
        printed = self.finish(process, *arguments, stdin=stdin, seconds=seconds)
        if status is not None:
            allowed = [status] if isinstance(status, int) else list(status)
            assert printed.status in allowed, f"{printed.command} ended with {printed.status}:\n{printed.text}"
        return printed

    def start(
        self, *arguments: str, before: str = "", cwd: Path | None = None, **environment: Any
    ) -> subprocess.Popen[str]:
        """Start a command of the kit in a session of its own."""
        return self.python(f"{before}\n{_MAIN}", *arguments, cwd=cwd, **environment)

    def python(
        self, script: str, *arguments: str, cwd: Path | None = None, **environment: Any
    ) -> subprocess.Popen[str]:
        """Start a Python of the participant's, such as a kernel's."""
        whole = {**self.environment, **environment}
        return subprocess.Popen(
            [sys.executable, "-P", "-c", script, *arguments],
            env={name: value for name, value in whole.items() if value is not None},
            cwd=cwd or self.scratch,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def finish(
        self, process: subprocess.Popen[str], *arguments: str, stdin: str = "", seconds: float = SECONDS
    ) -> Printed:
        """Wait for what was started, and keep what it printed.

        Args:
            process: from `start` or `python`.
            arguments: what it is called in the transcript.
            stdin: what it reads.
            seconds: its deadline.
        """
        began = time.monotonic()
        command = " ".join(["labkit", *arguments])
        try:
            stdout, stderr = process.communicate(stdin, timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            stdout, stderr = process.communicate()
            raise AssertionError(f"{command} hangs, for {seconds:g} s:\n{stdout}{stderr}") from None
        printed = Printed(command, process.returncode, stdout, stderr, time.monotonic() - began)
        self.transcript.append(printed)
        return printed

    def run(self, *argv: str, check: bool = True, seconds: float = SECONDS) -> str:
        """Run another program, as the class or the machine would; what it printed."""
        done = subprocess.run(
            argv,
            env=self.environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
        )
        assert not check or done.returncode == 0, f"{argv} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def in_node(self, script: str, *, check: bool = True) -> str:
        """Run a shell script in the node."""
        return self.run("docker", "exec", self.node, "sh", "-c", script, check=check)

    def status(self) -> str:
        """How the lab is, by its own word."""
        return str(json.loads(self.labkit("status", "--json", status=0).stdout)["state"])

    def wait(self, until: Callable[[], object], awaited: str, seconds: float = SECONDS) -> None:
        """Wait for something that the fault needs."""
        assert watch(until, bool, seconds, interval=0.05), f"{awaited} did not come"

    def read_until(self, process: subprocess.Popen[str], word: str) -> str:
        """Read what a command prints, on both, until a word comes; all that came."""
        assert process.stdout is not None and process.stderr is not None
        streams = {process.stdout: "", process.stderr: ""}
        with selectors.DefaultSelector() as selector:
            for stream in streams:
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map() and (ready := selector.select(SECONDS)):
                for key, _ in ready:
                    piece = os.read(key.fd, 1 << 16).decode("utf-8", "replace")
                    if not piece:
                        selector.unregister(key.fileobj)
                    streams[cast(IO[str], key.fileobj)] += piece
                    if word in streams[cast(IO[str], key.fileobj)]:
                        return "".join(streams.values())
        raise AssertionError(f"{word!r} was not printed: {''.join(streams.values())}")

    def type(self, process: subprocess.Popen[str], text: str) -> None:
        """Give a text to what was started."""
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.flush()

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kill what was started, with all that it has started."""
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    @property
    def text(self) -> str:
        """All that was printed."""
        return "\n".join(
            f"$ {printed.command}  # {printed.status}\n{printed.text[-4000:]}" for printed in self.transcript
        )

    # --- what a bench with a lab has more of ---

    def others(self) -> dict[str, object]:
        """What belongs to others in the engine; without an engine there is nothing."""
        return {}

    def require_working(self) -> None:
        """See that the lab can be used again; without a lab there is nothing to see."""
