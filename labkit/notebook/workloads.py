"""What is no pod, and the Pod Security level that the lesson's namespace enforces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.adapters.kube import ENFORCE_LABEL
from labkit.base.errors import Misuse
from labkit.core.pods.objects import Applied, Rollout, apply_line, read_object
from labkit.notebook.opened import Opened


class Workloads(Opened):
    """What a lesson does with Deployments, Secrets and ConfigMaps, and with its namespace."""

    def create(self, manifest: str | Mapping[str, Any]) -> Applied:
        """Make or change what is no pod, and see what the API server says to it.

        Args:
            manifest: YAML text or a mapping, of one Deployment, Secret or ConfigMap.

        Raises:
            Misuse: it is none of these.
            LabFailed: the API server does not take it.
        """
        try:
            read = read_object(manifest)
        except ValueError as error:
            raise Misuse("Reading the manifest", str(error), "give one, as in\n  kubectl explain deployment") from error
        warnings = self._kube.apply_object(read, self.namespace)
        name = f"{read['kind'].lower()}/{read['metadata']['name']}"
        return Applied(name, warnings, apply_line(read, self.namespace))

    def rollout(self, deployment: str, seconds: float = 15.0) -> Rollout:
        """What became of a Deployment: how many of its pods came, or why they do not.

        Args:
            deployment: its name.
            seconds: how long to wait until that is known.

        Raises:
            Misuse: there is no such Deployment.
        """
        found = self._kube.rollout(deployment, self.namespace, seconds)
        if found is None:
            raise Misuse(f"Looking for deployment {deployment!r}", "there is none", "make it with lab.create")
        return found

    def enforce(self, level: str = "restricted") -> Applied:
        """Have the lesson's namespace enforce a Pod Security level, until the lesson is reset.

        Args:
            level: privileged, baseline or restricted.

        Returns:
            What the API server says, with its warnings about pods that are there already.

        Raises:
            LabFailed: there is no such level.
        """
        warnings = self._kube.enforce(self.namespace, level)
        line = f"kubectl label --overwrite namespace {self.namespace} {ENFORCE_LABEL}={level}"
        return Applied(f"namespace/{self.namespace}", warnings, line)

    def enforced(self) -> str:
        """The Pod Security level that the lesson's namespace enforces; privileged if none is said."""
        return self._kube.enforced(self.namespace)
