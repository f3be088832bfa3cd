"""The services of a Compose file, as far as they concern users.

Source: compose-spec/compose-go:loader and schema/compose-spec.json, at v2.16.2.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.explain.dockerfiles.compose_text import Interpolation, InvalidTemplate
from labkit.explain.file_kinds import has_compose_name, may_be_compose
from labkit.explain.manifests.documents import decode
from labkit.explain.manifests.go_yaml import Fields, read_document
from labkit.explain.manifests.yaml_nodes import BadYaml

_LARGEST = 4 << 20
_DEEPEST = 20
# What the shell has without exporting it, so that Compose does not see it.
_OF_THE_SHELL = ("UID", "EUID", "GID", "GROUPS", "USER_ID")


class NotCompose(ValueError):
    """A file that Compose does not take; the text says why."""


@dataclass(frozen=True)
class ComposeService:
    """A service of a Compose file, as far as it concerns users.

    Args:
        name: of the service.
        image: its image; empty for none.
        build: its build section; None for none.
        user: empty for none.
        group_add: groups that are added.
        notes: what is to be said of its variables.
        folder: to which its build's context is relative.
    """

    name: str
    image: str
    build: Mapping[str, Any] | None
    user: str
    group_add: tuple[str, ...]
    notes: tuple[str, ...]
    folder: Path = Path()


def is_compose(name: str) -> bool:
    """Whether a file is one for Compose: it has services, and they have images or builds."""
    if not may_be_compose(name):
        return False
    if name == "-":  # It can be read once only.
        return True
    try:
        data = read_file(Path(name))
    except (OSError, ValueError):
        return False
    if len(data) > _LARGEST:
        return False
    try:
        project = parse_project(data)
        return _is_project(project) or ("include" in project and has_compose_name(name))
    except NotCompose:
        return False


def services_of(
    project: Mapping[str, Any], path: Path, folder: Path, variables: Mapping[str, str]
) -> list[ComposeService]:
    """The services of a Compose file, with what they extend, and with their variables filled in.

    Args:
        project: as the file has it.
        path: the file.
        folder: to which the contexts of its builds are relative.
        variables: that are filled in.

    Raises:
        NotCompose: Compose does not take it.
    """
    services = project["services"]
    return [
        _service(name, _extended(name, services, path, variables, 0), folder, variables)
        for name, fields in services.items()
        if isinstance(fields, dict)
    ]


def _service(name: str, fields: Mapping[str, Any], folder: Path, variables: Mapping[str, str]) -> ComposeService:
    interpolation = Interpolation(variables)
    where = f"services.{name}"
    user, image = fields.get("user", ""), fields.get("image", "")
    for key, value in (("user", user), ("image", image)):
        if not isinstance(value, str):
            hint = ": put it in quotes" if isinstance(value, int | float) else ""
            raise NotCompose(f"{where}.{key} must be a string{hint}")
    build = fields.get("build")
    build = {"context": build} if isinstance(build, str) else build
    if build is not None and not isinstance(build, dict):
        raise NotCompose(f"{where}.build must be a string or a mapping")
    groups = fields.get("group_add") or []
    if not isinstance(groups, list):
        raise NotCompose(f"{where}.group_add must be a list")
    if not image and build is None:
        raise NotCompose(f'service "{name}" has neither an image nor a build context specified')
    try:
        filled_user, filled_image = interpolation.fill(user), interpolation.fill(image)
        filled_build = _filled(build, interpolation) if build is not None else None
        added = tuple(interpolation.fill(str(group)) for group in groups)
    except InvalidTemplate as error:
        raise NotCompose(f"{where}: {error}") from error
    notes = tuple(_notes(user, filled_user, interpolation))
    return ComposeService(name, filled_image, filled_build, filled_user, added, notes, folder)


def _notes(written: str, user: str, interpolation: Interpolation) -> list[str]:
    if "$" not in written:
        return []
    notes = [f"user: {written} becomes {user or 'empty, so the image decides'}"]
    for name in sorted(interpolation.missing):
        if name in written:
            why = ": the shell has it, and does not export it" if name in _OF_THE_SHELL else ""
            notes.append(f"{name} is set neither in the environment nor in .env{why}")
    return notes


def _filled(value: Any, interpolation: Interpolation) -> Any:
    if isinstance(value, str):
        return interpolation.fill(value)
    if isinstance(value, dict):
        return {key: _filled(item, interpolation) for key, item in value.items() if key != "dockerfile_inline"} | {
            key: interpolation.fill(item)
            for key, item in value.items()
            if key == "dockerfile_inline" and isinstance(item, str)
        }
    return [_filled(item, interpolation) for item in value] if isinstance(value, list) else value


def _extended(
    name: str, services: Mapping[str, Any], path: Path, variables: Mapping[str, str], depth: int
) -> Mapping[str, Any]:
    """A service with what it extends, in this file or in another."""
    if depth > _DEEPEST:
        raise NotCompose(f"services.{name} extends itself, or more than {_DEEPEST} others")
    fields = services.get(name)
    if not isinstance(fields, dict):
        raise NotCompose(f'cannot extend service "{name}": there is no such service')
    extends = fields.get("extends")
    if extends is None:
        return fields
    reference = {"service": extends} if isinstance(extends, str) else extends
    if not isinstance(reference, dict) or not isinstance(reference.get("service"), str):
        raise NotCompose(f"services.{name}.extends.service is required")
    others: object = services
    other_path = path
    if isinstance(reference.get("file"), str):
        other_path = path.parent / Interpolation(variables).fill(reference["file"])
        try:
            others = parse_project(read_file(other_path)).get("services")
        except OSError as error:
            raise NotCompose(f"{other_path}: {error.strerror}") from error
    if not isinstance(others, dict):
        raise NotCompose(f"{other_path}: it has no services")
    parent = _extended(reference["service"], others, other_path, variables, depth + 1)
    if other_path is not path:
        parent = _with_absolute_context(parent, other_path.parent)
    return _merged(parent, fields)


def _with_absolute_context(fields: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """A service of another file, whose build's context is relative to that file (compose-go:loader/extends.go)."""
    build = _build_section(fields.get("build"))
    context = build.get("context", ".") if build is not None else None
    if build is None or not isinstance(context, str) or is_elsewhere(context):
        return fields
    return {**fields, "build": {**build, "context": str(folder.absolute() / context)}}


