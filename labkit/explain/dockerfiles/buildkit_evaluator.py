"""How BuildKit evaluates a Dockerfile's stages: first all FROM lines and what depends on what, then each stage.

Source: moby/buildkit:frontend/dockerfile/dockerfile2llb/convert.go at v0.34.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from labkit.explain.dockerfiles.build_scopes import BuildkitScope
from labkit.explain.dockerfiles.build_words import wrong_platform, wrong_reference
from labkit.explain.dockerfiles.built_stage import BuiltStage
from labkit.explain.dockerfiles.dockerfile_parser import BuildStops, Instruction, parse_dockerfile
from labkit.explain.dockerfiles.expansion import CannotExpand, expand
from labkit.explain.dockerfiles.instruction_checks import StageText
from labkit.explain.dockerfiles.stage_evaluator import SCRATCH, StageEvaluator, target_of
from labkit.explain.dockerfiles.stage_steps import copy_sources


class BuildkitEvaluator(StageEvaluator):
    """Evaluates as BuildKit does."""

    _images_copied_from = 0

    def build(self, arguments: Sequence[Instruction], stages: Sequence[StageText]) -> list[BuiltStage]:
        self._outer.update(self._platform_arguments(stages))
        for instruction in arguments:
            for argument in instruction.arguments:
                self._add_outer(argument, instruction.line)
        built = [self._begin(stage) for stage in stages]
        self._looked_up = {stage.text.number for stage in target_of(built, self._options).lineage()}
        for stage in built:
            self._find_sources(stage, stage.text.instructions, built)
        _refuse_circles(built)
        for stage in built:
            self._find_sources(stage, list(self._triggered(stage)), built)
        for stage in built:
            if stage.parent is None and stage.base != SCRATCH and (wrong := wrong_reference(stage.base)):
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
        if instruction.keyword == "copy" and (number := _stage_number(name)) is not None:
            # BuildKit counts the images that earlier instructions copy from behind the stages.
            if not 0 <= number < len(built) + self._images_copied_from:
                raise BuildStops(f"invalid stage index {number}", instruction.line)
            return built[number] if number < len(built) else None
        if (stage := self._named.get(name.lower())) is not None:
            return stage
        self._images_copied_from += 1
        if name != SCRATCH and (wrong := wrong_reference(name)):
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

    def _outer_word(self, word: str, line: int) -> str:
        try:
            return expand(word, self._outer.get, self._lexing, self._budget).text
        except CannotExpand as error:
            raise BuildStops(str(error), line) from error


def _stage_number(name: str) -> int | None:
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
