"""How the engine's builder before BuildKit evaluates a Dockerfile: one stage after another, one line after another.

Source: moby/moby:builder/dockerfile (builder.go, dispatchers.go, evaluator.go, buildargs.go) at v26.1.5.
"""

from __future__ import annotations

from collections.abc import Sequence

from labkit.explain.dockerfiles.build_scopes import ClassicScope, Scope
from labkit.explain.dockerfiles.build_words import wrong_platform, wrong_reference
from labkit.explain.dockerfiles.built_stage import BuiltStage
from labkit.explain.dockerfiles.dockerfile_parser import BuildStops, Instruction
from labkit.explain.dockerfiles.expansion import CannotExpand, expand
from labkit.explain.dockerfiles.instruction_checks import StageText
from labkit.explain.dockerfiles.stage_evaluator import SCRATCH, StageEvaluator


class ClassicEvaluator(StageEvaluator):
    """Evaluates as the classic builder does."""

    def build(self, arguments: Sequence[Instruction], stages: Sequence[StageText]) -> list[BuiltStage]:
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
        if stage.parent is None and stage.base != SCRATCH and (wrong := wrong_reference(stage.base)):
            raise BuildStops(wrong, text.line)
        base = self._base_of(stage)
        triggers = stage.parent.triggers if stage.parent is not None else list(base.on_build if base else ())
        scope = ClassicScope(self._options.arguments, self._outer, {})
        scope.add_base(stage.env)
        stage.stops = self._run(stage, scope, triggers)
        if stage.stops is None and stage.base == SCRATCH and stage.parent is None and not text.instructions:
            stage.is_empty = True
        if text.name:
            self._named[text.name] = stage

    def _word(self, word: str, scope: Scope, line: int) -> str:
        try:
            return expand(word, scope.get, self._lexing, self._budget).text
        except CannotExpand as error:
            raise BuildStops(str(error), line) from error