def is_elsewhere(context: str) -> bool:
    """Whether a build's context is on another machine (moby/buildkit:frontend/dockerui/context.go)."""
    return "://" in context or context.startswith(("git@", "github.com/"))


def _merged(parent: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**parent, **fields}
    build, own = _build_section(parent.get("build")), _build_section(fields.get("build"))
    if build is not None and own is not None:
        merged["build"] = build | own
    return merged


def _build_section(value: object) -> dict[str, Any] | None:
    """A build as a mapping; None for anything else."""
    if isinstance(value, str):
        return {"context": value}
    return value if isinstance(value, dict) else None


def _is_project(value: object) -> bool:
    if not isinstance(value, dict) or "apiVersion" in value or not isinstance(value.get("services"), dict):
        return False
    services = [fields for fields in value["services"].values() if isinstance(fields, dict)]
    return any({"image", "build", "extends"} & fields.keys() for fields in services)


def parse_project(data: bytes) -> dict[str, Any]:
    """A Compose file's bytes as a mapping that has services.

    Raises:
        NotCompose: they are no such file.
    """
    text = decode(data).replace("\r\n", "\n").removeprefix("\ufeff")
    try:
        project = read_document(f"{text}\n", since_v3=True)
    except BadYaml as error:
        raise NotCompose(f"it is not YAML: line {error.line + 1}: {error}") from error
    except RecursionError:
        raise NotCompose("it is nested too deeply") from None
    if not isinstance(project, dict):
        raise NotCompose("it has no services")
    services = project.get("services")
    if not isinstance(services, dict) and (services is not None or "include" not in project):
        raise NotCompose("it has no services")
    for repeated, line in _repeated(project):
        raise NotCompose(f"line {line + 1}: mapping key {repeated!r} already defined")
    return {**project, "services": services or {}}


def _repeated(value: object, depth: int = 0) -> Iterator[tuple[str, int]]:
    """The keys that a mapping or one in it has twice."""
    if isinstance(value, Fields):
        yield from value.repeated
    if isinstance(value, dict) and depth < _DEEPEST:
        for part in value.values():
            yield from _repeated(part, depth + 1)


def read_file(path: Path) -> bytes:
    """A file's bytes, as far as a Compose file may go.

    Raises:
        OSError: it cannot be read.
    """
    if str(path) == "-":
        return sys.stdin.buffer.read(_LARGEST + 1)
    if not path.is_file():
        raise OSError(2, "there is no such file", str(path))
    with path.open("rb") as file:
        return file.read(_LARGEST + 1)
