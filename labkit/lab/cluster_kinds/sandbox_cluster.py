"""A participant's part of a cluster that belongs to others: a service account, one namespace, and no node.

What is not to be had there says so in a sentence, with the reason; nothing is done in its place.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import yaml

from labkit.adapters.kube import Kube, SandboxKube
from labkit.adapters.kube.nodes import Readiness
from labkit.base.configuration import Configuration, Sandbox
from labkit.base.errors import LabError, LabFailed, NotInAClass
from labkit.base.files import write_atomically
from labkit.core.run_results import ExecResult
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.samples.build import ImageBuilder

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod has what its service account needs (kubernetes.io, "Accessing the Kubernetes API from a Pod")."""

_SHARED = "this lab is your part of a class's cluster, and {part} everybody's"
_INSTRUCTOR = "leave it as it is, or tell your instructor; with a lab of your own, on a laptop, you can do it"


class SandboxCluster:
    """The namespace of a participant, on the service account of the pod in which this runs.

    Args:
        configuration: names the lab, and says where its files lie.
        sandbox: the participant's.
        account: the folder of the pod's service account.
        environment: of this process: it says where the API server is.
    """

    node = ""
    containers: frozenset[str] = frozenset()

    def __init__(
        self,
        configuration: Configuration,
        sandbox: Sandbox,
        account: Path = ACCOUNT,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._configuration, self._sandbox = configuration, sandbox
        self._account, self._environment = account, environment

    def exists(self) -> bool:
        """Yes: a class has it before its participants come."""
        return True

    def look(self, answer_seconds: float = 0.0) -> State:
        """Up, as soon as the API server answers; what is wrong with it is not for a participant to see."""
        try:
            with self.kube(patient=False) as kube:
                return State.UP if kube.readiness() is Readiness.READY else State.BROKEN
        except LabError:
            return State.BROKEN

    def source(self) -> str | None:
        """The class: nobody here has made a node."""
        return "the class's"

    def log(self, lines: int = 200) -> str:
        """Empty: a participant does not see the node."""
        return ""

    def abandoned_volumes(self) -> list[str]:
        """None: no engine has this cluster's node."""
        return []

    def kube(self, *, patient: bool = True) -> Kube:
        """The cluster's API; close it. The kit's kubeconfig is written if it is not as it should be.

        Args:
            patient: whether requests wait for an API server that is being started again.

        Raises:
            LabFailed: this is no pod of a class, or the kubeconfig cannot be read.
        """
        self._write_kubeconfig()
        kube = SandboxKube(self._configuration.kubeconfig, self._configuration.name, self._sandbox.namespace)
        if patient:
            kube.wait_for_restart()
        return kube

    def ensure(self, samples: ImageBuilder) -> None:
        """Nothing: the class's cluster is there, with the sample images; whatever it lacks, the instructor brings."""

    def stop(self) -> bool:
        self._refuse("Stopping the cluster", "it is")

    def delete(self) -> bool:
        self._refuse("Deleting the cluster", "it is")

    def load(self, images: Mapping[str, str]) -> list[str]:
        self._refuse(f"Copying {', '.join(images)} to the cluster's node", "its nodes are")

    def unload(self, references: Collection[str]) -> None:
        self._refuse("Removing images from the cluster's node", "its nodes are")

    def execute(self, argv: Sequence[str]) -> ExecResult:
        self._refuse("Running a command on the cluster's node", "its nodes are")

    def put_files(self, files: Mapping[str, bytes]) -> None:
        self._refuse("Writing files onto the cluster's node", "its nodes are")

    def _refuse(self, tried: str, part: str) -> NoReturn:
        raise NotInAClass(tried, _SHARED.format(part=part), _INSTRUCTOR)

    def _write_kubeconfig(self) -> None:
        """Write the kit's kubeconfig, which names the service account's files: its token is renewed by the hour."""
        host = self._environment.get("KUBERNETES_SERVICE_HOST", "")
        port = self._environment.get("KUBERNETES_SERVICE_PORT", "443")
        if not host or not (self._account / "token").is_file():
            problem = "this pod has no service account's token" if host else "KUBERNETES_SERVICE_HOST is not set"
            remedy = "it works in the pod of a class alone; elsewhere take the class's variable away\n"
            raise LabFailed("Reaching the class's cluster", problem, f"{remedy}  unset LABKIT_SANDBOX")
        name = self._configuration.name
        server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        cluster = {"server": server, "certificate-authority": str(self._account / "ca.crt")}
        context = {"cluster": name, "user": name, "namespace": self._sandbox.namespace}
        content = yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": name, "cluster": cluster}],
                "users": [{"name": name, "user": {"tokenFile": str(self._account / "token")}}],
                "contexts": [{"name": name, "context": context}],
                "current-context": name,
            },
            sort_keys=False,
        )
        file = self._configuration.kubeconfig
        if not file.is_file() or file.read_text(encoding="utf-8") != content:
            write_atomically(file, content)
