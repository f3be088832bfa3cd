"""`labkit explain` for Compose files: a row for each service, by the engine's rule.

Source: compose-spec/compose-go:loader and schema/compose-spec.json, at v2.16.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.base.errors import Misuse
from labkit.core.identity.docker_run import explain_in_engine
from labkit.core.identity.model import Answer, Image, Versions, read_number
from labkit.explain.dockerfiles.base_images import BaseFinder
from labkit.explain.dockerfiles.built_stage import BaseImage
from labkit.explain.dockerfiles.compose_documents import NotCompose
from labkit.explain.dockerfiles.compose_includes import read_project
from labkit.explain.dockerfiles.compose_merging import is_elsewhere, pairs
from labkit.explain.dockerfiles.compose_services import ComposeService
from labkit.explain.dockerfiles.dockerfile_rows import Bases, explain_build, read_dockerfile
from labkit.explain.dockerfiles.stage_evaluator import BuildOptions
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.rows import BuildOutcome, Explanation, Explanations

_NEWEST = Versions()
_OF_IMAGE = "docker-image://"
_NOT_KNOWN = Answer(ok=None, kubelet_ok=None, decided_by="image", because=())


@dataclass(frozen=True)
class BuildAnswer:
    """The image of a service, as far as it is known.

    Args:
        row: of the service, without an answer yet.
        image: None if its user is not known.
        sentences: what is to be said of it.
    """

    row: Explanation
    image: Image | None
    sentences: tuple[str, ...] = ()


def explain_compose(
    finder: ImageFinder, name: str, bases: BaseFinder, forgiven: bool = False, versions: Versions = _NEWEST
) -> Explanations:
    """As whom the services of a Compose file run, on the engine that `docker compose up` would use.

    Args:
        finder: looks images up.
        name: the path of the file.
        bases: looks the bases of Dockerfiles up.
        forgiven: whether the file was not chosen: no gate minds an image that is not known, or a file of another kind.
        versions: of the engine's runc.
    """
    path = Path(name)
    try:
        project = read_project(path)
    except (NotCompose, OSError) as error:
        if forgiven:
            return Explanations([])
        return Explanations([], flaws=[f"{name}: Compose does not take it: {error}"])
    rows = [replace(_row(finder, service, path, bases, versions), forgiven=forgiven) for service in project.services]
    unread = [f"{name}: it includes {place}, which is not fetched: fetch it, and name it" for place in project.unread]
    notes = unread if forgiven else []
    if project.override is not None:
        notes = [*notes, f"{project.override} overrides {name}, as docker compose without -f does"]
    return Explanations(rows, notes, unjudged=() if forgiven else unread)


def _row(
    finder: ImageFinder, service: ComposeService, path: Path, bases: BaseFinder, versions: Versions
) -> Explanation:
    row = Explanation(
        file=str(path),
        kind="Compose",
        name=str(path),
        namespace="default",
        container=service.name,
        role="main",
        image=service.image,
        image_user=None,
        answer=_NOT_KNOWN,
    )
    if service.build is None:
        image = finder.find(service.image)
        built = BuildAnswer(replace(row, image_user=image.user if image is not None else None), image)
    else:
        built = _built(row, service, bases)
    row = built.row
    if row.build is not None and not row.build.ok:
        return replace(row, answer=replace(_NOT_KNOWN, because=(*service.notes, *built.sentences)))
    answer = _with_home(_answer(built.image, service, versions, row.answer), service.home)
    because = (*service.notes, *built.sentences, *answer.because)
    return replace(row, answer=replace(answer, because=because), non_root=None, advice=_advice(service))


def _built(row: Explanation, service: ComposeService, bases: BaseFinder) -> BuildAnswer:
    """The image that a service builds."""
    build = service.build or {}
    context = str(build.get("context") or ".")
    if is_elsewhere(context):
        return BuildAnswer(row, None, (f"its build context {context} is not fetched: its Dockerfile is not known",))
    arguments = {
        name: service.variables[name] if value is None else value
        for name, value in pairs(build.get("args")).items()
        if value is not None or name in service.variables
    }
    options = BuildOptions("buildkit", arguments, str(build.get("target") or ""))
    file = str(service.folder / context / str(build.get("dockerfile") or "Dockerfile"))
    row = replace(row, image=row.image or file)
    inline = build.get("dockerfile_inline")
    try:
        text = inline if isinstance(inline, str) else read_dockerfile(file)
        made = explain_build(_with_contexts(bases, build), text, file, options)
    except (Misuse, ValueError) as error:
        message = f"reading {file}: {error.came_back if isinstance(error, Misuse) else error}"
        return BuildAnswer(replace(row, build=BuildOutcome(False, message)), None, (message,))
    where = "its Dockerfile" if isinstance(inline, str) else file
    sentences = made.sentences or made.row.answer.because
    row = replace(row, image_user=made.row.image_user, build=made.row.build, answer=made.row.answer)
    return BuildAnswer(row, made.image, tuple(f"{where}: {sentence}" for sentence in sentences))


def _with_contexts(bases: Bases, build: Mapping[str, Any]) -> Bases:
    """The bases, but for names that the build gives to other things (docker/buildx:docs/reference/buildx_build.md)."""
    contexts = pairs(build.get("additional_contexts"))

    def find(name: str) -> BaseImage | None:
        place = contexts.get(name)
        if place is None:
            return bases(name)
        return bases(place.removeprefix(_OF_IMAGE)) if place.startswith(_OF_IMAGE) else None

    return find


def _answer(image: Image | None, service: ComposeService, versions: Versions, of_build: Answer) -> Answer:
    if image is None and not service.user:
        return replace(of_build, ok=None, because=("no user is set, and the image's USER is not known",))
    answer = explain_in_engine(
        image or Image(files_known=False), service.user or None, service.group_add, versions=versions
    )
    # What a Dockerfile's commands tell of its user is known already.
    if service.build is not None and not service.user and answer.uid is None and of_build.uid is not None:
        answer = replace(answer, ok=of_build.ok, uid=of_build.uid)
    if not service.user:
        return answer
    overridden = "an image that is not known" if image is None else f"the image's USER ({image.user or 'empty'})"
    return replace(answer, because=(f"the service's user {service.user} overrides {overridden}", *answer.because[1:]))


def _with_home(answer: Answer, home: str | None) -> Answer:
    """An answer with HOME as the service's environment sets it; an empty one is filled in by the runtime."""
    if not home or answer.refusal is not None:
        return answer
    runs_as = replace(answer.runs_as, home=home) if answer.runs_as is not None else None
    because = [sentence for sentence in answer.because if not sentence.startswith("HOME is ")]
    says = f"HOME is {home}: the service's environment says so"
    return replace(answer, runs_as=runs_as, home=home, because=(*because, says))


def _advice(service: ComposeService) -> str:
    if service.user and read_number(service.user.partition(":")[0]) is None:
        return (
            f"its user {service.user} is a name, whose uid is not known without the image's passwd file: say the number"
        )
    if service.build is not None:
        return "its user is for the base of its Dockerfile to decide, which is not known: have it here, or set user"
    return f"its user is not known: set user, or give the image's, --image-user {service.image}=USER"
