"""Compiling Kubernetes while the environment is made: begun by tools/environment.sh, in the system's own Python.

That Python has its standard library alone, so nothing that is imported here may need a package. `labkit up` takes what
is built, and waits for what is being built (labkit/adapters/build_lock.py). What goes wrong here is tried again there,
and told there: this ends without a word. It ends, too, with the `make` that it was begun for.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from labkit.adapters import go, go_programs
from labkit.adapters.build_lock import LockFile
from labkit.adapters.cancellation import Cancellation
from labkit.adapters.processes import give_way
from labkit.base.errors import LabError
from labkit.show.steps import Tally

_PROBE = "https://registry.k8s.io/v2/"
_PROBE_SECONDS = 4.0
_LOOK_SECONDS = 0.2
_END_SECONDS = 8.0


def cache_folder(environment: Mapping[str, str]) -> Path:
    """The kit's cache on Linux, as `Configuration.from_environment` has it.

    Args:
        environment: the variables.
    """
    if folder := environment.get("LABKIT_CACHE"):
        return Path(folder)
    cache = environment.get("XDG_CACHE_HOME", "")
    return Path(cache if cache.strip() else Path("~/.cache").expanduser(), "labkit")


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether Kubernetes will have to be compiled here, as far as can be told without an engine.

    Args:
        environment: the variables; LABKIT_SOURCE decides, and whoever names a registry has one.
    """
    if asked := environment.get("LABKIT_SOURCE"):
        return asked == "stand-in"
    return not environment.get("LABKIT_REGISTRY") and not _registry_answers()


def _registry_answers() -> bool:
    """Whether a registry is there; a page that some proxy answers with is none."""
    try:
        with urllib.request.urlopen(_PROBE, timeout=_PROBE_SECONDS) as response:
            return "html" not in response.headers.get("Content-Type", "")
    except urllib.error.HTTPError as error:
        return error.code == 401
    except (OSError, ValueError):
        return False


def end_early_compile(cache: Path) -> None:
    """End what this module does in another process, as when nobody needs it any more.

    Args:
        cache: the kit's cache folder.
    """
    with contextlib.suppress(OSError, ValueError), contextlib.closing(LockFile(_lock(cache))) as lock:
        if not lock.acquire():
            os.kill(int(lock.read()), signal.SIGTERM)


def _lock(cache: Path) -> Path:
    return cache / "locks" / "early"


def compile_beside(cache: Path, ends_with: int) -> None:
    """Fetch and compile, until that is done, or another process has ended, or somebody asks for the end.

    Args:
        cache: the kit's cache folder.
        ends_with: the other process.
    """
    _lock(cache).parent.mkdir(parents=True, exist_ok=True)
    cancellation, ended = Cancellation(), threading.Event()

    def work() -> None:
        try:
            give_way()
            with contextlib.suppress(LabError, OSError), cancellation:
                go.fetch_modules(go_programs.KUBERNETES, lambda _: contextlib.nullcontext(Tally()))
                go.build(go_programs.KUBERNETES, cache, Tally())
        finally:
            ended.set()

    with contextlib.closing(LockFile(_lock(cache))) as lock, contextlib.closing(_Process(ends_with)) as other:
        if not lock.acquire():
            return  # Another make has begun it.
        lock.write(str(os.getpid()))
        asked = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: asked.set())
        threading.Thread(target=work, daemon=True).start()
        while not ended.wait(_LOOK_SECONDS):
            if asked.is_set() or other.has_ended():
                cancellation.cancel()
                ended.wait(_END_SECONDS)
                return


class _Process:
    """A process that is none of ours; its number is not taken for a later one's."""

    def __init__(self, pid: int) -> None:
        self._descriptor = os.pidfd_open(pid)

    def close(self) -> None:
        os.close(self._descriptor)

    def has_ended(self) -> bool:
        return bool(select.select([self._descriptor], [], [], 0)[0])


def main() -> None:
    """Compile, if it is wanted."""
    if sys.platform != "linux":
        return
    cache = cache_folder(os.environ)
    if go.find_built(go_programs.KUBERNETES, cache) is None and is_wanted(os.environ):
        compile_beside(cache, ends_with=int(sys.argv[1]))


if __name__ == "__main__":
    main()
