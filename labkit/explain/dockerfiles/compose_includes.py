"""What a Compose file includes: other files, each with a folder and variables of its own.

Source: compose-spec/compose-go:loader/include.go, at v2.16.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from labkit.explain.dockerfiles.compose_documents import ComposeDocument, NotCompose, parse_documents, read_file
from labkit.explain.dockerfiles.compose_merging import merged_projects, with_extended, with_included
from labkit.explain.dockerfiles.compose_services import ComposeService, check_services, services_of
from labkit.explain.dockerfiles.compose_text import Interpolation, InvalidTemplate
from labkit.explain.dockerfiles.compose_variables import read_variables, variables_of

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
    override = override_of(path)
    try:
        reading = _Reading(path.parent, variables_of(path.parent), (path,))
    except InvalidTemplate as error:
        raise NotCompose(str(error)) from error
    reading.put(path)
    if override is not None:
        try:
            reading.put(override)
        except NotCompose as error:
            raise NotCompose(f"{override}: {error}") from error
    if not reading.fields.get("services") and not reading.unread:
        raise NotCompose("it has no services")
    return replace(reading.project(), override=override)


@dataclass
class _Reading:
    """A project while its files are read, one over another.

    Args:
        folder: to which the contexts of its builds are relative.
        variables: that are filled in.
        above: the files that include it.
    """

    folder: Path
    variables: Mapping[str, str]
    above: tuple[Path, ...]
    fields: Mapping[str, Any] = field(default_factory=dict)
    included: dict[str, ComposeService] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    def put(self, path: Path) -> None:
        """Put one more file over it, a document after the other, each with what it includes and extends."""
        for document in parse_documents(read_file(path)):
            self._put_document(document, path)

    def _put_document(self, document: ComposeDocument, path: Path) -> None:
        entries = document.project.get("include") or []
        if not isinstance(entries, list):
            raise NotCompose("include must be a list")
        for entry in entries:
            part = _included(entry, self.folder, self.variables, self.above)
            self.unread += part.unread
            self.included |= {service.name: service for service in part.services}
            document = with_included(document, {service.name: service.to_fields() for service in part.services})
        merged = merged_projects(self.fields, with_extended(document, path, self.variables))
        check_services(merged)
        self.fields = merged

    def project(self) -> ComposeProject:
        """What has come out; of a service that is as another file has it, the notes are that file's."""
        services = services_of(self.fields, self.folder, self.variables)
        of_files = [
            other
            if (other := self.included.get(service.name)) is not None
            and self.fields["services"][service.name] == other.to_fields()
            else service
            for service in services
        ]
        own = [service for service in of_files if service.name not in self.included]
        return ComposeProject(
            (*(service for service in of_files if service.name in self.included), *own), tuple(self.unread)
        )


def override_of(path: Path) -> Path | None:
    """The file that `docker compose` without -f puts over a file (compose-go:cli/options.go); None for none."""
    if path.name not in _DEFAULT_NAMES:
        return None
    return next((file for name in _OVERRIDE_NAMES if (file := path.with_name(name)).is_file()), None)


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
    env_paths = [folder / name for name in env_files if name != "/dev/null"]
    if missing := next((path for path in env_paths if not path.is_file()), None):
        raise NotCompose(f"{missing}: there is no such file")
    try:
        own = read_variables(env_paths if env_files else [own_folder / ".env"])
    except InvalidTemplate as error:
        raise NotCompose(str(error)) from error
    reading = _Reading(own_folder, {**own, **variables}, (*above, *files))
    for file in files:
        try:
            reading.put(file)
        except OSError as error:
            raise NotCompose(f"{file}: {error.strerror}") from error
        except NotCompose as error:
            raise NotCompose(f"{file}: {error}") from error
    return reading.project()


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
