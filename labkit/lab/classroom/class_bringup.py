"""Bringing a class up: what is wished, what that comes to on this cluster, and doing it once somebody has agreed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labkit.adapters.kube.cluster_reader import ClusterReader
from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.errors import LabError, LabFailed, Misuse
from labkit.core.mappings import Manifest
from labkit.lab.classroom.class_entry import ClassEntry, find_entry
from labkit.lab.classroom.class_files import ClassFiles, certificate_fingerprint, read_certificate, read_hub_settings
from labkit.lab.classroom.class_images import ENGINE, HUB, PARTICIPANT, ensure_class_image
from labkit.lab.classroom.class_keys import ClassKeys
from labkit.lab.classroom.class_objects import class_objects
from labkit.lab.classroom.class_placement import PlacedImages, place_images
from labkit.lab.classroom.class_settings import DEFAULT_IDLE_MINUTES, DEFAULT_NAME, ClassSettings, new_participant
from labkit.lab.classroom.class_trials import ClusterTrials, try_cluster
from labkit.lab.classroom.cluster_class import ClusterClass
from labkit.lab.classroom.sandbox import sandbox_objects
from labkit.lab.lab import Lab
from labkit.show import counted
from labkit.show.steps import Steps

_SERVICE_ENDPOINTS = "apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


@dataclass(frozen=True)
class ClassWishes:
    """What an instructor asks for.

    Args:
        class_name: of the class.
        registry: HOST/PATH that the images are pushed to; empty for kind's nodes.
        hub_image: one that is there already; empty to build it.
        participant_image: the same, of the servers.
        engine_image: the same, of an engine beside each server; empty for none where the others are named.
        storage_class: of the volumes; empty for the cluster's default.
        no_volumes: whether to do without.
        engine: "auto", "none" or "podman".
        expose: "NodePort", "LoadBalancer", or None for a port-forward alone.
        node_port: the port for NodePort.
        host: where people reach it.
        certificate: a file in PEM; None to make one for the host.
        key: its key.
        participants: how many will come.
        prepared: whether their namespaces are made now.
        new_code: whether the class gets other secrets than it has.
        idle_minutes: after which a server that nobody uses is stopped; 0 for never.
        hub_settings: a file of JupyterHub settings, read after the class's; None keeps what the class has.
    """

    class_name: str = DEFAULT_NAME
    registry: str = ""
    hub_image: str = ""
    participant_image: str = ""
    engine_image: str = ""
    storage_class: str = ""
    no_volumes: bool = False
    engine: str = "auto"
    expose: str | None = None
    node_port: int | None = None
    host: str = ""
    certificate: Path | None = None
    key: Path | None = None
    participants: int = 30
    prepared: bool = False
    new_code: bool = False
    idle_minutes: int = DEFAULT_IDLE_MINUTES
    hub_settings: Path | None = None

    def __post_init__(self) -> None:
        doing = f"Reading the options for the class {self.class_name}"
        if bool(self.hub_image) != bool(self.participant_image):
            raise Misuse(doing, "one image is named and the other is not", "give --hub-image and --participant-image")
        if self.engine_image and not self.hub_image:
            raise Misuse(doing, "the engine's image alone is named", "give --hub-image and --participant-image, too")
        if self.engine == "podman" and self.hub_image and not self.engine_image:
            raise Misuse(doing, "podman is asked for, and its image is not named", "give --engine-image, too")
        if self.engine == "none" and self.engine_image:
            raise Misuse(doing, "an engine's image is named, and no engine is wanted", "leave --engine-image out")
        if (self.certificate is None) != (self.key is None):
            raise Misuse(doing, "a certificate and its key belong together", "give --certificate and --key")
        if self.expose and not (self.certificate or self.host):
            raise Misuse(
                doing,
                "beyond a port-forward the class is served by TLS, and its certificate is made for an address",
                "say where people reach it\n  --host 192.0.2.10\nor bring one\n  --certificate FILE --key FILE",
            )
        if (self.node_port or self.host or self.certificate) and not self.expose:
            raise Misuse(doing, "an address, a port or a certificate needs --expose", "give --expose NodePort")


@dataclass(frozen=True)
class ClassUp:
    """A class that is up.

    Args:
        settings: of the class.
        keys: its secrets.
        entry: where it is.
        keys_file: where the secrets can be read again.
        fingerprint: of a certificate that we have made; empty else.
        remarks: what the instructor has to know.
    """

    settings: ClassSettings
    keys: ClassKeys
    entry: ClassEntry
    keys_file: Path
    fingerprint: str
    remarks: tuple[str, ...]


def planned_settings(wishes: ClassWishes, images: PlacedImages | None = None) -> ClassSettings:
    """The settings that the wishes alone decide, before a cluster is asked."""
    plain = ClassSettings()
    root = f"{wishes.registry.rstrip('/')}/" if wishes.registry else ""
    hub = wishes.hub_image or (f"{root}class-hub:lab" if root else plain.hub_image)
    participant = wishes.participant_image or (f"{root}class-participant:lab" if root else plain.participant_image)
    engine = wishes.engine_image or (f"{root}class-engine:lab" if root else "localhost/labkit-class/engine:latest")
    return ClassSettings(
        name=wishes.class_name,
        hub_image=images.hub if images else hub,
        participant_image=images.participant if images else participant,
        engine_image=images.engine if images else engine if wishes.engine == "podman" else "",
        images=images.images if images else wishes.registry.rstrip("/"),
        registry=wishes.registry.rstrip("/"),
        engine="podman" if wishes.engine == "podman" else "none",
        has_volumes=not wishes.no_volumes,
        storage_class=wishes.storage_class,
        exposed=wishes.expose or "ClusterIP",
        node_port=wishes.node_port or 0,
        host=wishes.host,
        has_certificate=bool(wishes.expose),
        idle_minutes=wishes.idle_minutes,
        prepared=tuple(new_participant() for _ in range(wishes.participants)) if wishes.prepared else (),
    )


def planned_objects(settings: ClassSettings) -> list[Manifest]:
    """All objects of a class but its secrets, those of prepared participants among them."""
    return class_objects(settings) + [
        manifest for participant in settings.prepared for manifest in sandbox_objects(settings, participant)
    ]


def bring_up_class(
    lab: Lab, cluster: ClusterWriter, wishes: ClassWishes, port: int, confirm: Callable[[Sequence[str]], None]
) -> ClassUp:
    """Bring a class up, or up to date.

    Args:
        lab: whose engine builds the images.
        cluster: where to.
        wishes: what is asked for.
        port: of loopback, for a port-forward.
        confirm: is shown what will be made, and raises if that is not wanted.

    Raises:
        LabError: what is missing and what to do about it.
    """
    planned = planned_settings(wishes)
    hub_settings = None if wishes.hub_settings is None else read_hub_settings(wishes.hub_settings)
    ClusterClass(cluster, planned, lab.steps).require_rights()
    files = ClassFiles(lab.configuration, cluster.access.server, planned.name)
    certificate = _certificate(wishes, files)
    confirm(_plan(planned, wishes, cluster.access.context))
    settings = planned_settings(wishes, _images(lab, cluster, wishes))
    settings = _kept_prepared(cluster, settings, wishes, lab.steps).changed(api_addresses=_api_addresses(cluster))
    trials = try_cluster(cluster, settings, lab.steps)
    settings, remarks = _settled(settings, wishes, trials, cluster.access.context)
    group = ClusterClass(cluster, settings, lab.steps)
    keys = _keys(group.keys(), wishes, hub_settings)
    if keys.hub_settings:
        remarks = (
            *remarks,
            "the hub has settings of yours: where they name another sign-in, the class code opens nothing",
        )
    files.keep_keys(keys)
    group.up(keys, certificate)
    is_own = certificate is not None and wishes.certificate is None
    return ClassUp(
        settings,
        keys,
        find_entry(cluster, settings, port),
        files.keys_file,
        certificate_fingerprint(certificate[0]) if certificate and is_own else "",
        remarks,
    )


def _keys(there: ClassKeys | None, wishes: ClassWishes, hub_settings: str | None) -> ClassKeys:
    """The class's own, or new ones; with the hub's settings as given, or as they are."""
    if hub_settings is None:
        hub_settings = there.hub_settings if there else ""
    keys = None if wishes.new_code else there
    return replace(keys or ClassKeys.generate(), hub_settings=hub_settings)


def _plan(settings: ClassSettings, wishes: ClassWishes, context: str) -> list[str]:
    sizes = settings.sizes
    return [
        f"namespace {settings.name} with a hub and a proxy; cluster-wide 3 roles, a binding and 3 admission policies",
        "a short trial in a namespace of its own: volumes, network policies, user namespaces",
        *(
            [f"now, for {counted(len(settings.prepared), 'participant')}: two namespaces each"]
            if settings.prepared
            else ["for each participant who signs in, made by the hub: two namespaces"]
        ),
        f"for each of them a server (at most {sizes.server_memory_limit} memory), "
        f"at most {sizes.lab_pods} pods of {sizes.lab_memory} memory together"
        + (f", a volume of {sizes.home}" if settings.has_volumes else ", no volume"),
        f"reached {'by a port-forward on your machine' if not wishes.expose else f'by a {wishes.expose}, with TLS'}",
        f"everything is labelled labkit.class={settings.name}; {settings.line(context, 'down')} removes it",
    ]


def _certificate(wishes: ClassWishes, files: ClassFiles) -> tuple[str, str] | None:
    if not wishes.expose:
        return None
    if wishes.certificate is not None and wishes.key is not None:
        return read_certificate(wishes.certificate, wishes.key)
    return files.own_certificate(wishes.host)


def _images(lab: Lab, cluster: ClusterReader, wishes: ClassWishes) -> PlacedImages:
    if wishes.hub_image:
        images = wishes.registry.rstrip("/")
        return PlacedImages(wishes.hub_image, wishes.participant_image, wishes.engine_image, images)
    wanted = (HUB, PARTICIPANT) if wishes.engine == "none" else (HUB, PARTICIPANT, ENGINE)
    built = [ensure_class_image(lab, image) for image in wanted]
    return place_images(lab, cluster, planned_settings(wishes), built)


def _kept_prepared(cluster: ClusterWriter, settings: ClassSettings, wishes: ClassWishes, steps: Steps) -> ClassSettings:
    """Participants who were prepared once stay; as many more as are wished come."""
    if not wishes.prepared:
        return settings
    there = None
    with contextlib.suppress(Misuse):  # Settings that cannot be read are written anew.
        there = ClusterClass(cluster, settings, steps).existing_settings()
    kept = there.prepared if there else ()
    more = settings.prepared[: max(0, wishes.participants - len(kept))]
    return settings.changed(prepared=(*kept, *more))


def _api_addresses(cluster: ClusterReader) -> tuple[str, ...]:
    """The API server's addresses, before and behind its service; none if we may not read them."""
    try:
        service = cluster.get("api/v1/namespaces/default/services/kubernetes") or {}
        slices = list(cluster.list(_SERVICE_ENDPOINTS, "kubernetes.io/service-name=kubernetes"))
    except LabError:
        return ()
    addresses = list((service.get("spec") or {}).get("clusterIPs") or ())
    for part in slices:
        addresses += [
            address for endpoint in part.get("endpoints") or () for address in endpoint.get("addresses") or ()
        ]
    return tuple(sorted({f"{address}/{128 if ':' in address else 32}" for address in addresses}))


