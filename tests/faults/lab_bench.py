"""The lab of the machine for faults: an engine, images and a cluster, and somebody else's things beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from labkit.core.causes import Cause
from labkit.core.pods.manifest import container_manifest, pod_manifest
from labkit.lab.lab import Lab
from labkit.show.steps import Silent
from tests.faults.bench import Bench

MACHINE = "LABKIT_FAULTS_MACHINE"
"""The variable with the folder of the machine; see tests/faults/machine.sh."""

FOREIGN = "somebody-elses"
"""The name of a container, an image, a network and a volume that are no lab's."""


class LabBench(Bench):
    """A bench with a lab that is up."""

    @contextmanager
    def for_one_fault(self) -> Iterator[LabBench]:
        """The bench with an empty transcript, and the lab up."""
        self.transcript, self.undo = [], ExitStack()
        with self.undo:
            if self.status() != "up":
                self.labkit("up", status=0)
                self.transcript.clear()
            self.transcript.clear()
            yield self

    def others(self) -> dict[str, object]:
        """Somebody's container, image, network and volume: whether each is there, and what it is."""
        ids = {
            kind: self.run(
                "docker", kind, "inspect", "--format", "{{.Name}}" if kind == "volume" else "{{.Id}}", FOREIGN
            )
            for kind in ("container", "image", "network", "volume")
        }
        contexts = self.run("docker", "context", "ls", "--format", "{{.Name}} {{.Current}}")
        return {**ids, "contexts": contexts}

    def plant_others(self) -> None:
        """Make somebody else's things, unless they are there."""
        if "Error" not in self.run("docker", "container", "inspect", FOREIGN, check=False):
            return
        self.run("docker", "tag", f"localhost/{self.name}/alpine:lab", FOREIGN)
        self.run("docker", "network", "create", FOREIGN)
        self.run("docker", "volume", "create", FOREIGN)
        self.run("docker", "create", "--name", FOREIGN, "--volume", f"{FOREIGN}:/kept", FOREIGN, "sleep", "3600")

    def require_working(self) -> None:
        """See that the lab is up, runs a container, and refuses a pod for the right cause."""
        status = json.loads(self.labkit("status", "--json", status=0).stdout)
        assert status["state"] == "up", status
        with Lab(self.configuration, Silent()) as lab:
            assert lab.run("debian", ["id", "-u"]).stdout == "0\n"
            kube = lab.kube()
            namespace = kube.new_namespace("works")
            container = container_manifest("app", lab.reference("debian"), security={"runAsNonRoot": True})
            outcome = kube.make_pod(pod_manifest("refused", [container]), namespace)
            kube.delete_namespace(namespace)
        assert outcome.cause is Cause.IMAGE_RUNS_AS_ROOT, outcome


def lab_bench() -> LabBench:
    """The lab in the machine that this runs in."""
    folder = Path(os.environ[MACHINE])
    bench = LabBench.in_folder(folder / "home", LABKIT_SOURCE="stand-in")
    bench.labkit("up", status=0, seconds=300, LABKIT_BUNDLE=str(next((folder / "class").glob("labkit-bundle*"))))
    bench.plant_others()
    return bench
