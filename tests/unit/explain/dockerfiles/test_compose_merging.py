"""One service over another: overrides, extends, and the tags that undo what stands below (compose-go:override)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.explain.dockerfiles.compose_documents import NotCompose
from labkit.explain.dockerfiles.compose_includes import read_project
from labkit.explain.dockerfiles.compose_services import ComposeService
from tests.unit.explain.without_engine import explain

_DOCKERFILE = "FROM scratch\nARG U\nUSER $U\n"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("U", "HOME_OF_APP"):
        monkeypatch.delenv(name, raising=False)


def web(folder: Path, text: str, override: str = "", **files: str) -> ComposeService:
    """The service web of a Compose file, with an override of it and other files."""
    (folder / "compose.yaml").write_text(text)
    if override:
        (folder / "compose.override.yaml").write_text(override)
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(content)
    return next(service for service in read_project(folder / "compose.yaml").services if service.name == "web")


def row(folder: Path, *arguments: str) -> dict[str, Any]:
    result = explain("--json", "-f", str(folder / "compose.yaml"), *arguments)
    return next(row for row in json.loads(result.stdout) if row["container"] == "web")


@pytest.mark.parametrize(
    ("base", "override"),
    [
        ("{context: ., args: {U: '1000'}}", "{args: {DEBUG: '1'}}"),
        ("{context: ., args: [U=1000]}", "{args: {DEBUG: '1'}}"),
        ("{context: ., args: {U: 1000}}", "{args: [DEBUG=1]}"),
        ("{context: ., args: {U: 7}}", "{args: [U=1000]}"),
        ("{context: ., args: {U: 1000}}", ""),
        ("{context: ., args: {U: 1000}}", "."),
        ("{context: ., args: {U: 7, DEBUG: 1}}", "{args: !override {U: 1000}}"),
        ("{context: ., args: {U: 7}, target: none}", "{args: [U=1000], target: !reset ''}"),
    ],
)
def test_the_arguments_of_a_build_are_put_together(tmp_path: Path, base: str, override: str) -> None:
    (tmp_path / "Dockerfile").write_text(_DOCKERFILE)
    web(tmp_path, f"services: {{web: {{build: {base}}}}}\n", f"services: {{web: {{build: {override}}}}}\n")
    assert row(tmp_path)["image_user"] == "1000"


def test_what_is_extended_gives_its_arguments_and_groups(tmp_path: Path) -> None:
    base = "{build: {context: ., args: [U=1000]}, group_add: ['10']}"
    over = "{extends: base, build: {args: {X: 1}}, group_add: ['20']}"
    (tmp_path / "Dockerfile").write_text(_DOCKERFILE)
    service = web(tmp_path, f"services:\n  base: {base}\n  web: {over}\n")
    assert service.group_add == ("10", "20")
    assert row(tmp_path)["image_user"] == "1000"


@pytest.mark.parametrize(
    ("text", "override", "user"),
    [
        # Nothing overrides nothing.
        ("{image: a, user: '5'}", "{user: }", "5"),
        ("{image: a, user: '0'}", "{user: !reset null}", ""),
        ("{image: a, user: '0'}", "{user: !reset '5'}", ""),
        ("{image: a, user: '0'}", "!override {image: b, user: '5'}", "5"),
        ("{image: a, user: '0'}", "!override {image: b}", ""),
        ("{image: a, user: !reset null}", "", ""),
        ("{image: a, user: !override '5'}", "", "5"),
        ("{extends: {file: base.yaml, service: base}}", "", "0"),
        ("{extends: {file: base.yaml, service: base}, user: !reset null}", "", ""),
        # What a file says is put together before the next one undoes any of it.
        ("{extends: {file: base.yaml, service: base}}", "{user: !reset null}", ""),
    ],
)
def test_tags_undo_what_stands_below(tmp_path: Path, text: str, override: str, user: str) -> None:
    above = f"services: {{web: {override}}}\n" if override else ""
    base = "services: {base: {image: a, user: '0'}}\n"
    assert web(tmp_path, f"services: {{web: {text}}}\n", above, base=base).user == user


def test_an_override_of_groups_takes_the_others_away(tmp_path: Path) -> None:
    text = "services: {web: {image: a, group_add: ['10']}}\n"
    assert web(tmp_path, text, "services: {web: {group_add: !override ['20']}}\n").group_add == ("20",)
    assert web(tmp_path, text, "services: {web: {group_add: ['20', '10']}}\n").group_add == ("10", "20")


def test_a_tag_behind_an_anchor_counts_wherever_the_anchor_is_named(tmp_path: Path) -> None:
    over = "x-none: &none {user: !reset null}\nservices: {web: {<<: *none}, other: *none}\n"
    text = "services: {web: {image: a, user: '0'}, other: {image: a, user: '0'}}\n"
    web(tmp_path, text, over)
    assert [service.user for service in read_project(tmp_path / "compose.yaml").services] == ["", ""]


def test_an_argument_without_a_value_is_for_the_file_of_variables_to_give(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(_DOCKERFILE)
    (tmp_path / ".env").write_text("U=1234\n")
    for arguments in ("[U]", "{U: }"):
        web(tmp_path, f"services: {{web: {{build: {{context: ., args: {arguments}}}}}}}\n")
        assert row(tmp_path)["image_user"] == "1234"


@pytest.mark.parametrize(
    ("environment", "home"),
    [
        ("{HOME: /data}", "/data"),
        ("[HOME=/data]", "/data"),
        ("{HOME: '${HOME_OF_APP:-/srv}'}", "/srv"),
        ("{HOME: ''}", None),
        ("{OTHER: /data}", None),
    ],
)
def test_a_service_says_its_home(tmp_path: Path, environment: str, home: str | None) -> None:
    web(tmp_path, f"services: {{web: {{image: a, user: '5', environment: {environment}}}}}\n")
    assert row(tmp_path)["runs_as"]["home"] == home


def test_a_service_that_another_program_provides_has_no_container(tmp_path: Path) -> None:
    text = "services: {db: {provider: {type: cloud}}, web: {image: a, user: '5', depends_on: [db]}}\n"
    assert web(tmp_path, text).user == "5"
    assert len(read_project(tmp_path / "compose.yaml").services) == 1


@pytest.mark.parametrize(
    ("service", "problem"),
    [
        ("{image: a, users: '5'}", "services.web.users is no field that Compose has"),
        ("{image: a, User: '5'}", "services.web.User is no field"),
        ("{build: {context: ., arg: {U: 5}}}", "services.web.build.arg is no field"),
        ("{build: {context: ., dockerfile: D, dockerfile_inline: FROM a}}", "mutualy exclusive"),
        ("", "services.web must be a mapping"),
        ("{image: a, group_add: }", "services.web.group_add must be a list"),
        ("{build: {context: ., target: }}", "services.web.build.target must be a string"),
        ("{build: {context: ., args: }}", "services.web.build.args must be a mapping or a list"),
        ("{image: a, build: }", "services.web.build must be a string or a mapping"),
        ("{provider: {type: cloud}, user: }", "services.web.user must be a string"),
    ],
)
def test_what_compose_has_no_field_for_is_refused(tmp_path: Path, service: str, problem: str) -> None:
    """A misspelt user would be the image's own, which may be root; Compose does not start such a file at all."""
    with pytest.raises(NotCompose, match=problem):
        web(tmp_path, f"services: {{more: {{image: a}}, web: {service}}}\n")


