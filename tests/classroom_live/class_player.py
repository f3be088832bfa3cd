"""People of a class, played: they sign in as a browser would, start their server, and run programs in it."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import httpx2

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.errors import Misuse
from labkit.base.waiting import wait_until, watch
from labkit.lab.classroom.class_bringup import ClassWishes, bring_up_class
from labkit.lab.classroom.class_entry import find_entry
from labkit.lab.classroom.class_keys import ClassKeys
from labkit.lab.classroom.class_settings import ClassSettings
from labkit.lab.classroom.cluster_class import ClusterClass
from labkit.lab.lab import Lab

_SERVER_SECONDS = 180.0
_FORWARD_SECONDS = 20.0


@dataclass(frozen=True)
class PlayedRoom:
    """A class that is up, and where it is reached.

    Args:
        context: of the kubeconfig.
        settings: of the class.
        keys: its secrets.
        address: of the proxy, on loopback.
    """

    context: str
    settings: ClassSettings
    keys: ClassKeys
    address: str


@contextlib.contextmanager
def played_room(lab: Lab, cluster: ClusterWriter, name: str | None, own_name: str, people: int) -> Iterator[PlayedRoom]:
    """A class to play in, for as long as the block lasts.

    Args:
        lab: whose engine builds the images.
        cluster: where the class is.
        name: of a class that is up already, and is left as it is; None for one of our own, removed at the end.
        own_name: of that one.
        people: how many will come to it.

    Raises:
        Misuse: there is no class of that name.
    """
    group = ClusterClass(cluster, ClassSettings(name=name or own_name), lab.steps)
    try:
        if name is None:
            bring_up_class(lab, cluster, ClassWishes(class_name=own_name, participants=people), 0, lambda plan: None)
        settings, keys = group.existing_settings(), group.keys()
        if settings is None or keys is None:
            raise Misuse(f"Looking for the class {name}", "there is none", f"labkit class up --class-name {name}")
        with _forwarded(cluster, settings) as address:
            yield PlayedRoom(cluster.access.context, settings, keys, address)
    finally:
        if name is None:
            group.down(progress=True)


@contextlib.contextmanager
def _forwarded(cluster: ClusterWriter, settings: ClassSettings) -> Iterator[str]:
    """The class's proxy on loopback while the block runs, as `labkit class up --forward` has it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = ["kubectl", *find_entry(cluster, settings, port).forward]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until("the port-forward", lambda: _answers(address), seconds=_FORWARD_SECONDS, remedy="see kubectl")
            yield address
        finally:
            process.terminate()


def _answers(address: str) -> bool:
    with contextlib.suppress(httpx2.HTTPError):
        return httpx2.get(f"{address}/hub/health", trust_env=False).status_code == 200
    return False


class Visitor:
    """Somebody with a browser.

    Args:
        room: the class.
        name: what they type.
        code: what they type as the class's code; the right one if not given.
    """

    def __init__(self, room: PlayedRoom, name: str, code: str | None = None) -> None:
        self.room = room
        self.browser = httpx2.Client(base_url=room.address, follow_redirects=True, timeout=60, trust_env=False)
        page = self.browser.get("/hub/login")
        form = {
            "_xsrf": self._hidden(page.text, "_xsrf"),
            "attempt": self._hidden(page.text, "attempt"),
            "code": room.keys.class_code if code is None else code,
            "name": name,
        }
        self.answer = self.browser.post("/hub/login", data=form)
        self.participant = ""
        """Their id; empty if they were not let in."""
        if self.answer.url.path == "/hub/welcome":
            home = self.browser.get("/hub/home")
            match = re.search(r"\bp-[0-9a-f]{6}\b", home.text)
            assert match is not None, f"JupyterHub's page names no participant: {home.text[:500]}"
            self.participant = match[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.close()

    @staticmethod
    def _hidden(page: str, name: str) -> str:
        match = re.search(rf'name="{name}" value="([^"]*)"', page)
        return match[1] if match else ""

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
        return ["kubectl", "--context", self.room.context, "--namespace", self.namespace]

    @property
    def pod(self) -> str:
        """The name of their server's pod."""
        argv = [*self._kubectl, "get", "pods", "--output=name"]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()[0]

    def start_server(self) -> None:
        """Start their server and wait until JupyterLab is there."""
        assert self.participant, f"nobody was let in: {self.answer.status_code} {self.answer.url}"
        self.browser.get("/hub/spawn")
        watch(self._has_lab, bool, _SERVER_SECONDS, interval=0.5)
        assert self._has_lab(), "the server did not start"

    def _has_lab(self) -> bool:
        try:
            response = self.browser.get(f"/user/{self.participant}/lab")
        except httpx2.HTTPError:  # The port-forward breaks off at times; the next look has a new connection.
            return False
        return response.status_code == 200 and f"/user/{self.participant}/lab" in str(response.url)

    def run_python(self, program: str, seconds: float = 240.0) -> str:
        """Run a program in their server's pod; gives what it printed."""
        done = subprocess.run(
            [*self._kubectl, "exec", "--stdin", self.pod, "--", "python3", "-"],
            input=program,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
