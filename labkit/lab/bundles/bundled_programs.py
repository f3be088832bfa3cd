"""The Go programs that a bundle holds, with what they are and under which licence."""

from __future__ import annotations

from labkit.adapters import go_programs
from labkit.adapters.go_programs import GoProgram
from labkit.base.resources import kit_version
from labkit.lab.bundles.bundle_manifest import PROGRAMS

_KIT = "the kit's own"
_APACHE = "Apache-2.0"

_UPSTREAM: dict[str, str] = {
    go_programs.KUBERNETES.name: "k8s.io/kubernetes",
    go_programs.KUBECTL.name: "k8s.io/kubernetes",
    go_programs.CONTAINERD.name: "github.com/containerd/containerd/v2",
    go_programs.RUNC.name: "github.com/opencontainers/runc",
    go_programs.KIND.name: "sigs.k8s.io/kind",
    go_programs.CRANE.name: "github.com/google/go-containerregistry",
}
"""The module whose version each has, by its name. All of these are under the Apache licence."""

_ALL = (
    go_programs.KUBERNETES,
    go_programs.KUBECTL,
    go_programs.CONTAINERD,
    go_programs.RUNC,
    go_programs.PAUSE,
    go_programs.KIND,
    go_programs.CRANE,
    go_programs.REGISTRY,
    go_programs.SAMPLE_APP,
    go_programs.PROBE,
)


def part_name(program: GoProgram) -> str:
    """The name of a program's part, which says what it was built from."""
    return f"{PROGRAMS}{program.name}-{go_programs.content_key(program)}.tar.gz"


def bundled_programs() -> dict[str, GoProgram]:
    """The programs that this kit runs on a machine, by the names of their parts."""
    return {part_name(program): program for program in _ALL}


def version_and_licence(program: GoProgram) -> tuple[str, str]:
    """The version of a program, and its licence; `go version -m` lists the modules that it links."""
    module = _UPSTREAM.get(program.name)
    if module is None:
        return kit_version(), _KIT
    return go_programs.module_version(program.module, module), _APACHE
