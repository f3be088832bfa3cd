"""How Compose puts one service over another: of an override over the file under it, or over the service it extends.

Source: compose-spec/compose-go:override/merge.go and loader/extends.go, at v2.16.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from labkit.explain.dockerfiles.compose_documents import (
    ComposeDocument,
    ComposeFields,
    NotCompose,
    parse_documents,
    read_file,
)
from labkit.explain.dockerfiles.compose_text import Interpolation

_DEEPEST = 20
# Mappings, or lists of NAME=VALUE; of two with one name the later counts.
_OF_PAIRS: Final = ("environment", "args", "additional_contexts")


def merged_projects(base: Mapping[str, Any], override: ComposeDocument) -> ComposeFields:
    """A project with one more document of its files, which overrides it, as far as users go.

    Raises:
        NotCompose: Compose does not put the one over the other.
    """
    base, above = override.undo(base), override.project
    services: ComposeFields = dict(base.get("services") or {})
    for name, fields in (above.get("services") or {}).items():
        services[name] = _over(services.get(name), fields)
    return {**base, **above, "services": services}


def with_extended(document: ComposeDocument, path: Path, variables: Mapping[str, str]) -> ComposeDocument:
    """A file whose services have what they extend, in this file or in another.

    Args:
        document: the file.
        path: where it is.
        variables: that are filled in.

    Raises:
        NotCompose: Compose does not take it.
    """
    services = document.project["services"]
    extended = {
        name: _extended(name, document, path, variables, 0) if isinstance(fields, dict) else fields
        for name, fields in services.items()
    }
    return ComposeDocument({**document.project, "services": extended}, document.undone)


def with_included(document: ComposeDocument, included: Mapping[str, Mapping[str, Any]]) -> ComposeDocument:
    """A file with the services of one that it includes, over which it puts its own of the same names.

    Source: compose-spec/compose-go:loader/include.go, importResource.
    """
    services = dict(document.project["services"])
    for name, fields in included.items():
        own = services.get(name)
        services[name] = fields if own is None else _over(document.undo(fields, ("services", name)), own)
    return ComposeDocument({**document.project, "services": services}, document.undone)


def is_elsewhere(context: str) -> bool:
    """Whether a build's context is on another machine (moby/buildkit:frontend/dockerui/context.go)."""
    return "://" in context or context.startswith(("git@", "github.com/"))


def pairs(value: object) -> dict[str, str | None]:
    """Arguments of a build and their like, a mapping or a list; None for one without a value."""
    if isinstance(value, dict):
        return {str(name): None if item is None else _scalar(item) for name, item in value.items()}
    if not isinstance(value, list):
        return {}
    split = (str(item).partition("=") for item in value)
    return {name: text if equals else None for name, equals, text in split}


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _over(base: Any, over: Any) -> Any:
    """A mapping with another that overrides it, as far as users go; what is nothing overrides nothing."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return base if over is None else over
    return {**base, **{key: _part_over(key, base.get(key), part) for key, part in over.items()}}


def _part_over(key: str, base: Any, over: Any) -> Any:
    if key in _OF_PAIRS:
        return {**pairs(base), **pairs(over)}
    if key == "build":
        return _over(build_section(base), build_section(over))
    if key == "group_add" and isinstance(base, list) and over is not None:
        if not isinstance(over, list):
            raise NotCompose("cannot override group_add: it is no list")
        return [*base, *over]
    return base if over is None else over


def build_section(value: Any) -> Any:
    """A build as a mapping, if it is a text."""
    return {"context": value} if isinstance(value, str) else value


def _extended(
    name: str, document: ComposeDocument, path: Path, variables: Mapping[str, str], depth: int
) -> Mapping[str, Any]:
    """A service with what it extends."""
    if depth > _DEEPEST:
        raise NotCompose(f"services.{name} extends itself, or more than {_DEEPEST} others")
    fields = document.project["services"].get(name)
    if not isinstance(fields, dict):
        raise NotCompose(f'cannot extend service "{name}": there is no such service')
    extends = fields.get("extends")
    if extends is None:
        return fields
    reference = {"service": extends} if isinstance(extends, str) else extends
    if not isinstance(reference, dict) or not isinstance(reference.get("service"), str):
        raise NotCompose(f"services.{name}.extends.service is required")
    other, other_path = document, path
    if isinstance(reference.get("file"), str):
        other_path = path.parent / Interpolation(variables).fill(reference["file"])
        try:
            other = _as_one(parse_documents(read_file(other_path)))
        except OSError as error:
            raise NotCompose(f"{other_path}: {error.strerror}") from error
    parent = _extended(reference["service"], other, other_path, variables, depth + 1)
    if other_path is not path:
        parent = with_absolute_context(parent, other_path.parent)
    parent = document.undo(parent, ("services", name))
    merged = _over(parent, fields)
    return {key: part for key, part in merged.items() if key != "extends"}


def _as_one(documents: Sequence[ComposeDocument]) -> ComposeDocument:
    """A file's documents, each overriding those before it; what is undone below the file is for the last one to say."""
    project: Mapping[str, Any] = {}
    for document in documents:
        project = merged_projects(project, document)
    return ComposeDocument(
        {**project, "services": project.get("services") or {}}, documents[-1].undone if documents else frozenset()
    )


def with_absolute_context(fields: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """A service of another file, whose build's context is relative to that file (compose-go:loader/extends.go)."""
    build = build_section(fields.get("build"))
    context = build.get("context", ".") if isinstance(build, dict) else None
    if not isinstance(build, dict) or not isinstance(context, str) or is_elsewhere(context):
        return fields
    return {**fields, "build": {**build, "context": str(folder.absolute() / context)}}
