"""Building the Go programs that the kit brings along, from modules pinned by go.sum, each built once."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from labkit.adapters import debian
from labkit.adapters.build_lock import build_lock
from labkit.adapters.processes import run, run_program, run_showing
from labkit.base.errors import LabFailed, MachineLacks, remedy_of_system
from labkit.base.fetching import fetching, fetching_remedy
from labkit.base.resources import CLUSTER, require, restoring
from labkit.base.scratch import scratch_folder
from labkit.show.steps import Tally

_NODE = CLUSTER / "node"
_MUCH_MEMORY = 8 << 30
_LAST_LINES = 12
_PACKAGE = re.compile(r"[^\s#:]+")
"""A line of `go build -v` that names a package, and is no message."""

_GO_REMEDY = "install Go 1.26 or later from your system's packages or go.dev, and put `go` on PATH"


@dataclass(frozen=True)
class GoProgram:
    """A program, or several of one module, that `go build` makes.

    Args:
        name: names it in progress lines and in the cache.
        module: the folder of its go.mod.
        packages: the packages to build; each makes one file named after its last part.
        tags: build tags.
        variables: `-X` settings of the linker; `{PATH}` becomes the version that go.mod requires of that
            module, `{PATH:minor}` the middle part of it.
        cgo: whether it needs a C compiler.
        needs: Debian packages with the C headers it needs.
    """

    name: str
    module: Path
    packages: tuple[str, ...]
    tags: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    cgo: bool = False
    needs: tuple[str, ...] = ()


KUBERNETES = GoProgram(
    "Kubernetes",
    _NODE / "kubernetes",
    ("labkit/node/kubernetes/kube",),
    variables=(
        ("k8s.io/component-base/version.gitVersion", "{k8s.io/kubernetes}"),
        ("k8s.io/component-base/version.gitMajor", "1"),
        ("k8s.io/component-base/version.gitMinor", "{k8s.io/kubernetes:minor}"),
    ),
)
KUBECTL = GoProgram(
    "kubectl",
    _NODE / "kubernetes",
    ("labkit/node/kubernetes/kubectl",),
    variables=KUBERNETES.variables,
)
_CONTAINERD = "github.com/containerd/containerd/v2"
_CNI = "github.com/containernetworking/plugins/plugins"
CONTAINERD = GoProgram(
    "containerd",
    _NODE / "runtime",
    (
        *(f"{_CONTAINERD}/cmd/{program}" for program in ("containerd", "containerd-shim-runc-v2", "ctr")),
        *(f"{_CNI}/{plugin}" for plugin in ("main/bridge", "main/loopback", "ipam/host-local", "meta/portmap")),
    ),
    tags=("no_btrfs", "no_devmapper", "no_zfs"),
    variables=((f"{_CONTAINERD}/version.Version", f"{{{_CONTAINERD}}}"),),
)
RUNC = GoProgram(
    "runc",
    _NODE / "runtime",
    ("github.com/opencontainers/runc",),
    tags=("seccomp",),
    cgo=True,
    needs=("gcc", "libc6-dev", "pkg-config", "libseccomp-dev"),
)
PAUSE = GoProgram("pause", _NODE / "pause", ("labkit/node/pause",))
KIND = GoProgram("kind", CLUSTER / "tools", ("sigs.k8s.io/kind",))
CRANE = GoProgram("crane", CLUSTER / "tools", ("github.com/google/go-containerregistry/cmd/crane",))
REGISTRY = GoProgram("registry", CLUSTER / "registry", ("labkit/registry",))
SAMPLE_APP = GoProgram("sampleapp", CLUSTER / "sampleapp", ("labkit/sampleapp",))
PROBE = GoProgram("probe", CLUSTER / "probe", ("labkit/probe",))


def module_version(module: Path, path: str) -> str:
    """The version of a required module, with its v, as go.mod says it.

    Raises:
        LabFailed: go.mod does not require it.
    """
    match = re.search(
        rf"^\s*(?:require )?{re.escape(path)} (v\S+)", (module / "go.mod").read_text(encoding="utf-8"), re.MULTILINE
    )
    if match is None:
        raise LabFailed(
            f"Reading {module / 'go.mod'}",
            f"it does not require {path}",
            f"restore it\n  {restoring(module / 'go.mod')}",
        )
    return match.group(1)


def content_key(program: GoProgram) -> str:
    """What the built files depend on besides the compiler, as a short hexadecimal hash."""
    digest = hashlib.sha256(repr((program.packages, program.tags, program.variables, program.cgo)).encode())
    digest.update(os.uname().machine.encode())
    for path in sorted(require(program.module).rglob("*")):
        if path.is_file() and not path.name.endswith("_test.go"):
            digest.update(f"{path.relative_to(program.module)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


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
    return (
        f"make room, fix the folder's permissions, or name another in LABKIT_CACHE\n  df -h {shlex.quote(str(cache))}"
    )


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


def build_flags(program: GoProgram) -> list[str]:
    """The flags with which Go builds a program.

    The compiler's are the same for all of them: what two programs share is compiled once. None of them changes what
    runs, so they are not part of `content_key`: what the linker leaves out (-s -w) need not be compiled.
    """
    settings = [f"-X {name}={_fill(program, value)}" for name, value in program.variables]
    flags = ["-trimpath", "-gcflags=all=-dwarf=false", "-ldflags", " ".join(["-s", "-w", *settings])]
    if program.tags:
        flags += ["-tags", ",".join(program.tags)]
    return flags


def _memory() -> int:
    """The machine's memory in bytes; 0 if it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _fill(program: GoProgram, value: str) -> str:
    if not value.startswith("{"):
        return value
    path, _, part = value[1:-1].partition(":")
    version = module_version(program.module, path)
    return version.split(".")[1] if part == "minor" else version


def _remove_older(program: GoProgram, current: Path) -> None:
    for folder in _others(current.parent.glob(f"{program.name}-*"), current):
        shutil.rmtree(folder, ignore_errors=True)


def _others(folders: Iterable[Path], current: Path) -> list[Path]:
    return [folder for folder in folders if folder != current]
