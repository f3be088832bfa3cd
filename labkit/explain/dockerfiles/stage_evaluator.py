"""How a Dockerfile's stages are evaluated, as far as both builders do it alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from labkit.explain.dockerfiles.build_scopes import Scope
from labkit.explain.dockerfiles.built_stage import BaseImage, BuiltStage
from labkit.explain.dockerfiles.dockerfile_parser import BuildStops, Instruction, Parsed
from labkit.explain.dockerfiles.expansion import Budget, Builder, Lexing
from labkit.explain.dockerfiles.instruction_checks import StageText, nearest
from labkit.explain.dockerfiles.stage_steps import StageSteps

SCRATCH = "scratch"
_EMPTY = BaseImage()
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class BuildOptions:
    """What is given to a build besides the Dockerfile.

    Args:
        builder: who builds.
        arguments: as `docker build --build-arg`.
        target: as `docker build --target`; empty for the last stage.
        platform: (operating system, architecture) of the image and of the machine.
        every_base: whether the bases of all stages are looked up, and not only those of the one that is asked for.
    """

    builder: Builder = "buildkit"
    arguments: Mapping[str, str] = field(default_factory=dict)
    target: str = ""
    platform: tuple[str, str] = ("linux", "amd64")
    every_base: bool = False


def target_of(stages: Sequence[BuiltStage], options: BuildOptions) -> BuiltStage:
    """The stage that a build is asked for.

    Raises:
        BuildStops: there is none of that name.
    """
    if not options.target:
        return stages[-1]
    named = [stage for stage in stages if stage.text.name == options.target.lower()]
    if not named:
        names = [stage.text.name or f"stage-{stage.text.number}" for stage in stages]
        near = nearest(options.target, names) if options.builder == "buildkit" else None
        hint = f" (did you mean {near}?)" if near else ""
        raise BuildStops(f'target stage "{options.target}" could not be found{hint}')
    return named[0] if options.builder == "classic" else named[-1]


class StageEvaluator(ABC):
    """Goes through the stages of a Dockerfile.

    Args:
        parsed: the Dockerfile.
        bases: what is known of an image by its name, None if nothing is.
        options: of the build.
        budget: what is left of the Dockerfile's.
    """

    def __init__(
        self, parsed: Parsed, bases: Callable[[str], BaseImage | None], options: BuildOptions, budget: Budget
    ) -> None:
        self._bases, self._options, self._budget = bases, options, budget
        self._lexing = Lexing(parsed.escape, options.builder)
        self._outer: dict[str, str | None] = {}
        self._named: dict[str, BuiltStage] = {}
        self._looked_up: set[int] = set()

    @abstractmethod
    def build(self, arguments: Sequence[Instruction], stages: Sequence[StageText]) -> list[BuiltStage]:
        """Evaluate the stages.

        Args:
            arguments: the ARGs before the first FROM.
            stages: in their order.

        Raises:
            BuildStops: the builder stops before any stage.
        """

    def _base_of(self, stage: BuiltStage) -> BaseImage | None:
        """Begin a stage with what it is made from."""
        if stage.parent is not None:
            stage.begin_from(stage.parent, self._budget)
            return None
        is_wanted = self._options.every_base or stage.text.number in self._looked_up
        base = _EMPTY if stage.base == SCRATCH else self._bases(stage.base) if is_wanted else None
        stage.image = base
        if base is not None:
            stage.user = base.user
            stage.env = dict(base.env)
        stage.env.setdefault("PATH", _DEFAULT_PATH)
        return base

    def _run(self, stage: BuiltStage, scope: Scope, triggers: Sequence[str]) -> BuildStops | None:
        steps = StageSteps(stage, scope, self._lexing, self._budget, self._named)
        try:
            for trigger in triggers:
                steps.take_trigger(trigger)
            for instruction in stage.text.instructions:
                steps.take(instruction)
        except BuildStops as error:
            return error
        return None
