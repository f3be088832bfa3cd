"""What brings a lab up, as steps: the place to add one. What runs them is in labkit/lab/bringup.

Every step looks first and makes only what is missing, so the same schedule makes a lab from nothing, starts a stopped
one, and finds that there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial

from labkit.adapters import go, go_programs
from labkit.adapters.engine import Engine
from labkit.base.configuration import Configuration
from labkit.lab.bringup.early_compile import end_early_compile
from labkit.lab.bringup.schedule import Schedule, Step
from labkit.lab.bundles.take_bundle import BundleInUse
from labkit.lab.classroom.mirror import Mirror
from labkit.lab.cluster_kinds.cluster import Cluster
from labkit.lab.cluster_kinds.node_image import NODE_PROGRAMS, NodeImage
from labkit.lab.machine.ensure import ensure_engine, ensure_kind
from labkit.lab.machine.kubectl_program import ensure_kubectl, find_kubectl
from labkit.lab.samples.build import ImageBuilder
from labkit.lab.samples.catalogue import Catalogue
from labkit.lab.samples.sources import Decision, Source, decide
from labkit.show.steps import Steps

COMPILER = "compiler"
"""The lane of what uses every processor."""

FRONT = ("sample-images",)
"""The steps after which a lesson can begin: containers and images work."""

_PACKAGES = "bundle-packages"

CLUSTER_STEPS = ("cluster",)
"""The steps after which pods work."""

_NODE_SECONDS = {
    go_programs.KUBERNETES.name: 420.0,
    go_programs.CONTAINERD.name: 102.0,
    go_programs.RUNC.name: 13.0,
    go_programs.PAUSE.name: 1.0,
}


class UpPlan:
    """The steps of one lab.

    Args:
        configuration: names and places.
        catalogue: the sample images.
        source: where images should come from; None to decide by what can be reached.
        make_cluster: gives the lab's cluster on an engine, given where its progress goes.
        makes_node: whether the image of its node is made here, with the programs in it.
        bundle: has parts that need not be made; None without one.
    """

    def __init__(
        self,
        configuration: Configuration,
        catalogue: Catalogue,
        source: str | None,
        make_cluster: Callable[[Engine, Steps], Cluster],
        *,
        makes_node: bool,
        bundle: BundleInUse | None = None,
    ) -> None:
        self._configuration, self._catalogue, self._source = configuration, catalogue, source
        self._make_cluster, self._makes_node, self._bundle = make_cluster, makes_node, bundle
        self._steps = Steps()
        self.engine: Engine | None = None
        """The engine, once its step is done."""

    def tell(self, steps: Steps) -> None:
        """Have progress go somewhere; to be called before the schedule runs."""
        self._steps = steps
        if self._bundle is not None:
            self._bundle.steps = steps

    def schedule(self) -> Schedule:
        """All steps, in the order in which they are preferred."""
        front = [
            *self._bundled_packages(),
            Step("engine", "the engine", self._ensure_engine, self._before_engine(), seconds=17, front=True),
            *self._bundle_steps(),
            Step("source", "where images come from", self._decide, self._before_source(), seconds=2, front=True),
            Step(
                "debian-image",
                "the Debian image",
                self._make_debian,
                ("source",),
                seconds=33,
                front=True,
                is_made=self._has_images("debian"),
            ),
            Step(
                "sample-images",
                "the sample images",
                self._make_samples,
                ("debian-image",),
                seconds=35,
                front=True,
                is_made=self._has_images(*self._catalogue),
            ),
        ]
        parts = self._node_parts() if self._makes_node else []
        needs = ("sample-images", *(part.name for part in parts))
        cluster = Step("cluster", "the cluster, with its images", self._bring_up_cluster, needs, seconds=20)
        return Schedule([*front, *parts, cluster, self._kubectl_step()])

    # --- from a bundle ---

    def _bundled_packages(self) -> list[Step]:
        if self._bundle is None:
            return []
        place = self._bundle.place_packages
        return [Step(_PACKAGES, "the packages of the bundle", place, seconds=1, front=True)]

    def _before_engine(self) -> tuple[str, ...]:
        return () if self._bundle is None else (_PACKAGES,)

    def _bundle_steps(self) -> list[Step]:
        if self._bundle is None:
            return []
        place = self._bundle.place_programs
        return [
            # One reads the bundle at a time.
            Step("bundle-programs", "the programs of the bundle", place, (_PACKAGES,), seconds=10, front=True),
            Step(
                "bundle-images",
                "the images of the bundle",
                self._load_from_bundle,
                ("engine", "bundle-programs"),  # Its sum is checked once.
                seconds=30,
                front=True,
            ),
        ]

    def _before_source(self) -> tuple[str, ...]:
        return ("engine",) if self._bundle is None else ("engine", "bundle-images")

    def _load_from_bundle(self) -> None:
        if self._bundle is not None:
            self._source = self._bundle.load_images(self._connected()) or self._source

    # --- the parts of a node ---

    def _node_parts(self) -> list[Step]:
        programs = [self._program_step(program) for program in NODE_PROGRAMS]
        needs = ("debian-image", *(step.name for step in programs))
        return [
            Step(
                "modules",
                "Kubernetes' Go modules",
                self._fetch_modules,
                ("source",),
                seconds=55,
                nice=True,
                is_made=lambda: self._is_built_or_bundled(go_programs.KUBERNETES),
            ),
            *programs,
            Step(
                "kind",
                "kind",
                lambda: ensure_kind(self._configuration, self._steps),
                ("source",),
                seconds=15,
                nice=True,
                lane=COMPILER,
                is_made=lambda: self._is_built_or_bundled(go_programs.KIND),
            ),
            Step(
                "node-image",
                "the node image",
                self._make_node_image,
                needs,
                seconds=51,
                nice=True,
                is_made=self._has_images("node"),
            ),
        ]

    def _program_step(self, program: go_programs.GoProgram) -> Step:
        return Step(
            program.name.lower(),
            program.name,
            lambda: self._build_for_node(program),
            ("modules",) if program is go_programs.KUBERNETES else ("source",),
            seconds=_NODE_SECONDS[program.name],
            nice=True,
            lane=COMPILER,
            is_made=lambda: self._is_built_or_bundled(program),
        )

    def _is_built(self, program: go_programs.GoProgram) -> bool:
        return go.find_built(program, self._configuration.cache) is not None

    def _is_built_or_bundled(self, program: go_programs.GoProgram) -> bool:
        return self._is_built(program) or (self._bundle is not None and self._bundle.has_program(program))

    def _has_images(self, *names: str) -> Callable[[], bool] | None:
        """Whether the bundle has all of some images; None without a bundle, for then only the engine knows."""
        return partial(self._bundle.has_images, names) if self._bundle is not None else None

    def _kubectl_step(self) -> Step:
        needs = ("kubernetes",) if self._makes_node else ("source",)
        return Step(
            "kubectl",
            "kubectl",
            lambda: ensure_kubectl(self._configuration, self._steps),
            needs,
            seconds=5,
            nice=True,
            lane=COMPILER,
            is_made=lambda: (
                find_kubectl(self._configuration.cache) is not None or self._is_built_or_bundled(go_programs.KUBECTL)
            ),
        )

    # --- what the steps do ---

    def _ensure_engine(self) -> None:
        packages = self._bundle.packages if self._bundle is not None else None
        self.engine = ensure_engine(self._configuration, self._steps, packages)
        if self._bundle is not None:
            self._bundle.remove_packages()

    @cached_property
    def _decision(self) -> Decision:
        """Decided once, by the step of that name."""
        return decide(self._connected(), self._configuration, self._source)

    @cached_property
    def _samples(self) -> ImageBuilder:
        return ImageBuilder(self._connected(), self._configuration, self._catalogue, self._decision, self._steps)

    def _decide(self) -> None:
        if not self._is_embedded or self._bundle is not None:
            end_early_compile(self._configuration.cache)  # It was begun before this was known.

    def _connected(self) -> Engine:
        assert self.engine is not None, "the step of the engine comes first"
        return self.engine

    def _make_debian(self) -> None:
        if self._is_embedded and "debian" in self._catalogue:
            self._samples.ensure(self._catalogue["debian"])

    def _make_samples(self) -> None:
        self._samples.ensure_all()

    @property
    def _is_embedded(self) -> bool:
        return self._decision.source is Source.STAND_IN

    def _fetch_modules(self) -> None:
        if self._is_embedded and not self._is_built(go_programs.KUBERNETES):
            go.fetch_modules(go_programs.KUBERNETES, self._steps.step)

    def _build_for_node(self, program: go_programs.GoProgram) -> None:
        if self._is_embedded:
            go.ensure(program, self._configuration.cache, self._steps.step)

    def _make_node_image(self) -> None:
        NodeImage(self._connected(), self._configuration, self._decision, self._steps).ensure(self._samples)

    def _bring_up_cluster(self) -> None:
        cluster = self._make_cluster(self._connected(), self._steps)
        cluster.ensure(self._samples)
        Mirror(self._configuration).configure_node(cluster)
