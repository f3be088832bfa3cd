"""Where the nodes of a class get its images from: a registry that they reach, or kind's nodes, which are given them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from labkit.adapters.crane import Crane
from labkit.adapters.engine import Engine, EngineUnreachable
from labkit.adapters.kube.cluster_reader import ClusterReader
from labkit.base.errors import LabFailed, Misuse
from labkit.base.scratch import scratch_folder
from labkit.lab.classroom.class_settings import ClassSettings
from labkit.lab.cluster_kinds.loaded_images import LoadedImages
from labkit.lab.lab import Lab
from labkit.show import counted

_KIND = "kind-"
_ID_DIGITS = 12


@dataclass(frozen=True)
class PlacedImages:
    """The images of a class as the cluster's nodes know them.

    Args:
        hub: reference of the hub's.
        participant: reference of the servers'.
        engine: reference of the participants' engine; empty where there is none.
        images: what stands before the short names of the course's images.
    """

    hub: str
    participant: str
    engine: str = ""
    images: str = ""


def place_images(lab: Lab, cluster: ClusterReader, settings: ClassSettings, built: Sequence[str]) -> PlacedImages:
    """Bring the class's images and the course's where the nodes find them.

    Args:
        lab: whose engine has them.
        cluster: whose nodes need them.
        settings: of the class: its registry, HOST/PATH, is pushed to; without one the nodes have to be kind's.
        built: the references of the hub's image, the participants', and the engine's if there is one.

    Raises:
        Misuse: the nodes are not kind's, and no registry is named.
        LabFailed: the images cannot be brought there.
    """
    context = cluster.access.context
    if settings.registry:
        return _push(lab, built, settings.registry, settings.line(context, "up"))
    nodes = kind_nodes(lab, cluster)
    if not nodes:
        raise Misuse(
            "Bringing the images to the nodes",
            f"the nodes of context {context} are not kind's on this machine, so they pull images",
            "name a registry that you can write and the nodes can read\n"
            f"  {settings.line(context, 'up', '--registry', 'registry.example/labkit')}",
        )
    return _load(lab, nodes, built, settings.line(context, "up"))


def kind_nodes(lab: Lab, cluster: ClusterReader) -> list[str]:
    """The cluster's nodes, if all are containers of this machine's engine; else none."""
    if not cluster.access.context.startswith(_KIND):
        return []
    names = [str(node["metadata"]["name"]) for node in cluster.list("api/v1/nodes")]
    try:
        engine = lab.engine()
    except EngineUnreachable:
        return []
    return names if names and all(engine.container(name) is not None for name in names) else []


def named_by_id(engine: Engine, reference: str, line: str) -> str:
    """Give an image a name that says which it is, so that a changed one takes the place of the last.

    Args:
        engine: has it.
        reference: its name.
        line: brings the class up again.

    Raises:
        LabFailed: there is no such image.
    """
    image = engine.image(reference)
    if image is None:
        raise LabFailed(f"Looking for {reference}", "it was made, and is gone", f"make it again\n  {line}")
    name = f"{reference.rpartition(':')[0]}:{image['Id'].removeprefix('sha256:')[:_ID_DIGITS]}"
    engine.tag(image["Id"], name)
    return name


def _load(lab: Lab, nodes: Sequence[str], built: Sequence[str], line: str) -> PlacedImages:
    engine = lab.engine()
    own = [named_by_id(engine, reference, line) for reference in built]
    try:
        references = [*own, *map(lab.configuration.image_reference, lab.catalogue)]
        ids = {reference: image["Id"] for reference in references if (image := engine.image(reference))}
        for node in nodes:
            loaded = LoadedImages(engine, node)
            if missing := loaded.missing(ids):
                with lab.steps.step(f"{counted(len(missing), 'image')} into the node {node}"):
                    loaded.load(missing)
    finally:
        for reference in own:  # Only the nodes need these names; here they would keep every image that ever was.
            engine.remove_name(reference)
    return _placed(own, lab.configuration.image_reference("").rpartition("/")[0])


def _push(lab: Lab, built: Sequence[str], registry: str, line: str) -> PlacedImages:
    """Push by crane, which needs no settings of the engine for the registry; the class's own are named by digest."""
    engine, crane = lab.engine(), Crane(lab.configuration, lab.steps)
    digests = []
    for reference in [*built, *map(lab.configuration.image_reference, lab.catalogue)]:
        if engine.image(reference) is None:
            continue
        target = f"{registry}/{reference.rpartition('/')[2]}"
        with (
            lab.steps.step(f"{target} into the registry"),
            scratch_folder() as scratch,
        ):
            archive = scratch / "image.tar"
            with archive.open("wb") as file:
                engine.save_image(reference, file)
            digest = crane.push(archive, target)
        digests.append(f"{target.rpartition(':')[0]}@{digest}")
    if len(digests) < len(built):
        raise LabFailed(f"Pushing to {registry}", "the class's images are not here", f"make them\n  {line}")
    return _placed(digests[: len(built)], registry)


def _placed(references: Sequence[str], images: str) -> PlacedImages:
    hub, participant, *engine = references
    return PlacedImages(hub, participant, engine[0] if engine else "", images)
