"""`labkit explain` for Dockerfiles: a row for the final stage, or for each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from labkit.base.errors import Misuse
from labkit.core.identity.answers import explain_in_pod
from labkit.core.identity.kubelet_rules import cri_user
from labkit.core.identity.model import Answer, Image, Settings, Versions, home_of
from labkit.explain.dockerfiles import windows_builds
from labkit.explain.dockerfiles.build_scopes import Open
from labkit.explain.dockerfiles.build_words import BOOLEANS
from labkit.explain.dockerfiles.built_stage import BaseImage, BuiltStage
from labkit.explain.dockerfiles.dockerfile_parser import LARGEST, BuildStops, decode
from labkit.explain.dockerfiles.expansion import Builder, TooLarge
from labkit.explain.dockerfiles.stage_evaluator import BuildOptions
from labkit.explain.dockerfiles.stage_findings import findings, is_root
from labkit.explain.dockerfiles.stage_users import creation_of, may_change_accounts
from labkit.explain.dockerfiles.stages import Evaluation, evaluate
from labkit.explain.rows import BuildOutcome, Explanation, Explanations

_NEWEST = Versions()
_NON_ROOT = Settings(run_as_non_root=True)
_TITLES: Mapping[Builder, str] = {"buildkit": "BuildKit", "classic": "the classic builder"}
_NOT_KNOWN = Answer(ok=None, kubelet_ok=None, decided_by="image", because=())
_NO_IMAGE = "No image was generated. Is your Dockerfile empty?"
Bases = Callable[[str], BaseImage | None]


@dataclass(frozen=True)
class DockerfileQuestion:
    """How a Dockerfile would be built, and of which stages one asks.

    Args:
        options: of the build.
        all_stages: whether each stage has a row.
    """

    options: BuildOptions = field(default_factory=BuildOptions)
    all_stages: bool = False


def explain_dockerfile(
    bases: Bases, name: str, question: DockerfileQuestion | None = None, versions: Versions = _NEWEST
) -> Explanations:
    """As whom the image of a Dockerfile runs, and whether the build gets so far.

    Args:
        bases: what is known of an image by its name, None if nothing is.
        name: the path of the file, "-" for standard input.
        question: how it would be built.
        versions: of the kubelet.

    Raises:
        Misuse: there is no such file, or it cannot be read.
    """
    question = question or DockerfileQuestion()
    try:
        text = read_dockerfile(name)
        return Explanations(explain_dockerfile_text(bases, text, name, question, versions))
    except TooLarge as error:
        return Explanations([], flaws=[f"{name}: {error}"])


def explain_dockerfiles(
    bases: Bases, names: Sequence[str], question: DockerfileQuestion | None = None, versions: Versions = _NEWEST
) -> Explanations:
    """The same for several.

    Args:
        bases: finds the images that they begin with.
        names: their paths, or - for standard input.
        question: how they are built, and whose stages are asked about; None for the final one, built as usual.
        versions: of whom the rules are.

    Raises:
        Misuse: there is no such file, or it cannot be read.
    """
    return Explanations.joined([explain_dockerfile(bases, name, question, versions) for name in names])


def read_dockerfile(name: str) -> str:
    """The text of a Dockerfile.

    Raises:
        Misuse: it cannot be read.
        TooLarge: it is too large.
    """
    try:
        if name == "-":
            data = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Misuse(f"Reading {name}", reason, "name a Dockerfile\n  labkit explain Dockerfile") from error
    if len(data) > LARGEST:
        raise TooLarge(f"it is larger than {LARGEST >> 20} MiB, the most that is read of a Dockerfile")
    return decode(data)


def explain_dockerfile_text(
    bases: Bases, text: str, name: str, question: DockerfileQuestion, versions: Versions = _NEWEST
) -> list[Explanation]:
    """The rows of a Dockerfile's text.

    Args:
        bases: finds the images that it begins with.
        text: the Dockerfile.
        name: its path, as the rows show it.
        question: how it is built, and whose stages are asked about.
        versions: of whom the rules are.

    Raises:
        TooLarge: it multiplies beyond measure.
    """
    options = replace(question.options, every_base=question.all_stages)
    try:
        evaluation = evaluate(text, bases, options)
    except BuildStops as error:
        return [_stopped(name, options.target, "", error)]
    stages = evaluation.stages if question.all_stages else [evaluation.final]
    return [_row(text, bases, name, evaluation, stage, options, versions).row for stage in stages]


@dataclass(frozen=True)
class BuiltImage:
    """What a Dockerfile makes.

    Args:
        row: its row.
        sentences: what is to be said of its USER.
        image: the image; None if its user is not known, or there is none.
    """

    row: Explanation
    sentences: tuple[str, ...] = ()
    image: Image | None = None


def explain_build(bases: Bases, text: str, name: str, options: BuildOptions) -> BuiltImage:
    """The image that a Dockerfile's text makes, for somebody who runs it otherwise than in a plain pod.

    Args:
        bases: finds the images that it begins with.
        text: the Dockerfile.
        name: its path, as the row shows it.
        options: how it is built.

    Raises:
        TooLarge: it multiplies beyond measure.
    """
    try:
        evaluation = evaluate(text, bases, options)
    except BuildStops as error:
        return BuiltImage(_stopped(name, options.target, "", error))
    return _row(text, bases, name, evaluation, evaluation.final, options, _NEWEST)


def _row(
    text: str,
    bases: Bases,
    name: str,
    evaluation: Evaluation,
    stage: BuiltStage,
    options: BuildOptions,
    versions: Versions,
) -> BuiltImage:
    if stage.stops is not None:
        return BuiltImage(_stopped(name, stage.text.title, stage.base, stage.stops))
    if stage.is_empty and stage is evaluation.final:
        return BuiltImage(_stopped(name, stage.text.title, stage.base, BuildStops(_NO_IMAGE)))
    sentences = list(findings(evaluation, stage))
    if any(f"error={value}" in evaluation.parsed.checks for value in BOOLEANS[:6]):
        sentences.append(
            "# check=error=true: BuildKit stops at its linter's warnings too, which are not looked at here"
        )
    if stage is evaluation.final:
        sentences += _other_builder(text, bases, stage, options)
    row = Explanation(
        file=name,
        kind="Dockerfile",
        name=name,
        namespace="default",
        container=stage.text.title,
        role="main",
        image=stage.base,
        image_user=stage.user,
        answer=_NOT_KNOWN,
        build=BuildOutcome(True),
    )
    if windows_builds.is_for_windows(stage):
        return _on_windows(row, stage)
    if stage.user is None:
        answer = explain_in_pod(None, versions=versions)
        because = (*sentences, *answer.because)
        row = replace(row, answer=replace(answer, ok=None, because=because), advice=_advice(stage))
        return BuiltImage(row, tuple(sentences))
    image = _image(stage, stage.user)
    plain = _with_created_user(stage, explain_in_pod(image, versions=versions))
    non_root = explain_in_pod(image, _NON_ROOT, versions=versions)
    chain = [*sentences]
    if non_root.kubelet_refusal is not None:
        chain.append(f"in a pod with runAsNonRoot the kubelet refuses: {non_root.kubelet_refusal.message}")
    row = replace(row, answer=replace(plain, because=(*chain, *plain.because)), non_root=non_root)
    return BuiltImage(row, tuple(sentences), image)


def _on_windows(row: Explanation, stage: BuiltStage) -> BuiltImage:
    sentences = tuple(windows_builds.windows_findings(stage))
    answer, non_root = windows_builds.windows_answers(stage)
    advice = _advice(stage) if stage.user is None else None
    answer = replace(answer, because=(*sentences, *answer.because))
    image = windows_builds.windows_image(stage.user) if stage.user is not None else None
    return BuiltImage(replace(row, answer=answer, non_root=non_root, advice=advice), sentences, image)


def _stopped(name: str, stage: str, base: str, stops: BuildStops) -> Explanation:
    message = str(stops)
    where = "" if stops.line is None or f"line {stops.line}" in message else f"line {stops.line}: "
    return Explanation(
        file=name,
        kind="Dockerfile",
        name=name,
        namespace="default",
        container=stage,
        role="main",
        image=base,
        image_user=None,
        answer=replace(_NOT_KNOWN, because=(f"the build stops: {where}{message}",)),
        build=BuildOutcome(False, message),
    )


def _image(stage: BuiltStage, user: str) -> Image:
    """The image that comes out, with the account files that it is known to have."""
    home = stage.env.get("HOME")
    known_home = home_of([f"HOME={home}"]) if isinstance(home, str) else None
    base = stage.image.image if stage.image is not None else None
    if base is None or not base.files_known or isinstance(home, Open) or may_change_accounts(stage):
        return Image(user, home=known_home, files_known=False)
    return replace(base, user=user, home=known_home)


def _with_created_user(stage: BuiltStage, answer: Answer) -> Answer:
    """The answer for a user that a command of the Dockerfile creates: it is there, and it may have a number."""
    user = cri_user(stage.user or "")
    if user.uid is not None or answer.runs_as is not None or answer.refusal is not None:
        return answer
    if user.name == "root":
        return replace(answer, ok=True, uid=0)
    creation = creation_of(stage, user.name)
    return replace(answer, ok=None) if creation is None else replace(answer, ok=True, uid=creation.uid)


def _advice(stage: BuiltStage) -> str:
    """What tells the user of an image that its base decides."""
    base = next(part.base for part in stage.lineage() if part.parent is None)
    line = stage.user_line
    if line is not None and line.open_names:
        names = " ".join(f"--image-env {base}={name}=..." for name in sorted(line.open_names))
        return f"USER {line.written} depends on {base}, which is not known: have it here, or say what it sets, {names}"
    return f"its user is that of {base}, which is not known: have it here, or give it, --image-user {base}=USER"


def _other_builder(text: str, bases: Bases, stage: BuiltStage, options: BuildOptions) -> list[str]:
    """Where the builders differ: a sentence on what the other one makes of it."""
    other: Builder = "classic" if options.builder == "buildkit" else "buildkit"
    title = _TITLES[other] + (" (DOCKER_BUILDKIT=0)" if other == "classic" else "")
    try:
        final = evaluate(text, bases, replace(options, builder=other)).final
    except BuildStops as error:
        return [f"{title} stops: {error}"]
    if final.stops is not None:
        return [f"{title} stops: {final.stops}"]
    if final.user == stage.user or final.user is None:
        return []
    root = ", which is root" if is_root(final.user) else ""
    return [f"{title} makes another user of it: {final.user or 'empty'}{root}"]
