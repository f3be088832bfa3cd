"""The only file that runs the classroom's registry: starting it, filling it, stopping it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from labkit.adapters import go, go_programs
from labkit.adapters.engine import Engine
from labkit.adapters.processes import Popen
from labkit.adapters.started_programs import start_server
from labkit.base.addresses import fingerprint_of, is_loopback, read_address
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.files import read_own_json, write_atomically
from labkit.base.locks import locked
from labkit.base.waiting import watch
from labkit.core.image_reference import ImageReference
from labkit.lab.samples.catalogue import Recipe
from labkit.show.steps import Steps

_START_SECONDS = 15.0
_POLL_SECONDS = 0.05
_LISTENING = re.compile(r"listening (\S+) filling (\S+)")


@dataclass(frozen=True)
class Serving:
    """A registry that is up.

    Args:
        pid: of its process.
        address: where the class takes images from.
        filling: where the kit puts them; on loopback.
        fingerprint: of its certificate, as sha256:HEX; empty on loopback, where there is none.
    """

    pid: int
    address: str
    filling: str
    fingerprint: str


@dataclass(frozen=True)
class Registry:
    """The classroom's registry on this machine.

    Args:
        configuration: whose state remembers it, and whose images it serves.
        steps: told what is going on.
    """

    configuration: Configuration
    steps: Steps

    @property
    def _folder(self) -> Path:
        return self.configuration.state / "registry"

    def serving(self) -> Serving | None:
        """The registry that is up, None if none is; a process that is gone, or is another's by now, is none."""
        try:
            serving = Serving(**read_own_json(self._folder / "registry.json"))
        except (OSError, ValueError, TypeError):
            return None
        return serving if self._is_own(serving.pid) else None

    def up(self, listen: str, engine: Engine, catalogue: Mapping[str, Recipe]) -> tuple[Serving, list[str]]:
        """Start it and fill it with the lab's images; one that is up at that address is filled again.

        Args:
            listen: ADDRESS or ADDRESS:PORT, an address of this machine.
            engine: has the images.
            catalogue: says under which names they are upstream.

        Returns:
            The registry, and the names under which images lie in it.

        Raises:
            Misuse: it is not an address of this machine.
            LabFailed: it does not start, or an image cannot be pushed.
        """
        address = read_address(listen)
        # Of two at once the second fills what the first has started.
        with self._locked():
            return self._up(address, engine, catalogue)

    def _up(self, address: str, engine: Engine, catalogue: Mapping[str, Recipe]) -> tuple[Serving, list[str]]:
        serving = self.serving()
        if serving is None or serving.address != address:
            self._end()
            serving = self._start(address)
        filled = []
        for recipe in catalogue.values():
            image = self.configuration.image_reference(recipe.name)
            # What is derived from an upstream image is derived again on each laptop; here it would take its name.
            is_derived = (recipe.folder / "Dockerfile.upstream").is_file()
            if recipe.upstream and not is_derived and engine.image(image) is not None:
                name = ImageReference.parse(recipe.upstream).path
                with self.steps.step(f"{name} into the registry"):
                    engine.push(image, f"{serving.filling}/{name}")
                filled.append(name)
        return serving, filled

    def down(self) -> bool:
        """Stop it and remove what it has kept; whether one was up."""
        if not self._folder.exists() and not self._processes():
            return False  # The lock would make the folder of a lab that is not there.
        with self._locked():
            was_up = self._end()
            shutil.rmtree(self._folder, ignore_errors=True)
        return was_up

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.configuration.state / "registry.lock", on_wait=self.steps.note)

    def _end(self) -> bool:
        """End all registries of this lab; whether there was one.

        Whoever starts one may be killed before it has written that down, so they are looked for among the processes.
        """
        pids = self._processes()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        watch(self._processes, lambda left: not left, _START_SECONDS, interval=_POLL_SECONDS)
        return bool(pids)

    def _processes(self) -> list[int]:
        pids = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
        return [pid for pid in pids if self._is_own(pid)]

    def _is_own(self, pid: int) -> bool:
        """Whether a process is a registry of this lab."""
        try:
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):  # It has ended, or the number, which a file says, is none.
            return False
        return os.fsencode(self._blobs) in argv

    @property
    def _blobs(self) -> Path:
        return self._folder / "blobs"

    def _start(self, address: str) -> Serving:
        program = go.ensure(go_programs.REGISTRY, self.configuration.cache, self.steps.step) / "registry"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        certificate, log = self._folder / "certificate.pem", self._folder / "log"
        certificate.unlink(missing_ok=True)
        command = [str(program), "-listen", address, "-folder", str(self._blobs)]
        beyond = not is_loopback(address)
        if beyond:
            command += ["-certificate", str(certificate), "-key", str(self._folder / "key.pem")]
        with log.open("wb") as output:
            process = start_server(command, output)
        try:
            address, filling = self._wait(process, log)
        except BaseException:
            process.kill()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        fingerprint = fingerprint_of(certificate.read_text(encoding="ascii")) if beyond else ""
        serving = Serving(process.pid, address, filling, fingerprint)
        write_atomically(self._folder / "registry.json", json.dumps(asdict(serving)))
        return serving

    def _wait(self, process: Popen[bytes], log: Path) -> tuple[str, str]:
        """Wait until it listens; gives its two addresses."""

        def look() -> str:
            return log.read_text(encoding="utf-8", errors="replace")

        def decides(printed: str) -> bool:
            return _LISTENING.search(printed) is not None or process.poll() is not None

        printed = watch(look, decides, _START_SECONDS, interval=_POLL_SECONDS)
        if (match := _LISTENING.search(printed)) and process.poll() is None:
            process.returncode = 0  # It outlives us, and Python need not wait for it.
            return match[1], match[2]
        last = "\n".join(look().strip().splitlines()[-2:])
        remedy = "give an address of this machine and a port that is free\n  labkit registry up --listen ADDRESS:PORT"
        raise LabFailed("Starting the registry", last or "it did not start", remedy)
