"""The lab: engine, images and cluster as one thing, and what a notebook does with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.adapters.engine import Engine, EngineUnreachable, PathInImage
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.files import only_one
from labkit.base.resources import CLUSTER
from labkit.core.run_results import RunResult
from labkit.lab.classroom.mirror import Mirror
from labkit.lab.cluster import Cluster, State
from labkit.lab.kind_cluster import KindCluster
from labkit.lab.machine.ensure import ensure_engine, ensure_kubectl
from labkit.lab.samples.build import ImageBuilder
from labkit.lab.samples.catalogue import Recipe, find, load_catalogue
from labkit.lab.samples.image_facts import FileFact, ImageFacts
from labkit.lab.samples.sources import decide
from labkit.show.steps import Steps

IMAGES_FOLDER = CLUSTER / "images"


def choose_cluster(lab: Lab) -> Cluster:
    """The cluster of a lab: the place to add another kind of cluster than kind's."""
    return KindCluster(lab.engine(), lab.configuration, lab.steps)


class Lab:
    """One lab, by its configuration.

    Args:
        configuration: names and places; read from the environment if not given.
        steps: where progress goes; stderr, or the notebook, if not given.
        cluster: its cluster, if it is another than `choose_cluster` would choose.
    """

    def __init__(
        self, configuration: Configuration | None = None, steps: Steps | None = None, cluster: Cluster | None = None
    ) -> None:
        self.configuration = configuration or Configuration.from_environment()
        self.steps = steps or Steps()
        self.catalogue: dict[str, Recipe] = load_catalogue(IMAGES_FOLDER)
        self._engine: Engine | None = None
        self._cluster = cluster

    # --- the world ---

    def engine(self) -> Engine:
        """The engine, as it is.

        Raises:
            EngineUnreachable: none answers.
        """
        if self._engine is None:
            self._engine = Engine.connect(self.configuration)
        return self._engine

    def cluster(self) -> Cluster:
        """The cluster, as it is.

        Raises:
            EngineUnreachable: it runs on the engine, and none answers.
        """
        if self._cluster is None:
            self._cluster = choose_cluster(self)
        return self._cluster

    # --- up and down ---

    def up(self, source: str | None = None) -> None:
        """Bring up what is missing: engine, images, cluster; what is there is used as it is.

        Args:
            source: "upstream" or "stand-in"; None to decide by what can be reached.

        Raises:
            LabError: what is missing and what to do about it.
        """
        with only_one(self.configuration.state / "lock", self.steps.note):
            engine = self._engine = ensure_engine(self.configuration, self.steps)
            decision = decide(engine, self.configuration, source)
            samples = ImageBuilder(engine, self.configuration, self.catalogue, decision, self.steps)
            self.cluster().ensure(samples)
            ensure_kubectl(self.configuration, self.steps)
            Mirror(self.configuration).configure_node(self.cluster())

    def down(self) -> bool:
        """Stop the cluster's node; images and cluster stay for the next `up`. Tells whether it ran."""
        with only_one(self.configuration.state / "lock", self.steps.note):
            return self.cluster().stop()

    # --- looking ---

    def state(self) -> State:
        """How the cluster is."""
        return self.cluster().look()

    def status(self) -> dict[str, Any]:
        """How the lab is, as JSON-ready values; looking changes nothing."""
        name = self.configuration.name
        try:
            engine = self.engine()
        except EngineUnreachable as error:
            absent = {"name": name, "ready": False, "kubernetes": None, "source": None}
            return {
                "engine": {"reachable": False, "problem": error.came_back},
                "cluster": absent,
                "images": [],
                "state": str(State.ABSENT),
            }
        cluster = self.cluster()
        state = cluster.look()
        return {
            "engine": {"reachable": True, "version": engine.version().get("Version")},
            "cluster": {
                "name": name,
                "ready": state is State.UP,
                "kubernetes": _kubernetes(cluster) if state is State.UP else None,
                "source": cluster.source(),
            },
            "images": self.images(engine),
            "state": str(state),
        }

    def images(self, engine: Engine | None = None) -> list[dict[str, Any]]:
        """The sample images, as JSON-ready values; one that has not been made has no digest."""
        engine = engine or self.engine()
        return [self._image_row(engine, recipe) for recipe in self.catalogue.values()]

    def _image_row(self, engine: Engine, recipe: Recipe) -> dict[str, Any]:
        reference = self.configuration.image_reference(recipe.name)
        inspected = engine.image(reference)
        row: dict[str, Any] = {
            "name": recipe.name,
            "reference": reference,
            "source": None,
            "digest": None,
            "user": None,
        }
        if inspected is not None:
            facts = ImageFacts.from_inspect(inspected, reference=reference, texts={}, shell=False)
            row |= {"source": facts.source, "digest": facts.digest, "user": facts.user, "size": facts.size}
        return row | {"summary": recipe.summary, "note": recipe.note}

    def keep_busy(self, image: str) -> list[str] | None:
        """A command that keeps an image's container running, for one that has no program of its own."""
        inspected = self.engine().image(self.reference(image)) or {}
        return None if (inspected.get("Config") or {}).get("Entrypoint") else ["sleep", "3600"]

    def run(self, image: str, command: Sequence[str] | None = None, *, user: str | None = None) -> RunResult:
        """Run a command in a new container of an image and say what happened.

        Args:
            image: a name of the catalogue, or any reference that the engine has.
            command: in place of the image's entrypoint.
            user: as `docker run --user`.

        Raises:
            Misuse: there is no such image.
        """
        engine = self.engine()
        return engine.run(self.reference(image, engine), command, user=user)

    def image_facts(self, name: str) -> ImageFacts:
        """What there is to know of a sample image without running it.

        Args:
            name: a name of the catalogue, or any reference that the engine has.

        Raises:
            Misuse: the catalogue has no such image, and neither has the engine.
            LabFailed: the image has not been made yet.
        """
        engine = self.engine()
        reference = self.reference(name, engine)
        inspected = engine.image(reference)
        if inspected is None:
            raise LabFailed(f"Inspecting {reference}", "the image has not been made", "make it\n  labkit up")
        files = tuple(self.catalogue[name].contract.files) if name in self.catalogue else ()
        inside = engine.look_inside(reference, ["/etc/passwd", "/etc/group", "/bin/sh", *files])
        return ImageFacts.from_inspect(
            inspected,
            reference=reference,
            texts={path: found.text if found else None for path, found in inside.items()},
            shell=inside["/bin/sh"] is not None,
            files={path: _file_fact(inside[path]) for path in files},
        )

    def reference(self, name: str, engine: Engine | None = None) -> str:
        """The reference of an image: the lab's own for a name of the catalogue, else the name itself if it exists.

        Raises:
            Misuse: there is no such image.
        """
        if name not in self.catalogue and (engine or self.engine()).image(name) is not None:
            return name
        return self.configuration.image_reference(find(self.catalogue, name).name)


def _kubernetes(cluster: Cluster) -> str:
    with cluster.kube() as kube:
        return kube.version()


def _file_fact(found: PathInImage | None) -> FileFact | None:
    return FileFact(found.uid, found.gid, found.mode) if found else None
