"""The services of a Compose file, as far as they concern users.

Source: compose-spec/compose-go:loader and schema/compose-spec.json, at v2.16.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labkit.explain.dockerfiles.compose_documents import LARGEST, ComposeFields, NotCompose, parse_documents, read_file
from labkit.explain.dockerfiles.compose_merging import build_section, pairs, with_absolute_context
from labkit.explain.dockerfiles.compose_text import Interpolation, InvalidTemplate
from labkit.explain.file_kinds import has_compose_name, may_be_compose


def _split(text: str) -> frozenset[str]:
    return frozenset(text.split())


# compose-spec/compose-go:schema/compose-spec.json, the properties of a file, of a service and of its build
_FIELDS_OF_FILE = _split("version name include services models networks volumes secrets configs jobs")
_FIELDS = _split(
    """annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name
    cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec
    depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file
    environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation
    label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models
    network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_start pre_stop
    privileged profiles provider pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt
    shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user
    userns_mode uts volumes volumes_from working_dir"""
)
_FIELDS_OF_BUILD = _split(
    """additional_contexts args cache_from cache_to context dockerfile dockerfile_inline entitlements extra_hosts
    isolation labels network no_cache no_cache_filter platforms privileged provenance pull sbom secrets shm_size ssh
    tags target ulimits"""
)
# What the shell has without exporting it, so that Compose does not see it.
_OF_THE_SHELL = ("UID", "EUID", "GID", "GROUPS", "USER_ID")


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
        variables: that are filled in where a build's argument has no value.
        home: what its environment says of HOME; None for nothing.
    """

    name: str
    image: str
    build: Mapping[str, Any] | None
    user: str
    group_add: tuple[str, ...]
    notes: tuple[str, ...]
    folder: Path = Path()
    variables: Mapping[str, str] = field(default_factory=dict, compare=False)
    home: str | None = None

    def to_fields(self) -> ComposeFields:
        """The service as a Compose file would have it, with nothing left to fill in."""
        fields: ComposeFields = {"image": self.image, "user": self.user, "group_add": list(self.group_add)}
        fields |= {"build": self.build, "environment": {"HOME": self.home} if self.home is not None else None}
        return {key: _escaped(value) for key, value in with_absolute_context(fields, self.folder).items() if value}


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
    if len(data) > LARGEST:
        return False
    try:
        projects = [document.project for document in parse_documents(data)]
    except NotCompose:
        return False
    if any("apiVersion" in project for project in projects):
        return False
    includes = has_compose_name(name) and any("include" in project for project in projects)
    return includes or any(_is_project(project) for project in projects)


def services_of(project: Mapping[str, Any], folder: Path, variables: Mapping[str, str]) -> list[ComposeService]:
    """The services of a Compose file that have containers, with their variables filled in.

    Args:
        project: as the file has it, its services with what they extend, and checked.
        folder: to which the contexts of its builds are relative.
        variables: that are filled in.

    Raises:
        NotCompose: Compose does not take it.
    """
    services = project["services"].items()
    read = [(fields, _service(name, fields, folder, variables)) for name, fields in services]
    # What another program provides has no container.
    return [service for fields, service in read if not fields.get("provider")]


def check_services(project: Mapping[str, Any]) -> None:
    """Hold a project's services against Compose's schema, as far as it concerns users; it does so with each file.

    Raises:
        NotCompose: they are not as the schema has them.
    """
    _check_fields(project, _FIELDS_OF_FILE)
    for name, fields in project["services"].items():
        where = f"services.{name}"
        if not isinstance(fields, dict):
            raise NotCompose(f"{where} must be a mapping")
        _check_fields(fields, _FIELDS, where)
        for key in ("user", "image"):
            value = fields.get(key, "")
            if not isinstance(value, str):
                hint = ": put it in quotes" if isinstance(value, int | float) else ""
                raise NotCompose(f"{where}.{key} must be a string{hint}")
        if not isinstance(fields.get("group_add", []), list):
            raise NotCompose(f"{where}.group_add must be a list")
        build = fields.get("build", "")
        if isinstance(build, dict):
            _check_build(build, f"{where}.build")
        elif not isinstance(build, str):
            raise NotCompose(f"{where}.build must be a string or a mapping")


def _check_build(build: Mapping[str, Any], where: str) -> None:
    _check_fields(build, _FIELDS_OF_BUILD, where)
    for key in ("context", "dockerfile", "dockerfile_inline", "target"):
        if not isinstance(build.get(key, ""), str):
            raise NotCompose(f"{where}.{key} must be a string")
    if not isinstance(build.get("args", []), dict | list):
        raise NotCompose(f"{where}.args must be a mapping or a list")


def _check_fields(fields: Mapping[str, Any], known: frozenset[str], where: str = "") -> None:
    """Refuse what the schema does not have: a misspelt user would be the image's own."""
    for key in fields:
        if key not in known and not key.startswith("x-"):
            raise NotCompose(f"{where}.{key}".removeprefix(".") + " is no field that Compose has")


def _service(name: str, fields: Mapping[str, Any], folder: Path, variables: Mapping[str, str]) -> ComposeService:
    interpolation = Interpolation(variables)
    user, image = fields.get("user", ""), fields.get("image", "")
    build = build_section(fields.get("build"))
    if not image and build is None and not fields.get("provider"):
        raise NotCompose(f'service "{name}" has neither an image nor a build context specified')
    if build and build.get("dockerfile") and build.get("dockerfile_inline"):
        raise NotCompose(f'service "{name}" declares mutualy exclusive dockerfile and dockerfile_inline')
    try:
        filled_user, filled_image = interpolation.fill(user), interpolation.fill(image)
        filled_build = _filled(build, interpolation) if build is not None else None
        groups = [interpolation.fill(str(group)) for group in fields.get("group_add", ())]
        home = _home(fields.get("environment"), interpolation, variables)
    except InvalidTemplate as error:
        raise NotCompose(f"services.{name}: {error}") from error
    notes = tuple(_notes(user, filled_user, interpolation))
    added = tuple(dict.fromkeys(groups))
    return ComposeService(name, filled_image, filled_build, filled_user, added, notes, folder, variables, home)


def _home(environment: object, interpolation: Interpolation, variables: Mapping[str, str]) -> str | None:
    """HOME of a service's environment; without a value it is the one of whoever starts Compose."""
    values = pairs(environment)
    if "HOME" not in values:
        return None
    value = values["HOME"]
    return variables.get("HOME") if value is None else interpolation.fill(value)


def _escaped(value: Any) -> Any:
    """A value whose dollars are to stay."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value


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


def _is_project(project: Mapping[str, Any]) -> bool:
    services = [fields for fields in project["services"].values() if isinstance(fields, dict)]
    return any({"image", "build", "extends"} & fields.keys() for fields in services)
