"""What the lab asks of its cluster, where and by whatever it was created.

Nothing outside of an implementation knows where the node runs. A cluster that is there already comes by one more file
in this folder, and by a line in choose_cluster.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from labkit.core.run_results import ExecResult

if TYPE_CHECKING:
    from labkit.adapters.engine import Engine
    from labkit.adapters.kube import Kube
    from labkit.base.configuration import Configuration
    from labkit.lab.samples.build import ImageBuilder
    from labkit.show.steps import Steps


class State(StrEnum):
    """How the cluster is."""

    UP = "up"
    STOPPED = "stopped"
    ABSENT = "absent"
    BROKEN = "broken"


class Cluster(Protocol):
    """A cluster of one node.

    What is written without a verb (`node`, `containers`) and what begins with look, exists, source or log changes
    nothing; everything else may.
    """

    @property
    def node(self) -> str:
        """The node's name, as `kubectl get nodes` prints it."""
        ...

    @property
    def containers(self) -> frozenset[str]:
        """The names of the engine's containers that are this cluster's; empty if it runs elsewhere."""
        ...

    def exists(self) -> bool:
        """Whether there is a cluster, running or not."""
        ...

    def look(self, answer_seconds: float = 0.0) -> State:
        """See how the cluster is.

        Args:
            answer_seconds: how long a running cluster may take to answer before it counts as broken.
        """
        ...

    def source(self) -> str | None:
        """Where the node's image came from, None if it has not been made."""
        ...

    def log(self, lines: int = 200) -> str:
        """The last lines that the node printed; empty if there are none."""
        ...

    def abandoned_volumes(self) -> list[str]:
        """The names of the engine's volumes that belonged to nodes which are gone."""
        ...

    def kube(self, *, patient: bool = True) -> Kube:
        """The cluster's API, on connections of its own; close it.

        Args:
            patient: whether requests wait for an API server that is being started again, as one that has answered
                once may be.
        """
        ...

    def ensure(self, samples: ImageBuilder) -> None:
        """Bring the cluster up with the sample images in it, changing no more than is needed.

        Once it is up, the kit's own kubeconfig (`Configuration.kubeconfig`) leads to it: `labkit kubectl`, the lab's
        terminals and the panel read that file and no other.

        Args:
            samples: makes the images that are missing.

        Raises:
            LabError: what is missing and what to do about it.
        """
        ...

    def stop(self) -> bool:
        """Stop it.

        Returns:
            Whether it ran.
        """
        ...

    def delete(self) -> bool:
        """Remove all that the lab made of it.

        Returns:
            Whether there was something.
        """
        ...

    def load(self, images: Mapping[str, str]) -> list[str]:
        """Copy images from the engine to the node, except those that the node has.

        Args:
            images: reference -> id.

        Returns:
            The references that were copied.
        """
        ...

    def unload(self, references: Collection[str]) -> None:
        """Remove images from the node, as far as it has them.

        Args:
            references: their names with tags.

        Raises:
            LabFailed: the node is not there, or does not run.
        """
        ...

    def execute(self, argv: Sequence[str]) -> ExecResult:
        """Run a command on the node.

        Raises:
            LabFailed: the node is not there, or does not run.
        """
        ...

    def put_files(self, files: Mapping[str, bytes]) -> None:
        """Write files, by their whole paths, onto the node; missing folders are made.

        Raises:
            LabFailed: the node is not there.
        """
        ...


@dataclass(frozen=True)
class ClusterKind:
    """A kind of cluster that a lab can have.

    Args:
        connect: gives a lab's cluster, given what gives the engine, for a kind that needs one, and where progress goes.
        makes_node: whether `up` makes the image of its node, with the programs in it.
        is_given: whether it is there before the lab, with the sample images, and the lab neither makes nor stops it.
    """

    connect: Callable[[Callable[[], Engine], Configuration, Steps], Cluster]
    makes_node: bool = False
    is_given: bool = False
