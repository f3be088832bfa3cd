"""People of a class, played: they sign in as a browser would, start their server, and run programs in it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import IO, Any, Self, TypeVar

import httpx2

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.errors import Misuse
from labkit.base.waiting import wait_until
from labkit.lab.classroom.class_bringup import ClassWishes, bring_up_class
from labkit.lab.classroom.class_entry import find_entry
from labkit.lab.classroom.class_keys import ClassKeys
from labkit.lab.classroom.class_settings import ClassSettings
from labkit.lab.classroom.cluster_class import ClusterClass
from labkit.lab.lab import Lab
from tests.web_participant import NotAsExpected, WebParticipant

_T = TypeVar("_T")
_SERVER_SECONDS = 180.0
_STOPPED_SECONDS = 120.0
_FORWARD_SECONDS = 60.0
_LISTENS = re.compile(r"Forwarding from (127\.0\.0\.1:\d+) ->")


@dataclass(frozen=True)
class PlayedRoom:
    """A class that is up, and where it is reached.

    Args:
        kubectl: the options by which kubectl asks its cluster.
        settings: of the class.
        keys: its secrets.
        address: of the proxy, on loopback.
    """

    kubectl: tuple[str, ...]
    settings: ClassSettings
    keys: ClassKeys
    address: str


@contextlib.contextmanager
def played_room(
    lab: Lab, cluster: ClusterWriter, name: str | None, own_name: str, people: int, storage_class: str = ""
) -> Iterator[PlayedRoom]:
    """A class to play in, for as long as the block lasts.

    Args:
        lab: whose engine builds the images.
        cluster: where the class is.
        name: of a class that is up already, and is left as it is; None for one of our own, removed at the end.
        own_name: of that one.
        people: how many will come to it.
        storage_class: of its volumes; empty for the cluster's default.

    Raises:
        Misuse: there is no class of that name.
    """
    group = ClusterClass(cluster, ClassSettings(name=name or own_name), lab.steps)
    try:
        if name is None:
            wishes = ClassWishes(class_name=own_name, participants=people, storage_class=storage_class)
            bring_up_class(lab, cluster, wishes, 0, lambda plan: None)
        with entered_room(lab, cluster, name or own_name) as room:
            yield room
    finally:
        if name is None:
            group.down(progress=True)


@contextlib.contextmanager
def entered_room(lab: Lab, cluster: ClusterWriter, name: str) -> Iterator[PlayedRoom]:
    """A class that is up, reached for as long as the block lasts and its proxy's pod is the same.

    Args:
        lab: told what is going on.
        cluster: where the class is.
        name: of the class.

    Raises:
        Misuse: there is no class of that name.
    """
    group = ClusterClass(cluster, ClassSettings(name=name), lab.steps)
    settings, keys = group.existing_settings(), group.keys()
    if settings is None or keys is None:
        raise Misuse(f"Looking for the class {name}", "there is none", f"labkit class up --class-name {name}")
    with _forwarded(cluster, settings) as address:
        yield PlayedRoom(cluster.access.kubectl_options, settings, keys, address)


@contextlib.contextmanager
def _forwarded(cluster: ClusterWriter, settings: ClassSettings) -> Iterator[str]:
    """The class's proxy on loopback while the block runs, as `labkit class up --forward` has it."""
    argv = ["kubectl", *find_entry(cluster, settings, 0).forward]  # It takes a free port, and says which.
    with tempfile.TemporaryFile() as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        try:
            wait_until(
                "the port-forward",
                lambda: _answer(log),
                seconds=_FORWARD_SECONDS,
                remedy=shlex.join(argv),
                is_there=lambda answer: answer == "",
                describe=lambda answer: f"{answer}; kubectl: {_written(log) or 'says nothing'}",
                why_never=lambda _: f"kubectl ended: {_written(log)}" if process.poll() is not None else "",
            )
            yield _forwarded_address(log)
        finally:
            process.terminate()


def _forwarded_address(log: IO[bytes]) -> str:
    """Where kubectl has said that it listens; empty if it has not yet."""
    match = _LISTENS.search(_written(log))
    return f"http://{match[1]}" if match else ""


def _answer(log: IO[bytes]) -> str:
    """Why the hub is not reached; empty if it is."""
    if not (address := _forwarded_address(log)):
        return "no port yet"
    try:
        response = httpx2.get(f"{address}/hub/health", trust_env=False)
    except httpx2.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return "" if response.status_code == 200 else f"status {response.status_code}"


def _written(log: IO[bytes]) -> str:
    """What a program has written so far."""
    return os.pread(log.fileno(), 4000, 0).decode(errors="replace").strip()


class Visitor:
    """A participant and what belongs to them in the cluster, for tests that do one thing after the other.

    Args:
        room: the class.
        runner: in whose loop the participant acts.
        name: what they type.
        code: what they type as the class's code; the right one if not given.
        return_code: what they type who were there before, in place of code and name.
    """

    def __init__(
        self,
        room: PlayedRoom,
        runner: asyncio.Runner,
        name: str = "",
        code: str | None = None,
        return_code: str = "",
    ) -> None:
        self.room = room
        self._runner = runner
        self.web = WebParticipant(room.address)
        first = {"code": room.keys.class_code if code is None else code, "name": name}
        with contextlib.suppress(NotAsExpected):
            self.run(self.web.sign_in(**({"return_code": return_code} if return_code else first)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self.web.client.aclose())

    def run(self, step: Coroutine[Any, Any, _T]) -> _T:
        """Have them do something in their browser."""
        return self._runner.run(step)

    def status(self, path: str) -> int:
        """The status of a page that they ask for."""
        return self.run(self.web.client.get(path)).status_code

    @property
    def participant(self) -> str:
        """Their id; empty if they were not let in."""
        return self.web.id

    @property
    def namespace(self) -> str:
        """Of their server."""
        return self.room.settings.server_namespace(self.participant)

    @property
    def lab_namespace(self) -> str:
        """Of their lessons."""
        return self.room.settings.lab_namespace(self.participant)

    @property
    def _kubectl(self) -> list[str]:
        return ["kubectl", *self.room.kubectl, "--namespace", self.namespace]

    @property
    def exec_argv(self) -> list[str]:
        """What runs a command in their server's container."""
        argv = [*self._kubectl, "get", "pods", "--output=name"]
        pod = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()[0]
        return [*self._kubectl, "exec", "--stdin", "--container=notebook", pod, "--"]

    def start_server(self) -> None:
        """Start their server and wait until JupyterLab is there."""
        self.run(self.web.start_server(_SERVER_SECONDS))

    def await_stopped(self, seconds: float = _STOPPED_SECONDS) -> None:
        """Wait until the hub knows that their server is gone."""
        wait_until(
            f"the hub to notice that the server of {self.web.shown_name} is gone",
            lambda: self.run(self.web.state()),
            seconds=seconds,
            remedy="look at the hub's log",
            is_there=lambda state: bool(state) and not state.get("servers"),
            interval=0.5,
        )

    def run_python(self, program: str, seconds: float = 240.0) -> str:
        """Run a program in their server's pod; gives what it printed."""
        argv = [*self.exec_argv, "python3", "-"]
        done = subprocess.run(argv, input=program, capture_output=True, text=True, timeout=seconds, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
