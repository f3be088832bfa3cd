"""kind's cluster: created, reused, started again or recreated, whichever it takes.

That the node is a container of the lab's engine is known here and nowhere else.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import contextvars
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from labkit.adapters.engine import Engine, EngineRefused
from labkit.adapters.kind import Kind, cluster_config, find_kind, is_node_in_the_way
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed, MachineLacks
from labkit.base.files import read_own, write_atomically
from labkit.base.waiting import watch
from labkit.core.mappings import Manifest
from labkit.core.run_results import ExecResult
from labkit.lab.cluster_kinds.cluster import State
from labkit.lab.cluster_kinds.hopeless_node import has_lost_its_data, require_watchers
from labkit.lab.cluster_kinds.loaded_images import LoadedImages
from labkit.lab.cluster_kinds.node_image import NodeImage, NodeSpec
from labkit.lab.cluster_kinds.node_network import NodeNetwork
from labkit.lab.cluster_kinds.node_volumes import NodeVolumes
from labkit.lab.machine.ensure import ensure_kind
from labkit.lab.samples.build import ImageBuilder, source_label
from labkit.show import counted
from labkit.show.steps import Steps

if TYPE_CHECKING:
    from labkit.adapters.kube import Kube

_RESUME_SECONDS = 60.0
_SOON_SECONDS = 15.0
_ANSWER_SECONDS = 15.0
_AT_ONCE_SECONDS = 2.0
_READY_SECONDS = 120.0
_PLACE_SECONDS = 90.0
_HALF_MADE_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 1.0


class KindCluster:
    """One cluster of one node, run by kind; see `Cluster` for what each method promises.

    Args:
        engine: where the node is a container.
        configuration: names and places.
        steps: told what is going on.
    """

    def __init__(self, engine: Engine, configuration: Configuration, steps: Steps) -> None:
        self._engine = engine
        self._configuration = configuration
        self._steps = steps
        self.node = f"{configuration.name}-control-plane"
        """kind's name for the only node, in Kubernetes and in the engine alike."""
        self._loaded = LoadedImages(engine, self.node)
        self._volumes = NodeVolumes(engine, self.node, configuration.state / "node-volumes")
        self._network = NodeNetwork(engine)

    @property
    def containers(self) -> frozenset[str]:
        """The node's container."""
        return frozenset({self.node})

    def exists(self) -> bool:
        """Whether there is a node, running or not."""
        return self._engine.container(self.node) is not None

    def source(self) -> str | None:
        """Where the node's image came from, None if it has not been made."""
        return source_label(self._engine.image(self._configuration.image_reference("node")))

    def log(self, lines: int = 200) -> str:
        """The last lines that the node's first process and kind's entry point printed."""
        if not self.exists():
            return ""
        return "\n".join(self._engine.printed(self.node, lines=lines).output.splitlines())

    def abandoned_volumes(self) -> list[str]:
        """The volumes of former nodes."""
        return self._volumes.abandoned()

    def execute(self, argv: Sequence[str]) -> ExecResult:
        """Run a command on the node, as `docker exec` does."""
        return self._engine.execute(self.node, argv)

    def put_files(self, files: Mapping[str, bytes]) -> None:
        """Write files onto the node."""
        self._engine.put_files(self.node, files)

    def look(self, answer_seconds: float = 0.0) -> State:
        """See how the cluster is, without changing anything.

        A cluster counts as up once its node carries the lab's label, which is put there last: one whose making
        was interrupted answers too, but is broken.

        Args:
            answer_seconds: how long a running node may take to answer before it counts as broken.
        """
        node = self._engine.container(self.node)
        if node is None:
            return State.ABSENT
        if not node.running:
            return State.STOPPED
        if not self._configuration.kubeconfig.is_file():
            return State.BROKEN
        try:
            return State.UP if self._is_ready(answer_seconds, self._configuration.name) else State.BROKEN
        except LabFailed:
            return State.BROKEN

    def _is_ready(self, seconds: float, mark: str | None = None) -> bool:
        """Whether the node is ready within so many seconds, and has the mark."""
        with self.kube(patient=False) as kube:
            return kube.wait_until_ready(seconds, mark)

    def _kind(self) -> Kind:
        configuration, engine = self._configuration, self._engine
        program = find_kind(configuration.cache) or "kind"
        environment = engine.client_environment()
        return Kind(program, configuration.name, configuration.kubeconfig, engine.client, environment)

    def kube(self, *, patient: bool = True) -> Kube:
        """The cluster's API, on connections of its own; close it.

        Args:
            patient: whether requests wait for an API server that is being started again.

        Raises:
            LabFailed: the kubeconfig cannot be read.
        """
        # Loaded where it is needed: a fifth of a second that most commands would wait for in vain.
        from labkit.adapters.kube import Kube

        kube = Kube(self._configuration.kubeconfig, self._configuration.name)
        if patient:
            kube.wait_for_restart()
        return kube

    def ensure(self, samples: ImageBuilder) -> None:
        """Make the node image and the sample images, and bring the cluster up; a node of an older image is replaced.

        Args:
            samples: makes the images that are missing.
        """
        node_image = NodeImage(self._engine, self._configuration, samples.decision, self._steps)
        node_id = node_image.ensure(samples)
        samples.ensure_all()
        ensure_kind(self._configuration, self._steps)
        cgroup_v1 = str(self._engine.info().get("CgroupVersion", "2")) == "1"
        self._ensure(NodeSpec(node_image.reference, node_id, node_image.is_embedded, cgroup_v1), samples.ids())

    def _ensure(self, node: NodeSpec, images: Mapping[str, str]) -> None:
        there = self._engine.container(self.node)
        if there is not None and there.image_id != node.image_id:
            self._steps.note("the node image has changed; the cluster is recreated")
            self._delete()
        elif there is not None and self._repair():
            self.load(images)
            self._wait_until_it_takes_pods()
            return
        elif there is not None:
            self._steps.note("the cluster is incomplete or broken; it is recreated")
            self._delete()
        with self._steps.step("cluster, with its images"):
            self._create(node, images)
        self._wait_until_it_takes_pods()

    def _wait_until_it_takes_pods(self) -> None:
        with self.kube() as kube:
            if kube.takes_pods():
                return
            with self._steps.step("cluster, until its node takes pods"):
                if watch(kube.takes_pods, bool, _PLACE_SECONDS):
                    return
        raise LabFailed(
            "Waiting for the cluster's node to take pods",
            f"timed out: it is marked as not ready after {_PLACE_SECONDS:.0f} s, though its kubelet has reported",
            "look at its controller manager, then try again\n  labkit kubectl get pods -n kube-system\n  labkit up",
        )

    def _repair(self) -> bool:
        """Make an existing cluster usable, if that can be done without recreating it.

        Returns:
            Whether it is usable now.
        """
        if not self._kubeconfig_is_there():
            return False
        state = self.look()
        if state is State.UP:
            return True
        if not self._comes_up(state):
            return False
        self._wait_for_kubelet()
        return True

    def _comes_up(self, state: State) -> bool:
        if state is State.STOPPED:
            with self._steps.step("cluster, started again"):
                if not self._start():
                    return False
                if self._comes_back():
                    return True
        self._write_kubeconfig()  # It may be damaged, or another cluster's.
        if self.look(0.0 if state is State.STOPPED else _AT_ONCE_SECONDS) is State.UP:
            return True
        # One that runs may be about to answer, as when its API server has just been killed.
        is_coming = state is not State.STOPPED and not has_lost_its_data(self.execute)
        return is_coming and self.look(_ANSWER_SECONDS - _AT_ONCE_SECONDS) is State.UP

    def _comes_back(self) -> bool:
        """Whether a node that was just started comes up again."""
        if self.look(_SOON_SECONDS) is State.UP:
            return True
        require_watchers(self.execute)
        return not has_lost_its_data(self.execute) and self.look(_RESUME_SECONDS - _SOON_SECONDS) is State.UP

    def _wait_for_kubelet(self) -> None:
        """See how the node is since it was started last, by whomever: the engine starts it again, too."""
        node = self._engine.container(self.node)
        if node is not None and node.started is not None:
            # Patient: an API server that has answered once after a start may end once more.
            with self.kube() as kube:
                kube.wait_for_kubelet(node.started, _ANSWER_SECONDS)

    def _kubeconfig_is_there(self) -> bool:
        """Write the kit's kubeconfig again from the node if it was lost; whether it is there now."""
        if self._configuration.kubeconfig.is_file():
            return True
        return self._start() and self._write_kubeconfig()

    def _start(self) -> bool:
        """Start the node; False if the engine will not, as when somebody has removed its network."""
        try:
            self._engine.start(self.node)
        except EngineRefused as error:
            self._steps.note(f"the engine does not start the node: {error.came_back}")
            return False
        return True

    def _write_kubeconfig(self) -> bool:
        """Write the kit's kubeconfig from what the node has; whether it has it."""
        kubeconfig = self._configuration.kubeconfig
        before = read_own(kubeconfig)
        try:
            kubeconfig.unlink(missing_ok=True)  # kind would add to it.
            self._kind().export_kubeconfig()
        except (LabFailed, OSError):
            if before is not None:
                write_atomically(kubeconfig, before)
            return False
        return True

    def _create(self, node: NodeSpec, images: Mapping[str, str]) -> None:
        self._configuration.kubeconfig.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._configuration.kubeconfig.unlink(missing_ok=True)
        self._volumes.remove_abandoned()
        self._network.before_create()
        config = cluster_config(embedded=node.embedded, cgroup_v1=node.cgroup_v1)
        # kubeadm waits a good deal; the images go into the node meanwhile.
        with concurrent.futures.ThreadPoolExecutor(1) as beside:
            given_up = threading.Event()
            # In this context, so that whoever stops this work stops that, too.
            loading = beside.submit(contextvars.copy_context().run, self._load_into_new, images, given_up)
            try:
                self._create_node(node.image, config)
            except BaseException:
                given_up.set()
                raise
            finally:
                self._volumes.write_down()
            loading.result()
        if self._is_ready(_READY_SECONDS):
            with self.kube() as kube:
                kube.finish()
            return
        raise LabFailed(
            "Waiting for the cluster's node",
            f"timed out: it is not ready after {_READY_SECONDS:.0f} s",
            f"look at the node's log, then try again\n  {self._engine.client} logs {self.node}\n  labkit up",
        )

    def _create_node(self, image: str, config: Manifest) -> None:
        """Have kind create the cluster; a node that an `up` was making when it was killed is removed as it appears.

        Nobody else makes one of this name: whoever does holds the lab's lock, which is ours.
        """

        def create() -> LabFailed | None:
            try:
                self._kind().create(image, config)
            except LabFailed as error:
                if not is_node_in_the_way(error):
                    raise
                self._steps.note("the engine was still making a node for an `up` that was killed; that one is removed")
                self._kind().delete()
                return error
            return None

        in_the_way = watch(create, lambda error: error is None, _HALF_MADE_SECONDS, interval=_LOOK_AGAIN_SECONDS)
        if in_the_way is not None:
            raise in_the_way

    def _load_into_new(self, images: Mapping[str, str], given_up: threading.Event) -> None:
        """Load images into a node that is being made, as soon as its containerd answers."""
        self._loaded.wait(_READY_SECONDS, given_up)
        if not given_up.is_set():
            self._loaded.load(images)

    def _delete(self) -> None:
        with contextlib.suppress(MachineLacks):  # Whoever has removed the cache can remove the cluster all the same.
            self._kind().delete()
        # kind deletes by its own label; one that lost it would be in the way of every later cluster.
        self._engine.remove_container(self.node)

    def delete(self) -> bool:
        """Delete the cluster and its kubeconfig; whether there was one."""
        there = self._engine.container(self.node) is not None
        if there:
            self._delete()
        self._volumes.remove_abandoned()
        self._network.remove()
        self._configuration.kubeconfig.unlink(missing_ok=True)
        return there

    def stop(self) -> bool:
        """Stop the node; whether it ran."""
        node = self._engine.container(self.node)
        if node is None or not node.running:
            return False
        self._engine.stop(self.node)
        return True

    def unload(self, references: Collection[str]) -> None:
        """Remove images from the node."""
        self._loaded.remove(references)

    def load(self, images: Mapping[str, str]) -> list[str]:
        """Load images into the node, except those that it has."""
        # An engine whose containerd has just been started again cannot run anything in the node for a moment.
        self._loaded.wait(_ANSWER_SECONDS)
        missing = self._loaded.missing(images)
        if missing:
            with self._steps.step(f"{counted(len(missing), 'image')} into the cluster"):
                self._loaded.load(missing)
        return list(missing)
