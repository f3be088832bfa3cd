"""Making the node image: kind's own where it can be pulled, else the embedded one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labkit.adapters import go, go_programs
from labkit.adapters.engine import Engine, image_labels
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from labkit.base.resources import CLUSTER, require
from labkit.lab.samples.build import CONTENT_LABEL, SOURCE_LABEL, UPSTREAM_LABEL, ImageBuilder
from labkit.lab.samples.build_contexts import archive, archive_of_dockerfile, collect, content_hash
from labkit.lab.samples.sources import Decision, Source, node_upstream
from labkit.show.steps import Steps

_FOLDER = CLUSTER / "node"
NODE_PROGRAMS = (go_programs.KUBERNETES, go_programs.CONTAINERD, go_programs.RUNC, go_programs.PAUSE)
"""What the embedded node is made of, besides Debian."""


@dataclass(frozen=True)
class NodeSpec:
    """What the cluster's node is made of.

    Args:
        image: the node image's reference.
        image_id: its id.
        embedded: whether it is the kit's own, which runs without systemd and brings its own network.
        cgroup_v1: whether the engine's machine has version 1 control groups.
    """

    image: str
    image_id: str
    embedded: bool
    cgroup_v1: bool


class NodeImage:
    """The image that kind runs as the cluster's machine.

    Args:
        engine: builds and keeps it.
        configuration: names it.
        decision: where images come from.
        steps: told what is going on.
    """

    def __init__(self, engine: Engine, configuration: Configuration, decision: Decision, steps: Steps) -> None:
        self._engine = engine
        self._configuration = configuration
        self._decision = decision
        self._steps = steps
        self.reference = configuration.image_reference("node")

    @property
    def is_embedded(self) -> bool:
        """Whether it is the kit's own, which runs without systemd."""
        return self._decision.source is Source.STAND_IN

    def ensure(self, samples: ImageBuilder) -> str:
        """Make the image if it is missing or its parts have changed.

        Args:
            samples: makes the Debian image that the embedded one is built on.

        Returns:
            The image's id.
        """
        if not self.is_embedded:
            return self._ensure_upstream()
        debian = samples.ensure(samples.catalogue["debian"])
        built = self._build_programs()
        # A built program's folder is named after what it was built from; its bytes need no second hash.
        content = content_hash(own_files(), debian, *(folder.name for folder in built))
        if self._content() != content:
            self._remove_leftovers()
            with self._steps.step("node image"):
                self._make(collect_parts(built), content)
        return self._id()

    def _build_programs(self) -> list[Path]:
        return [go.ensure(program, self._configuration.cache, self._steps.step) for program in NODE_PROGRAMS]

    def _make(self, files: dict[str, Path], content: str) -> None:
        """Build the stages, let a node unpack the control plane's images, keep that as the image."""
        context = archive(files)
        arguments = {"DEBIAN": self._configuration.image_reference("debian")}
        stages = {stage: self._configuration.image_reference(stage) for stage in ("control-plane", "pause", "node")}
        stages["node"] = self._configuration.image_reference("node-base")
        for stage, reference in stages.items():
            self._engine.build(context, reference, arguments=arguments, labels={}, target=stage)
        preloading = f"{self._configuration.name}-preload"
        receiver = ["run", "--interactive", "--privileged", "--network", "none", "--name", preloading]
        receiver += [f"--label={name}={value}" for name, value in self._configuration.labels.items()]
        receiver += [stages["node"], "preload", stages["pause"].rpartition("/")[0]]
        try:
            self._engine.pipe_images([stages["control-plane"], stages["pause"]], receiver)
            self._engine.commit(
                preloading,
                self.reference,
                labels={CONTENT_LABEL: content, SOURCE_LABEL: Source.STAND_IN},
                changes=["CMD []"],
            )
        finally:
            self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        self._engine.remove_container(f"{self._configuration.name}-preload")

    def _ensure_upstream(self) -> str:
        upstream = self._decision.reference(node_upstream())
        if self._content() != upstream:
            with self._steps.step("node image (upstream)"):
                ours = self._engine.image(upstream) is None
                self._engine.pull(upstream)
                labels = {CONTENT_LABEL: upstream, SOURCE_LABEL: Source.UPSTREAM, UPSTREAM_LABEL: upstream}
                dockerfile = archive_of_dockerfile(f"FROM {upstream}\n")
                self._engine.build(dockerfile, self.reference, arguments={}, labels=labels)
                if ours:
                    self._engine.remove_image(upstream)
        return self._id()

    def _content(self) -> str | None:
        return image_labels(self._engine.image(self.reference)).get(CONTENT_LABEL)

    def _id(self) -> str:
        image = self._engine.image(self.reference)
        if image is None:
            raise LabFailed(f"Looking for {self.reference}", "it was made, and is gone", "make it again\n  labkit up")
        return image["Id"]


def own_files() -> dict[str, Path]:
    """The embedded node's Dockerfile and files."""
    return {
        name: path
        for name, path in collect(require(_FOLDER)).items()
        if name == "Dockerfile" or name.startswith("rootfs/")
    }


def collect_parts(built: list[Path]) -> dict[str, Path]:
    """The build context of the embedded node: its own files and the built programs."""
    return {**own_files(), **{f"bin/{path.name}": path for folder in built for path in sorted(folder.iterdir())}}
