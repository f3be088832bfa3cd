"""What a Compose file includes: other files, each with a folder and variables of its own.

Source: compose-spec/compose-go:loader/include.go, at v2.16.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labkit.explain.dockerfiles.compose_documents import NotCompose, parse_document, read_file
from labkit.explain.dockerfiles.compose_merging import merged_projects, with_extended
from labkit.explain.dockerfiles.compose_services import ComposeService, check_services, services_of
from labkit.explain.dockerfiles.compose_text import Interpolation, InvalidTemplate, read_variables, variables_of

_DEEPEST = 20
_DEFAULT_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDE_NAMES = tuple(name.replace("compose.", "compose.override.") for name in _DEFAULT_NAMES)
_ELSEWHERE = ("oci://", "git@", "github.com/", "http://", "https://", "ssh://", "git://")


@dataclass(frozen=True)
class ComposeProject:
    """The services of a Compose file and of all that it includes.

    Args:
        services: in their order, what is included first.
        unread: what it includes that is on other machines.
        override: the file that Compose puts over it by itself; None for none.
    """

    services: tuple[ComposeService, ...]
    unread: tuple[str, ...] = ()
    override: Path | None = None


def read_project(path: Path) -> ComposeProject:
    """Read a Compose file, with what it includes and extends.

    Raises:
        NotCompose: Compose does not take it.
        OSError: it cannot be read.
    """
    variables, override = variables_of(path.parent), override_of(path)
    project = _with_file({}, path, variables)
    if override is not None:
        try:
            project = _with_file(project, override, variables)
        except NotCompose as error:
            raise NotCompose(f"{override}: {error}") from error
    whole = _project(project, path.parent, variables, (path,))
    return replace(whole, override=override)


def _with_file(project: Mapping[str, Any], path: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """A project with one more file put over it."""
    merged = merged_projects(project, with_extended(parse_document(read_file(path)), path, variables))
    check_services(merged)
    return merged


def override_of(path: Path) -> Path | None:
    """The file that `docker compose` without -f puts over a file (compose-go:cli/options.go); None for none."""
    if path.name not in _DEFAULT_NAMES:
        return None
    return next((file for name in _OVERRIDE_NAMES if (file := path.with_name(name)).is_file()), None)


def _project(
    project: Mapping[str, Any], folder: Path, variables: Mapping[str, str], above: tuple[Path, ...]
) -> ComposeProject:
    services: dict[str, ComposeService] = {}
    unread: list[str] = []
    entries = project.get("include") or []
    if not isinstance(entries, list):
        raise NotCompose("include must be a list")
    for entry in entries:
        part = _included(entry, folder, variables, above)
        unread += part.unread
        for service in part.services:
            _add(services, service)
    for service in services_of(project, folder, variables):
        _add(services, service)
    return ComposeProject(tuple(services.values()), tuple(unread))


def _add(services: dict[str, ComposeService], service: ComposeService) -> None:
    other = services.setdefault(service.name, service)
    if replace(other, folder=service.folder) != service:
        raise NotCompose(f"services.{service.name} conflicts with imported resource")


def _included(entry: object, folder: Path, variables: Mapping[str, str], above: tuple[Path, ...]) -> ComposeProject:
    """What an entry of include names; several files of one entry override one another."""
    fields = entry if isinstance(entry, dict) else {"path": entry}
    paths = _texts(fields.get("path"), "path", variables)
    if not paths:
        raise NotCompose("include: path is required")
    if any(name.startswith(_ELSEWHERE) for name in paths):
        return ComposeProject((), tuple(paths))
    files = [folder / name for name in paths]
    if len(above) > _DEEPEST or any(_same(file, other) for file in files for other in above):
        raise NotCompose(f"include cycle detected: {above[0]} includes itself by way of {files[0]}")
    own_folder = files[0].parent
    if chosen := _texts(fields.get("project_directory"), "project_directory", variables):
        own_folder = folder / chosen[0]
    env_files = _texts(fields.get("env_file"), "env_file", variables)
    own = read_variables([folder / name for name in env_files] if env_files else [own_folder / ".env"])
    of_include = {**own, **variables}
    merged: Mapping[str, Any] = {}
    for file in files:
        try:
            merged = _with_file(merged, file, of_include)
        except OSError as error:
            raise NotCompose(f"{file}: {error.strerror}") from error
        except NotCompose as error:
            raise NotCompose(f"{file}: {error}") from error
    return _project(merged, own_folder, of_include, (*above, *files))


def _same(first: Path, second: Path) -> bool:
    return first.resolve() == second.resolve()


def _texts(value: object, name: str, variables: Mapping[str, str]) -> list[str]:
    """A text, or a list of them, with its variables filled in."""
    values: list[object] = [] if value is None else value if isinstance(value, list) else [value]
    texts = [text for text in values if isinstance(text, str) and "\0" not in text]
    if len(texts) < len(values):
        raise NotCompose(f"include: {name} must be a string")
    try:
        return [Interpolation(variables).fill(text) for text in texts]
    except InvalidTemplate as error:
        raise NotCompose(f"include: {error}") from error
