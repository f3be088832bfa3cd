"""The lab: engine, images and cluster as one thing, and what a notebook does with it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from labkit.adapters.engine import Engine, InspectedImage, reach_engine
from labkit.adapters.go import find_built
from labkit.adapters.go_programs import KUBERNETES
from labkit.base.configuration import Configuration
from labkit.base.errors import LabError, LabFailed
from labkit.base.resources import CLUSTER, require
from labkit.core.run_results import RunResult
from labkit.lab.bringup.background import follow, running, start_background, stop_background
from labkit.lab.bringup.board import Board
from labkit.lab.bringup.durations import Durations
from labkit.lab.bringup.scheduler import run_schedule
from labkit.lab.bringup.up_state import end_orphans, read_state, write_state
from labkit.lab.bundles.take_bundle import bundle_in_use
from labkit.lab.cache_users import enter_cache_user
from labkit.lab.cluster_kinds.choose_cluster import choose_cluster
from labkit.lab.cluster_kinds.cluster import Cluster, ClusterKind, State
from labkit.lab.lab_lock import lab_locked
from labkit.lab.samples.catalogue import Catalogue, bases_first
from labkit.lab.samples.image_facts import ImageFacts
from labkit.lab.samples.made_images import MadeImageJson, MadeImages
from labkit.lab.samples.sources import Source
from labkit.lab.standing import StandingJson, StatusJson, standing_of
from labkit.lab.up_plan import CLUSTER_STEPS, FRONT, UpPlan
from labkit.show.steps import Silent, Steps

if TYPE_CHECKING:
    from labkit.adapters.kube import Kube
    from labkit.archives import ImageTree

IMAGES_FOLDER = CLUSTER / "images"


class Lab:
    """One lab, by its configuration. Making one does nothing; its connections are opened once, when they are needed.

    A lab is a context manager, whose end closes its connections; the lab itself stays as it is.

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
        self._engine: Engine | None = None
        self._kind = ClusterKind(lambda *_: cluster) if cluster is not None else choose_cluster(self.configuration)
        self._cluster: Cluster | None = None
        self._kube: Kube | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to engine and cluster; whoever asks again gets new ones."""
        self._close_kube()
        if self._engine is not None:
            self._engine.close()
            self._engine = self._cluster = None

    def _close_kube(self) -> None:
        if self._kube is not None:
            self._kube.close()
            self._kube = None

    def silent(self) -> SilentLab:
        """The same lab on the same connections, without progress; it is closed with this one."""
        return SilentLab(self)

    # --- engine, cluster, recipes ---

    @cached_property
    def catalogue(self) -> Catalogue:
        """The sample images by name; the recipe of one is read when it is asked for."""
        return Catalogue(require(IMAGES_FOLDER))

    def engine(self) -> Engine:
        """The engine, as it is; the same connection each time.

        Raises:
            EngineUnreachable: none answers.
        """
        if self._engine is None:
            self._engine = reach_engine(self.configuration)
        return self._engine

    def cluster(self) -> Cluster:
        """The cluster, as it is.

        Raises:
            EngineUnreachable: it runs on the engine, and none answers.
        """
        if self._cluster is None:
            self._cluster = self._kind.connect(self.engine, self.configuration, self.steps)
        return self._cluster

    def kube(self) -> Kube:
        """The cluster's API; the same connections each time, until `up` has changed the cluster.

        While the cluster is still being made, this waits for it.

        Raises:
            EngineUnreachable: the cluster runs on the engine, and none answers.
            LabError: the cluster was being made, and that has failed.
        """
        if self._kube is None:
            self.await_cluster()
            self._kube = self.cluster().kube()
        return self._kube

    # --- up and down ---

    def up(self, source: str | None = None, bundle: Path | None = None, *, background: bool = False) -> None:
        """Bring up what is missing: engine, images, cluster; what is there is used as it is.

        Args:
            source: "upstream" or "stand-in"; None to decide by what can be reached.
            bundle: a file with what a machine lacks; None for one that lies in the working folder, in the checkout or
                beside it, if there is any.
            background: whether it works behind a lesson, and gives way to it.

        Raises:
            LabError: what is missing and what to do about it.
        """
        if self._kind.is_given:
            self._require_given_cluster()
            return
        bases_first(self.catalogue)  # A mistake in a recipe is reported before anything else is done.
        with (
            # A bundle that is not there, or is damaged, is told of before the lock is waited for.
            bundle_in_use(bundle, source, self.configuration, self.steps) as taken,
            lab_locked(self.configuration, self.steps),
        ):
            if (last := read_state(self.configuration)) is not None and not last.is_at_work:
                end_orphans(last)
            self.close()
            enter_cache_user(self.configuration)
            plan = UpPlan(
                self.configuration,
                self.catalogue,
                source,
                self._make_cluster,
                makes_node=self._kind.makes_node,
                bundle=taken,
            )
            schedule = plan.schedule()
            durations = Durations(self.configuration.cache / "durations.json")
            board = Board(
                schedule,
                self.steps,
                expected=durations.read(),
                write=lambda state: write_state(self.configuration, state),
                background=background,
            )
            plan.tell(board)
            try:
                with board:
                    run_schedule(schedule, board, gives_way=background)
            finally:
                durations.learn(board.measured())
                self._engine = plan.engine

    def begin(self, source: str | None = None, bundle: Path | None = None) -> None:
        """Bring up what is missing, and go on as soon as a lesson can begin: with engine and sample images.

        What takes longer goes on behind, in a process of its own that survives this one; `kube` waits for it.

        Args:
            source: as for `up`.
            bundle: as for `up`.

        Raises:
            LabError: what is missing and what to do about it.
        """
        if self._kind.is_given:
            self._require_given_cluster()
            return
        bases_first(self.catalogue)
        process = None
        if running(self.configuration) is None:
            if self.is_nearly_up():
                self.up(source, bundle)
                return
            process = start_background(self.configuration, source, bundle)
        follow(self.configuration, FRONT, self.steps, process)
        self.close()

    def _require_given_cluster(self) -> None:
        """See that a cluster answers which the lab does not make.

        Raises:
            LabFailed: it does not.
        """
        if self.cluster().look() is not State.UP:
            remedy = "try again in a minute; if it stays so, tell your instructor"
            raise LabFailed("Reaching the class's cluster", "its API server does not answer", remedy)

    def is_nearly_up(self) -> bool:
        """Whether the cluster runs and its node is of the programs that it should be of: then little is left to do."""
        try:
            if self.cluster().look() is not State.UP:
                return False
        except LabError:
            return False
        return (
            self.cluster().source() != Source.STAND_IN or find_built(KUBERNETES, self.configuration.cache) is not None
        )

    def await_cluster(self) -> None:
        """Wait until the cluster is there, if it is being made; nothing if it is not.

        Raises:
            LabError: it was being made, and that has failed.
        """
        if not self.is_cluster_awaited():
            return
        try:
            follow(self.configuration, CLUSTER_STEPS, self.steps)
        except LabError:
            if self.cluster().look() is not State.UP:  # An `up` that was interrupted has not harmed the cluster.
                raise

    def is_cluster_awaited(self) -> bool:
        """Whether `await_cluster` would wait, or fail.

        Another process that only looks whether all is there writes how far it is, too: then the cluster answers.
        """
        state = read_state(self.configuration)
        is_pending = state is not None and state.pid != os.getpid() and not state.has(CLUSTER_STEPS)
        return is_pending and not self.is_nearly_up()

    def _make_cluster(self, engine: Engine, steps: Steps) -> Cluster:
        return self._kind.connect(lambda: engine, self.configuration, steps)

    def down(self) -> bool:
        """Stop the cluster's node; images and cluster stay for the next `up`. Tells whether it ran."""
        stop_background(self.configuration)
        with lab_locked(self.configuration, self.steps):
            self._close_kube()
            return self.cluster().stop()

    # --- looking ---

    def state(self) -> State:
        """How the cluster is."""
        return self.cluster().look()

    def status(self) -> StatusJson:
        """How the lab is, with its images, as JSON-ready values; looking changes nothing."""
        standing = self.standing()
        return {**standing, "images": self.images() if standing["engine"]["reachable"] else []}

    def standing(self) -> StandingJson:
        """How engine and cluster are, as `status` without its images; looking changes nothing."""
        return standing_of(self.configuration, self.engine, self.cluster, self._kubernetes)

    def _kubernetes(self) -> str:
        """The cluster's version, asked at once: whoever looks does not wait for what is still being made."""
        if self._kube is not None:
            return self._kube.version()
        with self.cluster().kube() as kube:
            return kube.version()

    def images(self) -> list[MadeImageJson]:
        """The sample images, as JSON-ready values; one that has not been made has no digest.

        An image whose recipe cannot be read has no summary; the error goes where progress goes.
        """
        return self._made_images().rows(self.steps.note)

    def keep_busy(self, image: str) -> list[str] | None:
        """A command that keeps an image's container running, for one that has no program of its own."""
        return self._made_images().keep_busy(image)

    def run(self, image: str, command: Sequence[str] | None = None, *, user: str | None = None) -> RunResult:
        """Run a command in a new container of an image and say what happened.

        Args:
            image: a name of the catalogue, or any reference that the engine has.
            command: in place of the image's entrypoint.
            user: as `docker run --user`.

        Raises:
            Misuse: there is no such image.
        """
        return self.engine().run(self.reference(image), command, user=user)

    def image_facts(
        self, name: str, inspected: InspectedImage | None = None, tree: ImageTree | None = None
    ) -> ImageFacts:
        """What there is to know of a sample image without running it.

        Args:
            name: a name of the catalogue, or any reference that the engine has.
            inspected: what the engine has told of it just now; None to ask.
            tree: what it holds, if that was read; None if not.

        Raises:
            Misuse: the catalogue has no such image, and neither has the engine.
            LabFailed: the image has not been made yet.
        """
        return self._made_images().facts(name, inspected, tree)

    def reference(self, name: str) -> str:
        """The reference of an image: the lab's own for a name of the catalogue, else the name itself if it exists.

        Raises:
            Misuse: there is no such image.
        """
        return self._made_images().reference(name)

    def _made_images(self) -> MadeImages:
        return MadeImages(self.engine, self.configuration, self.catalogue)


class SilentLab(Lab):
    """A lab on another one's connections."""

    def __init__(self, lab: Lab) -> None:
        self.steps: Silent
        super().__init__(lab.configuration, Silent())
        self._lab, self._kind = lab, lab._kind

    def engine(self) -> Engine:
        return self._lab.engine()

    def kube(self) -> Kube:
        return self._lab.kube()

    def close(self) -> None:
        """Nothing: they are the other one's."""