def test_each_file_is_checked_before_the_next_one_is_put_over_it(tmp_path: Path) -> None:
    with pytest.raises(NotCompose, match="is no field"):
        web(tmp_path, "services: {web: {image: a, users: '5'}}\n", "services: {web: !override {image: a}}\n")
    with pytest.raises(NotCompose, match="cannot override group_add"):
        web(tmp_path, "services: {web: {image: a, group_add: ['1']}}\n", "services: {web: {group_add: '2'}}\n")


def test_a_field_of_one_s_own_is_none_of_compose_s_business(tmp_path: Path) -> None:
    assert web(tmp_path, "services: {web: {image: a, user: '5', x-owner: me}}\n").user == "5"


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("services: {web: {image: a, user: '5'}}\n---\nservices: {web: {user: '6'}}\n", "6"),
        ("services: {web: {image: a, user: '6'}}\n---\nservices: {web: {image: b}, db: {image: c}}\n", "6"),
        ("services: {web: {image: a, user: '5'}}\n---\nservices: {web: {user: !reset null}}\n", ""),
        ("services: {web: {image: a, user: !reset null}}\n---\nservices: {web: {user: '6'}}\n", "6"),
        ("volumes: {x: {}}\n---\nservices: {web: {image: a, user: '6'}}\n", "6"),
        ("services: {web: {image: a, user: '6'}}\n---\nx-owner: me\n", "6"),
        ("services: {db: {image: a}}\n---\ninclude: [more.yaml]\n", "4"),
        ("include: [more.yaml]\n---\nservices: {web: {user: '6'}}\n", "6"),
        ("services: {web: {extends: {service: web, file: more.yaml}}}\n", "4"),
    ],
)
def test_the_documents_of_a_file_override_one_another(tmp_path: Path, text: str, user: str) -> None:
    """Each came out as compose-go v2.16.2 has it (loader/loader.go, loadYamlFile)."""
    more = "services: {web: {image: a, user: '3'}}\n---\nservices: {web: {user: '4'}}\n"
    assert web(tmp_path, text, more=more).user == user
    assert row(tmp_path)["container"] == "web"


def test_groups_of_a_later_document_are_added(tmp_path: Path) -> None:
    first = "services: {web: {image: a, group_add: ['1']}}\n---\n"
    assert web(tmp_path, f"{first}services: {{web: {{group_add: ['2']}}}}\n").group_add == ("1", "2")
    assert web(tmp_path, f"{first}services: {{web: {{group_add: !override ['2']}}}}\n").group_add == ("2",)


@pytest.mark.parametrize(
    ("later", "problem"),
    [
        ("", "must be a mapping"),
        ("# nothing\n", "must be a mapping"),
        ("hello\n", "must be a mapping"),
        ("services:\n", "services must be a mapping"),
        ("services: {\n", "it is not YAML: line"),
        ("services: {db: {extends: web}}\n", 'cannot extend service "web"'),
        ("services: {web: {users: '5'}}\n", "is no field"),
        ("apiVersion: v1\n", "apiVersion is no field"),
    ],
)
def test_a_later_document_that_compose_does_not_take(tmp_path: Path, later: str, problem: str) -> None:
    with pytest.raises(NotCompose, match=problem):
        web(tmp_path, f"services: {{web: {{image: a}}}}\n---\n{later}")


def test_an_override_need_have_no_services(tmp_path: Path) -> None:
    assert web(tmp_path, "services: {web: {image: a, user: '5'}}\n", "volumes: {x: {}}\n").user == "5"