def _settled(
    settings: ClassSettings, wishes: ClassWishes, trials: ClusterTrials, context: str
) -> tuple[ClassSettings, tuple[str, ...]]:
    """What the trials decide where the wishes leave it open, and what is to be said of it."""
    remarks = []
    if settings.has_volumes and trials.volumes.is_ok is False:
        settings = settings.changed(has_volumes=False)
        remarks.append(
            f"no volumes ({trials.volumes.message}): notebooks and progress are lost with a server's pod, and the hub "
            "forgets everybody with its own; --storage-class names another class of volumes"
        )
    if trials.network.is_ok is not True:
        remarks.append(f"network policies: {trials.network.message}")
    if wishes.engine == "podman" and not trials.engine.is_ok:
        line = settings.line(context, "up", "--engine", "auto")
        remedy = f"let the trial decide, and have a class without an engine\n  {line}"
        raise LabFailed(
            "Trying podman in a pod, as it would be in a participant's server", trials.engine.message, remedy
        )
    settings = settings.changed(engine="podman" if wishes.engine != "none" and trials.engine.is_ok else "none")
    if settings.has_engine:
        remarks.append(f"each participant has an engine of their own: {trials.engine.message}")
    else:
        reason = "as you asked" if wishes.engine == "none" else trials.engine.message
        remarks.append(f"no engine beside the participants' servers: {reason}")
    return settings, tuple(remarks)
