"""What each stage of a Dockerfile ends with: its USER, or what stops the build."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from labkit.base.errors import Misuse
from labkit.explain.dockerfiles.build_words import wrong_checks
from labkit.explain.dockerfiles.buildkit_evaluator import BuildkitEvaluator
from labkit.explain.dockerfiles.built_stage import BaseImage, BuiltStage
from labkit.explain.dockerfiles.classic_evaluator import ClassicEvaluator
from labkit.explain.dockerfiles.dockerfile_parser import BuildStops, Parsed, parse_dockerfile
from labkit.explain.dockerfiles.expansion import Budget, TooLarge
from labkit.explain.dockerfiles.instruction_checks import read_stages
from labkit.explain.dockerfiles.stage_evaluator import BuildOptions, target_of

_MOST_STAGES = 2000


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
    evaluator = ClassicEvaluator if options.builder == "classic" else BuildkitEvaluator
    built = evaluator(parsed, bases, options, budget).build(arguments, stages)
    lines = {argument.partition("=")[0]: one_of.line for one_of in arguments for argument in one_of.arguments}
    return Evaluation(parsed, built, target_of(built, options), lines)


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
