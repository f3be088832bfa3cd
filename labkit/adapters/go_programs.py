"""The Go programs that the kit brings along, and what each is built from and with (`go.py` builds them)."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from labkit.base.errors import LabFailed
from labkit.base.resources import CLUSTER, require, restoring

_NODE = CLUSTER / "node"


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


def _fill(program: GoProgram, value: str) -> str:
    if not value.startswith("{"):
        return value
    path, _, part = value[1:-1].partition(":")
    version = module_version(program.module, path)
    return version.split(".")[1] if part == "minor" else version
