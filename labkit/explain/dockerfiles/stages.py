"""What each stage of a Dockerfile ends with: its USER, or what stops the build.

Sources: moby/buildkit:frontend/dockerfile/dockerfile2llb/convert.go at v0.34.2, and for the classic builder
moby/moby:builder/dockerfile (builder.go, dispatchers.go, evaluator.go, buildargs.go) at v26.1.5.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from labkit.base.errors import Misuse
from labkit.explain.dockerfiles.build_scopes import BuildkitScope, ClassicScope, Scope
from labkit.explain.dockerfiles.build_words import wrong_checks, wrong_platform, wrong_reference
from labkit.explain.dockerfiles.built_stage import BaseImage, BuiltStage
from labkit.explain.dockerfiles.dockerfile_parser import BuildStops, Instruction, Parsed, parse_dockerfile
from labkit.explain.dockerfiles.expansion import Budget, Builder, CannotExpand, Lexing, TooLarge, expand
from labkit.explain.dockerfiles.instruction_checks import StageText, nearest, read_stages
from labkit.explain.dockerfiles.stage_steps import StageSteps, copy_sources

_SCRATCH = "scratch"
_MOST_STAGES = 2000
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


@dataclass(frozen=True)
class Evaluation:
    """A Dockerfile's stages, as far as they can be told without a build.

    Args:
        parsed: its instructions.
        stages: in their order.
        final: the one that the build is asked for.
        outer_arguments: the lines of the ARG before the first FROM, by name.
    """

    parsed: Parsed
    stages: list[BuiltStage]
    final: BuiltStage
    outer_arguments: Mapping[str, int]


def evaluate(text: str, bases: Callable[[str], BaseImage | None], options: BuildOptions) -> Evaluation:
    """Go through a Dockerfile as the builder would.

    Args:
        text: of the Dockerfile.
        bases: what is known of an image by its name, None if nothing is.
        options: of the build.

    Raises:
        BuildStops: the builder stops before any stage; what stops one stage is in `BuiltStage.stops`.
        TooLarge: it multiplies beyond measure.
    """
    budget = Budget()
    parsed = parse_dockerfile(text, options.builder, budget)
    if options.builder == "buildkit" and (wrong := wrong_checks(parsed.checks)):
        raise BuildStops(wrong)
    arguments, stages = read_stages(parsed.instructions, options.builder)
    if len(stages) > _MOST_STAGES:
        raise TooLarge(f"it has more than {_MOST_STAGES} stages")
    evaluator = _Evaluator(parsed, bases, options, budget)
    built = evaluator.build(arguments, stages)
    lines = {argument.partition("=")[0]: one_of.line for one_of in arguments for argument in one_of.arguments}
    return Evaluation(parsed, built, _target(built, options), lines)


def parse_build_args(pairs: Sequence[str]) -> dict[str, str]:
    """Read NAME=VALUE pairs; a NAME alone is taken from this process's environment, as docker does.

    Raises:
        Misuse: one has no name.
    """
    values = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name:
            raise Misuse(f"Reading --build-arg {pair!r}", "it has no name", "for example\n  --build-arg APP_UID=1654")
        if equals or name in os.environ:
            values[name] = value if equals else os.environ[name]
    return values


def _target(stages: Sequence[BuiltStage], options: BuildOptions) -> BuiltStage:
    if not options.target:
        return stages[-1]
    named = [stage for stage in stages if stage.text.name == options.target.lower()]
    if not named:
        names = [stage.text.name or f"stage-{stage.text.number}" for stage in stages]
        near = nearest(options.target, names) if options.builder == "buildkit" else None
        hint = f" (did you mean {near}?)" if near else ""
        raise BuildStops(f'target stage "{options.target}" could not be found{hint}')
    return named[0] if options.builder == "classic" else named[-1]


class _Evaluator:
    def __init__(
        self, parsed: Parsed, bases: Callable[[str], BaseImage | None], options: BuildOptions, budget: Budget
    ) -> None:
        self._bases, self._options, self._budget = bases, options, budget
        self._lexing = Lexing(parsed.escape, options.builder)
        self._outer: dict[str, str | None] = {}
        self._named: dict[str, BuiltStage] = {}
        self._images_copied_from = 0
        self._looked_up: set[int] = set()

    def build(self, arguments: Sequence[Instruction], stages: Sequence[StageText]) -> list[BuiltStage]:
        if self._options.builder == "classic":
            return self._build_classic(arguments, stages)
        return self._build_buildkit(arguments, stages)

    # --- BuildKit: first all FROM lines and what depends on what, then the stages that are wanted ---

    def _build_buildkit(self, arguments: Sequence[Instruction], stages: Sequence[StageText]) -> list[BuiltStage]:
        self._outer.update(self._platform_arguments(stages))
        for instruction in arguments:
            for argument in instruction.arguments:
                self._add_outer(argument, instruction.line)
        built = [self._begin(stage) for stage in stages]
        self._looked_up = {stage.text.number for stage in _target(built, self._options).lineage()}
        for stage in built:
            self._find_sources(stage, stage.text.instructions, built)
        _refuse_circles(built)
        for stage in built:
            self._find_sources(stage, list(self._triggered(stage)), built)
        for stage in built:
            if stage.parent is None and stage.base != _SCRATCH and (wrong := wrong_reference(stage.base)):
                raise BuildStops(f'failed to parse stage name "{stage.base}": {wrong}', stage.text.line)
        for stage in built:
            self._finish(stage)
        return built

    def _platform_arguments(self, stages: Sequence[StageText]) -> dict[str, str]:
        system, architecture = self._options.platform
        platform = {"OS": system, "OSVERSION": "", "ARCH": architecture, "VARIANT": ""}
        values = {f"{side}{name}": value for side in ("BUILD", "TARGET") for name, value in platform.items()}
        values |= {f"{side}PLATFORM": f"{system}/{architecture}" for side in ("BUILD", "TARGET")}
        values["TARGETSTAGE"] = self._options.target or stages[-1].name or "default"
        return {name: self._options.arguments.get(name, value) for name, value in values.items()}

    def _add_outer(self, argument: str, line: int) -> None:
        """An ARG before the first FROM."""
        name, equals, default = argument.partition("=")
        if name in self._options.arguments:
            self._outer[name] = self._options.arguments[name]
        elif equals:
            self._outer[name] = self._outer_word(default, line)

    def _begin(self, text: StageText) -> BuiltStage:
        base = self._outer_word(text.base, text.line)
        if not base:
            raise BuildStops(f"base name ({text.base}) should not be blank", text.line)
        if text.platform:
            platform = self._outer_word(text.platform, text.line)
            if not platform:
                raise BuildStops(f"empty platform value from expression {text.platform}", text.line)
            if wrong := wrong_platform(platform):
                raise BuildStops(f"failed to parse platform {text.platform}: {wrong}", text.line)
        stage = BuiltStage(text, base, self._named.get(base))
        if text.name:
            self._named[text.name] = stage
        return stage

    def _find_sources(
        self, stage: BuiltStage, instructions: Sequence[Instruction], built: Sequence[BuiltStage]
    ) -> None:
        """The stages that instructions of a stage copy from, or mount."""
        for instruction in instructions:
            for name in copy_sources(instruction):
                if source := self._source(name, instruction, built):
                    stage.sources.append(source)

    def _triggered(self, stage: BuiltStage) -> Iterator[Instruction]:
        """The ONBUILD instructions that a stage has from the one that it is made from."""
        for instruction in stage.parent.text.instructions if stage.parent is not None else ():
            if instruction.keyword == "onbuild":
                # What is wrong with a trigger is said when it is run.
                with suppress(BuildStops):
                    parsed = parse_dockerfile(instruction.trigger, self._options.builder, self._budget)
                    yield from parsed.instructions

    def _source(self, name: str, instruction: Instruction, built: Sequence[BuiltStage]) -> BuiltStage | None:
        try:
            expanded = expand(name, lambda _: None, self._lexing, self._budget).text
        except CannotExpand as error:
            raise BuildStops(str(error), instruction.line) from error
        if expanded != name:
            message = "variable expansion is not supported for --from, define a new stage with FROM using ARG from"
            raise BuildStops(f"{message} global scope as a workaround", instruction.line)
        if instruction.keyword == "copy" and (number := stage_number(name)) is not None:
            # BuildKit counts the images that earlier instructions copy from behind the stages.
            if not 0 <= number < len(built) + self._images_copied_from:
                raise BuildStops(f"invalid stage index {number}", instruction.line)
            return built[number] if number < len(built) else None
        if (stage := self._named.get(name.lower())) is not None:
            return stage
        self._images_copied_from += 1
        if name != _SCRATCH and (wrong := wrong_reference(name)):
            raise BuildStops(f'failed to parse stage name "{name}": {wrong}', instruction.line)
        return None

    def _finish(self, stage: BuiltStage) -> None:
        base = self._base_of(stage)
        scope = BuildkitScope(self._options.arguments, self._outer)
        if stage.parent is not None:
            scope.values.update(stage.parent.scope_values)
        scope.add_base(stage.env)
        triggers = stage.parent.triggers if stage.parent is not None else list(base.on_build if base else ())
        stops = next((one_of.stops for one_of in stage.depends_on() if one_of.stops), None)
        stage.stops = stops or self._run(stage, scope, triggers)
        stage.scope_values = dict(scope.values)

    # --- the classic builder: one stage after another, one line after another ---

    def _build_classic(self, arguments: Sequence[Instruction], stages: Sequence[StageText]) -> list[BuiltStage]:
        for instruction in arguments:
            scope = ClassicScope(self._options.arguments, self._outer, dict(self._outer))
            split = [argument.partition("=") for argument in instruction.arguments]
            expanded = [
                (self._word(name, scope, instruction.line), equals and self._word(default, scope, instruction.line))
                for name, equals, default in split
            ]
            for (_, equals, _), (name, value) in zip(split, expanded, strict=True):
                self._outer[name] = value if equals else None
        built: list[BuiltStage] = []
        self._looked_up = {text.number for text in stages}
        stops: BuildStops | None = None
        for text in stages:
            stage = BuiltStage(text, text.base, None)
            try:
                if stops is None:
                    self._run_classic(stage)
            except BuildStops as error:
                stage.stops = error
            stage.stops = stops = stops or stage.stops
            built.append(stage)
        return built

    def _run_classic(self, stage: BuiltStage) -> None:
        text = stage.text
        if text.name and text.name in self._named:
            raise BuildStops(f"{text.name} stage name already used", text.line)
        outer = ClassicScope(self._options.arguments, self._outer, dict(self._outer))
        if text.platform and (wrong := wrong_platform(platform := self._word(text.platform, outer, text.line))):
            raise BuildStops(f"failed to parse platform {platform}: {wrong}", text.line)
        stage.base = self._word(text.base, outer, text.line)
        if not stage.base:
            raise BuildStops(f"base name ({text.base}) should not be blank", text.line)
        stage.parent = self._named.get(stage.base.lower())
        if stage.parent is None and stage.base != _SCRATCH and (wrong := wrong_reference(stage.base)):
            raise BuildStops(wrong, text.line)
        base = self._base_of(stage)
        triggers = stage.parent.triggers if stage.parent is not None else list(base.on_build if base else ())
        scope = ClassicScope(self._options.arguments, self._outer, {})
        scope.add_base(stage.env)
        stage.stops = self._run(stage, scope, triggers)
        if stage.stops is None and stage.base == _SCRATCH and stage.parent is None and not text.instructions:
            stage.is_empty = True
        if text.name:
            self._named[text.name] = stage

    # --- both ---

    def _base_of(self, stage: BuiltStage) -> BaseImage | None:
        """Begin a stage with what it is made from."""
        if stage.parent is not None:
            stage.begin_from(stage.parent, self._budget)
            return None
        is_wanted = self._options.every_base or stage.text.number in self._looked_up
        base = _EMPTY if stage.base == _SCRATCH else self._bases(stage.base) if is_wanted else None
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

    def _outer_word(self, word: str, line: int) -> str:
        try:
            return expand(word, self._outer.get, self._lexing, self._budget).text
        except CannotExpand as error:
            raise BuildStops(str(error), line) from error

    def _word(self, word: str, scope: Scope, line: int) -> str:
        try:
            return expand(word, scope.get, self._lexing, self._budget).text
        except CannotExpand as error:
            raise BuildStops(str(error), line) from error


def stage_number(name: str) -> int | None:
    """The number that a COPY --from names, None if it is a name."""
    digits = name[1:] if name[:1] in ("+", "-") else name
    return int(name) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def _refuse_circles(stages: Sequence[BuiltStage]) -> None:
    """Refuse stages that copy from each other in a circle; FROM cannot make one, for it only looks back."""
    done: set[int] = set()
    for start in stages:
        path: list[tuple[BuiltStage, list[BuiltStage]]] = [(start, list(start.sources))]
        on_path = {start.text.number}
        while path and path[0][0].text.number not in done:
            stage, left = path[-1]
            if not left:
                path.pop()
                on_path.discard(stage.text.number)
                done.add(stage.text.number)
                continue
            source = left.pop()
            if source.text.number in on_path:
                title = start.text.name or f"stage-{start.text.number}"
                raise BuildStops(f"circular dependency detected on stage: {title}", start.text.line)
            if source.text.number not in done:
                on_path.add(source.text.number)
                path.append((source, list(source.sources)))
