"""Images for the comparison: the alpine sample with other account files, all in one archive."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Iterable
from typing import Any

from labkit.base.configuration import Configuration
from tests.parity.cases import Case

_REPOSITORY = "localhost/labkit/parity"
_CTR = ["ctr", "--namespace=k8s.io", "images"]


class ParityImages:
    """The images of some cases, in the engine and in the node; removed at the end.

    Args:
        configuration: the lab's.
        node: the name of the container that is the cluster's node.
        base: the reference of the image that they are made from; it has a shell.
    """

    def __init__(self, configuration: Configuration, node: str, base: str) -> None:
        self._node, self._labels = node, configuration.labels
        self._layers, self._config = _save(base)
        self._made: set[str] = set()

    def reference(self, case: Case) -> str:
        """The name of a case's image."""
        return f"{_REPOSITORY}:{_hash(json.dumps(case['image'], sort_keys=True).encode())[:24]}"

    def ensure(self, cases: Iterable[Case]) -> None:
        """Make the images of cases, where they are not there yet."""
        wanted = {self.reference(case): case["image"] for case in cases}
        missing = {name: image for name, image in wanted.items() if name not in self._made}
        if not missing:
            return
        archive = self._archive(missing)
        self._docker(["load", "--quiet"], archive)
        node = ["exec", "--interactive", self._node]
        self._docker([*node, *_CTR, "import", "--all-platforms", "--snapshotter=overlayfs", "-"], archive)
        self._made |= missing.keys()

    def remove(self) -> None:
        """Remove them all."""
        names = sorted(self._made)
        for start in range(0, len(names), 100):
            some = names[start : start + 100]
            self._docker(["rmi", "--force", *some])
            self._docker(["exec", self._node, *_CTR, "rm", *some])
        self._made.clear()

    def _docker(self, arguments: list[str], data: bytes = b"") -> None:
        done = subprocess.run(["docker", *arguments], input=data, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"docker {' '.join(arguments[:4])}: {done.stderr.decode()[-500:]}")

    def _archive(self, images: dict[str, Any]) -> bytes:
        """What `docker save` would write of these images."""
        packed = io.BytesIO()
        manifest = []
        with tarfile.open(fileobj=packed, mode="w") as tar:
            written: set[str] = set()

            def write(name: str, data: bytes) -> str:
                if name not in written:
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    tar.addfile(info, io.BytesIO(data))
                    written.add(name)
                return name

            base = [write(f"{_hash(layer)}.tar", layer) for layer in self._layers]
            for name, image in images.items():
                layer = _layer(image)
                config = json.dumps(self._config_of(image["user"], layer)).encode()
                layers = [*base, write(f"{_hash(layer)}.tar", layer)]
                manifest.append(
                    {"Config": write(f"{_hash(config)}.json", config), "RepoTags": [name], "Layers": layers}
                )
            write("manifest.json", json.dumps(manifest).encode())
        return packed.getvalue()

    def _config_of(self, user: str, layer: bytes) -> dict[str, Any]:
        diff_ids = [*self._config["rootfs"]["diff_ids"], f"sha256:{_hash(layer)}"]
        return {
            "architecture": self._config["architecture"],
            "os": "linux",
            "config": {"User": user, "Cmd": ["/bin/sh"], "Labels": self._labels},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }


def _layer(image: dict[str, Any]) -> bytes:
    """A layer with the account files; one that is absent is whited out."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("passwd", "group"):
            text = image[name]
            info = tarfile.TarInfo(f"etc/{name}" if text is not None else f"etc/.wh.{name}")
            data = (text or "").encode()
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def _save(reference: str) -> tuple[list[bytes], dict[str, Any]]:
    """The layers and the configuration of an image."""
    saved = subprocess.run(["docker", "save", reference], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(saved)) as tar:

        def read(name: str) -> bytes:
            file = tar.extractfile(name)
            assert file is not None, name
            return file.read()

        manifest = json.loads(read("manifest.json"))[0]
        return [read(name) for name in manifest["Layers"]], json.loads(read(manifest["Config"]))


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
