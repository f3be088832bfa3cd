"""The only file that runs kind."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from labkit.adapters import go, go_programs
from labkit.adapters.processes import run_program
from labkit.adapters.program_versions import minor_of, printed_version, version_in
from labkit.base.errors import LabFailed
from labkit.base.programs import find_program
from labkit.core.mappings import Manifest, ManifestPart

_CREATE_SECONDS = 300.0
_KEPT_LINES, _SHOWN_LINES = 200, 5
_PLACE = re.compile(r"\t\S+\.(go|s):\d+")
_DELETE_SECONDS = 60.0


_CONTROL_PLANE = {
    "kind": "ClusterConfiguration",
    # A lab holds nothing that a crash of the machine could lose, and each start waits for hundreds of writes.
    "etcd": {"local": {"extraArgs": [{"name": "unsafe-no-fsync", "value": "true"}]}},
    # Each has no rival, and would wait 15 s after every start for its predecessor's lease to run out.
    "scheduler": {"extraArgs": [{"name": "leader-elect", "value": "false"}]},
    "controllerManager": {
        "extraArgs": [
            {"name": "leader-elect", "value": "false"},
            # kind's own setting, which this list replaces.
            {"name": "enable-hostpath-provisioner", "value": "true"},
        ]
    },
}


def cluster_config(*, embedded: bool, cgroup_v1: bool) -> Manifest:
    """kind's configuration for the lab's cluster of one node.

    Args:
        embedded: whether the node image is the kit's own, which runs without systemd and brings its own network.
        cgroup_v1: whether this machine has version 1 control groups, on which a kubelet since 1.35 refuses to
            start unless told otherwise (kubernetes/enhancements: KEP-5573).

    Returns:
        The document as kind's v1alpha4 API has it; it changes no more of kind's defaults than is needed.
    """
    kubelet: ManifestPart = {}
    if embedded:
        kubelet["cgroupDriver"] = "cgroupfs"
    if cgroup_v1:
        kubelet["failCgroupV1"] = False
    patches: list[ManifestPart] = [_CONTROL_PLANE]
    if kubelet:
        patches.append({"kind": "KubeletConfiguration", **kubelet})
    # Whatever reads YAML reads JSON, and needs no package to write it.
    node = {"role": "control-plane", "kubeadmConfigPatches": [json.dumps(patch) for patch in patches]}
    networking: ManifestPart = {"apiServerAddress": "127.0.0.1"}
    if embedded:
        networking["disableDefaultCNI"] = True
    return {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "networking": networking, "nodes": [node]}


@dataclass(frozen=True)
class Kind:
    """kind for one cluster, with the kit's own kubeconfig.

    Args:
        program: path of the kind program.
        cluster: name of the cluster.
        kubeconfig: the kit's kubeconfig file; the user's is never touched.
        provider: the engine's command, by which kind makes nodes: docker or podman.
        environment: in which kind and that command run.
    """

    program: str
    cluster: str
    kubeconfig: Path
    provider: str = "docker"
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def exists(self) -> bool:
        """Whether kind knows the cluster, be it running, stopped or incomplete."""
        return self.cluster in self._run("get", "clusters").split()

    def create(self, image: str, config: Manifest) -> None:
        """Create the cluster; what a failure leaves is repaired or removed by the next `up`.

        Args:
            image: the node image.
            config: from `cluster_config`.

        Raises:
            LabFailed: kind's last lines are in the error.
        """
        config_file = self.kubeconfig.with_name("kind.yaml")
        config_file.write_text(json.dumps(config, indent=1), encoding="utf-8")
        self._run(
            "create",
            "cluster",
            "--image",
            image,
            "--config",
            str(config_file),
            *self._where(),
            deadline=_CREATE_SECONDS,
        )
        self.kubeconfig.chmod(0o600)

    def export_kubeconfig(self) -> None:
        """Write the kit's kubeconfig again.

        Raises:
            LabFailed: the node has none, as when its making was interrupted.
        """
        self._run("export", "kubeconfig", *self._where())
        self.kubeconfig.chmod(0o600)

    def delete(self) -> None:
        """Delete the cluster; nothing if it does not exist."""
        self._run("delete", "cluster", *self._where(), deadline=_DELETE_SECONDS)

    def _where(self) -> list[str]:
        return ["--name", self.cluster, "--kubeconfig", str(self.kubeconfig)]

    def _run(self, *arguments: str, deadline: float = 30.0) -> str:
        try:
            return run_program(
                [self.program, *arguments],
                doing=f"Running kind {' '.join(arguments[:2])}",
                remedy="look at the lab, then try again\n  labkit doctor\n  labkit up",
                environment={
                    **self.environment,
                    "KIND_EXPERIMENTAL_PROVIDER": self.provider,
                    "KUBECONFIG": str(self.kubeconfig),
                },
                deadline=deadline,
                last_lines=_KEPT_LINES,
            )
        except LabFailed as error:
            error.came_back = without_stack(error.came_back)
            raise


_NODE_IN_THE_WAY = ("already exist for a cluster with the name", "is already in use by")
# kind looks first (kind:pkg/cluster/internal/create/create.go); the engine refuses a name that another request has
# reserved, also while its container cannot be seen yet (moby:daemon/names.go; podman the same, by other words).


def is_node_in_the_way(error: LabFailed) -> bool:
    """Whether a cluster could not be created because a node of its name is there, or just being made."""
    return any(text in error.came_back for text in _NODE_IN_THE_WAY)


def without_stack(printed: str) -> str:
    """The last lines of what kind printed, without where in its source a program of Go's was.

    kubeadm ends with such a list of functions and lines, and what went wrong stands above it.

    Args:
        printed: all of it.
    """
    lines = printed.splitlines()
    places = [_PLACE.fullmatch(line) is not None for line in lines]
    kept = [
        line
        for line, is_place, is_next_one in zip(lines, places, [*places[1:], False], strict=True)
        if line.strip() and not is_place and not is_next_one
    ]
    return "\n".join(kept[-_SHOWN_LINES:])


def kind_version(program: str) -> str | None:
    """The version of a kind program with its v, None if it does not say."""
    match = re.search(r"v\d+\.\d+\.\d+", printed_version(program, "version"))
    return match[0] if match else None


def wanted_version() -> str:
    """The version of kind that the kit was tested with, with its v."""
    return go_programs.module_version(go_programs.KIND.module, "sigs.k8s.io/kind")


def find_kind(cache: Path) -> str | None:
    """A kind program that will do: our own once it is built, else one on PATH, at the tested minor version or later."""
    if (built := go.find_built(go_programs.KIND, cache)) is not None:
        return str(built / "kind")
    on_path = find_program("kind")
    version = version_in(kind_version(on_path) or "") if on_path else None
    wanted = version_in(wanted_version())
    return on_path if version and wanted and version >= minor_of(wanted) else None
