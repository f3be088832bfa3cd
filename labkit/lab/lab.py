"""The lab: engine, images and cluster as one thing, and what a notebook does with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.adapters.engine import Engine, EngineUnreachable, PathInImage
from labkit.adapters.kind import Kind, find_kind
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.files import only_one
from labkit.base.resources import CLUSTER
from labkit.core.run_results import RunResult
from labkit.lab.classroom.mirror import Mirror
from labkit.lab.kind_cluster import Cluster, NodeSpec, State
from labkit.lab.machine.ensure import ensure_engine, ensure_kind, ensure_kubectl
from labkit.lab.node_image import NodeImage
from labkit.lab.samples.build import SOURCE_LABEL, ImageBuilder
from labkit.lab.samples.catalogue import Recipe, find, load_catalogue
from labkit.lab.samples.image_facts import FileFact, ImageFacts
from labkit.lab.samples.sources import decide
from labkit.show.steps import Steps

IMAGES_FOLDER = CLUSTER / "images"


class Lab:
    """One lab, by its configuration.

    Args:
        configuration: names and places; read from the environment if not given.
        steps: where progress goes; stderr, or the notebook, if not given.
    """

    def __init__(self, configuration: Configuration | None = None, steps: Steps | None = None) -> None:
        self.configuration = configuration or Configuration.from_environment()
        self.steps = steps or Steps()
        self.catalogue: dict[str, Recipe] = load_catalogue(IMAGES_FOLDER)

    # --- the world ---

    def engine(self) -> Engine:
        """The engine, as it is.

        Raises:
            EngineUnreachable: none answers.
        """
        return Engine.connect(self.configuration)

    def cluster(self, engine: Engine) -> Cluster:
        """The cluster, looked at through an engine."""
        kind = find_kind(self.configuration.cache) or "kind"
        return Cluster(
            engine, Kind(kind, self.configuration.name, self.configuration.kubeconfig), self.configuration, self.steps
        )

    # --- up and down ---

    def up(self, source: str | None = None) -> None:
        """Bring up what is missing: engine, images, cluster; what is there is used as it is.

        Args:
            source: "upstream" or "stand-in"; None to decide by what can be reached.

        Raises:
            LabError: what is missing and what to do about it.
        """
        with only_one(self.configuration.state / "lock", self.steps.note):
            engine = ensure_engine(self.configuration, self.steps)
            decision = decide(engine, self.configuration, source)
            builder = ImageBuilder(engine, self.configuration, self.catalogue, decision, self.steps)
            node = NodeImage(engine, self.configuration, decision, self.steps)
            node_id = node.ensure(builder.ensure(self.catalogue["debian"]) if node.is_embedded else None)
            builder.ensure_all()
            kind = ensure_kind(self.configuration, self.steps)
            ensure_kubectl(self.configuration, self.steps)
            cluster = Cluster(
                engine,
                Kind(kind, self.configuration.name, self.configuration.kubeconfig),
                self.configuration,
                self.steps,
            )
            spec = NodeSpec(node.reference, node_id, node.is_embedded, _has_cgroup_v1(engine))
            cluster.ensure(spec, self._image_ids(engine))
            Mirror(self.configuration).tell_node(engine)

    def down(self) -> bool:
        """Stop the cluster's node; images and cluster stay for the next `up`. Tells whether it ran."""
        with only_one(self.configuration.state / "lock", self.steps.note):
            return self.cluster(self.engine()).stop()

    def _image_ids(self, engine: Engine) -> dict[str, str]:
        references = [self.configuration.image_reference(name) for name in self.catalogue]
        images = {reference: engine.image(reference) for reference in references}
        return {reference: str(image["Id"]) for reference, image in images.items() if image}

    # --- looking ---

    def state(self) -> State:
        """How the cluster is."""
        return self.cluster(self.engine()).look()

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
        cluster = self.cluster(engine)
        state = cluster.look()
        node = engine.image(self.configuration.image_reference("node"))
        return {
            "engine": {"reachable": True, "version": engine.version().get("Version")},
            "cluster": {
                "name": name,
                "ready": state is State.UP,
                "kubernetes": _kubernetes(cluster) if state is State.UP else None,
                "source": source_label(node),
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


def source_label(inspected: dict[str, Any] | None) -> str | None:
    """Where a made image came from, None if there is none."""
    labels = ((inspected or {}).get("Config") or {}).get("Labels") or {}
    return labels.get(SOURCE_LABEL)


def _file_fact(found: PathInImage | None) -> FileFact | None:
    return FileFact(found.uid, found.gid, found.mode) if found else None


def _has_cgroup_v1(engine: Engine) -> bool:
    return str(engine.info().get("CgroupVersion", "2")) == "1"
