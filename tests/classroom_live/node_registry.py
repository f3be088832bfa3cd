"""A registry on this machine that the node of the lab's own cluster pulls from, and images of a class to push there.

It is crane's own, with no TLS: this machine's crane takes a private address for such a one, and the node is told so.
"""

from __future__ import annotations

import contextlib
import io
import re
import socket
import struct
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import pytest

from labkit.adapters import go, go_programs
from labkit.base.configuration import LABEL
from labkit.base.waiting import wait_until
from labkit.lab.classroom import class_bringup
from labkit.lab.classroom.class_images import ClassImage
from labkit.lab.classroom.mirror import NODE_FOLDER
from labkit.lab.lab import Lab

_PORT = re.compile(r"serving on port (\d+)")
_START_SECONDS = 30.0
_CHANGED = "changed"
_PUSHED_SAMPLE = "alpine"


@dataclass(frozen=True)
class NodeRegistry:
    """The registry.

    Args:
        path: HOST/PATH, as --registry takes it.
        process: of it.
    """

    path: str
    process: subprocess.Popen[bytes]

    def end(self) -> None:
        """Have it go away."""
        self.process.terminate()
        self.process.wait()


@contextlib.contextmanager
def node_registry(lab: Lab) -> Iterator[NodeRegistry]:
    """It, for as long as the block lasts, or until it is ended.

    Args:
        lab: whose own node pulls from it.
    """
    crane = go.ensure(go_programs.CRANE, lab.configuration.cache, lab.steps.step) / "crane"
    host = gateway(lab)
    with tempfile.TemporaryDirectory() as blobs, tempfile.TemporaryFile() as log:
        argv = [str(crane), "registry", "serve", "--address", f"{host}:0", "--disk", blobs]
        with subprocess.Popen(argv, stdout=log, stderr=log) as process:
            try:
                port = wait_until(
                    "the registry",
                    lambda: _PORT.search(_written(log)),
                    seconds=_START_SECONDS,
                    remedy=" ".join(argv),
                    why_never=lambda _: f"it ended: {_written(log)}" if process.poll() is not None else "",
                )
                assert port is not None
                address = f"{host}:{port[1]}"
                hosts = f'[host."http://{address}"]\ncapabilities = ["pull", "resolve"]\n'
                lab.cluster().put_files({f"{NODE_FOLDER}/{address}/hosts.toml": hosts.encode()})
                yield NodeRegistry(f"{address}/labkit", process)
            finally:
                process.terminate()
                lab.cluster().execute(["sh", "-c", f"rm -rf {NODE_FOLDER}/{host}:*"])


def gateway(lab: Lab) -> str:
    """This machine's address as the node has it: of the route that leads everywhere."""
    table = lab.cluster().execute(["cat", "/proc/net/route"]).stdout
    routes = (line.split() for line in table.splitlines()[1:])
    (address,) = {fields[2] for fields in routes if fields[1] == "00000000"}
    return socket.inet_ntoa(struct.pack("<L", int(address, 16)))


def _written(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace")


@contextlib.contextmanager
def changed_images(lab: Lab) -> Iterator[None]:
    """A class that is up gets other images when it is brought up meanwhile, as a newer labkit would build them.

    Of the course's images one alone is among them: all would take minutes to push.

    Args:
        lab: whose engine has them.
    """
    engine, made = lab.engine(), list[str]()

    def changed(lab: Lab, image: ClassImage) -> str:
        old = lab.configuration.image_reference(f"class-{image.name}")  # The class that is up has it.
        new = f"{old.rpartition(':')[0]}:{_CHANGED}"
        # Never the same twice: a node that has pulled an image pulls it again where it is given to it (docs/class.md).
        labels = {"labkit.changed": str(time.time_ns()), LABEL: ""}
        engine.build(_derived(old), new, arguments={}, labels=labels)
        made.append(new)
        return new

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(class_bringup, "ensure_class_image", changed)
        patch.setattr(lab, "catalogue", {_PUSHED_SAMPLE: lab.catalogue[_PUSHED_SAMPLE]})
        try:
            yield
        finally:
            for name in made:
                engine.remove_image(name)


def _derived(reference: str) -> bytes:
    """The context of a build that changes nothing but the labels."""
    content, dockerfile = io.BytesIO(), f"FROM {reference}\n".encode()
    with tarfile.open(fileobj=content, mode="w") as tar:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(dockerfile)
        tar.addfile(member, io.BytesIO(dockerfile))
    return content.getvalue()
