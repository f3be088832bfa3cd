"""Building the Go programs that the kit brings along, from modules pinned by go.sum, each built once."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from labkit.adapters import debian
from labkit.adapters.build_lock import build_lock
from labkit.adapters.go_programs import GoProgram, build_flags, content_key
from labkit.adapters.processes import run, run_program, run_showing
from labkit.base.errors import LabFailed, MachineLacks, remedy_of_system
from labkit.base.fetching import fetching, fetching_remedy
from labkit.base.scratch import scratch_folder
from labkit.show.steps import Tally

_MUCH_MEMORY = 8 << 30
_LAST_LINES = 12
_PACKAGE = re.compile(r"[^\s#:]+")
"""A line of `go build -v` that names a package, and is no message."""

_GO_REMEDY = "install Go 1.26 or later from your system's packages or go.dev, and put `go` on PATH"


def find_built(program: GoProgram, cache: Path) -> Path | None:
    """The folder with the program's files, if they have been built from what the sources are now."""
    folder = cache / "programs" / f"{program.name}-{content_key(program)}"
    return folder if folder.is_dir() else None


def fetch_modules(program: GoProgram, step: Callable[[str], AbstractContextManager[Tally]]) -> None:
    """Fetch the modules that a program is built from, as a step of its own; nothing is compiled.

    Raises:
        MachineLacks: no Go compiler.
        LabFailed: Go's last lines are in the error.
    """
    with step(f"{program.name}, its Go modules fetched"):
        _go(program, "list", ["-deps"], "Fetching the Go modules of")


def build(program: GoProgram, cache: Path, tally: Tally | None = None) -> Path:
    """Build a program, or find it built.

    The result appears under its name only when it is whole, so an interrupted build leaves nothing that
    looks finished; the compiler's own cache lets the next one resume. A build by another process is waited for.

    Args:
        program: what to build.
        cache: the kit's cache folder.
        tally: told how many packages are compiled; counting them takes Go some seconds.

    Returns:
        The folder with the program's files.

    Raises:
        MachineLacks: no Go compiler, or no C headers.
        LabFailed: the compiler's last lines are in the error.
    """
    if (built := find_built(program, cache)) is not None:
        return built
    _find_go()
    missing = [package for package in program.needs if debian.can_add_packages() and not debian.has_package(package)]
    if missing:
        debian.add_packages(*missing, why=f"what {program.name} is built with")
    target = cache / "programs" / f"{program.name}-{content_key(program)}"
    locks = cache / "locks"
    try:
        for folder in (target.parent, locks):
            folder.mkdir(parents=True, exist_ok=True)
        with build_lock(locks / program.name, f"Building {program.name}", tally or Tally()) as shared:
            if find_built(program, cache) is None:
                _build_into(program, target, shared if tally else None)
    except OSError as error:
        remedy = remedy_of_system(error, _cache_remedy(cache))
        raise LabFailed(f"Building {program.name}", error.strerror or str(error), remedy) from error
    return target


def _build_into(program: GoProgram, target: Path, tally: Tally | None) -> None:
    with scratch_folder(target.parent) as folder:
        if tally is None:
            _go(program, "build", ["-o", f"{folder}/"], "Building")
        else:
            _build_counting(program, folder, tally)
        staged = folder / "files"
        staged.mkdir()
        for path in [path for path in folder.iterdir() if path.is_file()]:
            path.rename(staged / path.name)
        _remove_older(program, target)
        staged.rename(target)


def ensure(program: GoProgram, cache: Path, step: Callable[[str], AbstractContextManager[Tally]]) -> Path:
    """Find a program built, or build it as a step of its own; gives the folder with its files."""
    if (built := find_built(program, cache)) is not None:
        return built
    with step(f"{program.name}, compiled from its Go module") as tally:
        return build(program, cache, tally)


def _find_go() -> str:
    go = shutil.which("go")
    if go is None:
        raise MachineLacks("Looking for the Go compiler", "there is no `go` on PATH", _GO_REMEDY)
    return go


def _cache_remedy(cache: Path) -> str:
    folder = shlex.quote(str(cache))
    return f"free some space, fix the folder's permissions, or name another in LABKIT_CACHE\n  df -h {folder}"


def _remedy(program: GoProgram) -> str:
    return (
        f"run it yourself to see all of its output; Go's modules must be reachable\n"
        f"  (cd {shlex.quote(str(program.module))} && go build -o /dev/null {program.packages[0]})"
    )


def _go(program: GoProgram, command: str, options: list[str], doing: str) -> str:
    """Run a command of Go's on a program's packages; gives what it printed."""
    with fetching():
        return run_program(
            [_find_go(), command, *build_flags(program), *options, *program.packages],
            doing=f"{doing} {program.name}",
            remedy=_remedy(program),
            environment=build_environment(program),
            folder=program.module,
            last_lines=_LAST_LINES,
        )


def _build_counting(program: GoProgram, folder: Path, tally: Tally) -> None:
    packages, stale = _count_packages(program)
    compiled = 0
    messages: list[str] = []

    def show(line: str) -> None:
        nonlocal compiled
        if _PACKAGE.fullmatch(line):
            compiled += 1
            tally.count(min(compiled, stale), stale, "packages", before=packages - stale)
        elif line:
            messages.append(line)

    argv = [_find_go(), "build", "-v", *build_flags(program), "-o", f"{folder}/", *program.packages]
    tally.count(0, stale, "packages", before=packages - stale)
    status, _ = run_showing(argv, program.module, show, build_environment(program))
    if status != 0:
        came_back = "\n".join(messages[-_LAST_LINES:]) or f"go ended with status {status}"
        remedy = fetching_remedy("\n".join(messages), _remedy(program))
        raise LabFailed(f"Building {program.name}", came_back, remedy)


def _count_packages(program: GoProgram) -> tuple[int, int]:
    """How many packages a program has, and how many of them are not in the compiler's cache; 0 if Go cannot say."""
    argv = [_find_go(), "list", *build_flags(program), "-deps", "-f", "{{.Stale}}", *program.packages]
    stale = run(argv, environment=build_environment(program), folder=program.module).stdout.split()
    return len(stale), stale.count("true")


def build_environment(program: GoProgram) -> dict[str, str]:
    """The environment in which Go builds a program.

    With enough memory the compiler's collector of garbage rests: that takes a tenth of the work off, and what one
    compiler takes at most was measured as 0.8 GB, the linker 3.4 GB. Who has set these variables decides for himself.
    """
    eager = {} if _memory() < _MUCH_MEMORY else {"GOGC": "off", "GOMEMLIMIT": "3GiB"}
    return {
        **eager,
        **os.environ,
        "CGO_ENABLED": "1" if program.cgo else "0",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOWORK": "off",
    }


def _memory() -> int:
    """The machine's memory in bytes; 0 if it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _remove_older(program: GoProgram, current: Path) -> None:
    for folder in _others(current.parent.glob(f"{program.name}-*"), current):
        shutil.rmtree(folder, ignore_errors=True)


def _others(folders: Iterable[Path], current: Path) -> list[Path]:
    return [folder for folder in folders if folder != current]
