"""What Compose reads beside the file: includes, extends, fragments, variables; and Dockerfiles of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.explain.dockerfiles.compose_documents import NotCompose
from labkit.explain.dockerfiles.compose_includes import read_project
from labkit.explain.dockerfiles.folder_files import builder_files
from tests.unit.explain.without_engine import explain


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def users(folder: Path, name: str = "compose.yaml") -> dict[str, str]:
    return {service.name: service.user for service in read_project(folder / name).services}


def rows(*arguments: str) -> dict[str, Any]:
    result = explain(*arguments, "--json")
    return {row["container"]: row for row in json.loads(result.stdout)}


@pytest.mark.parametrize(
    ("include", "variables"),
    [
        ("- db/compose.yaml", ""),
        ("- {path: db/compose.yaml}", ""),
        ("- ${DIR:-db}/compose.yaml", ""),
        ("- {path: [db/compose.yaml]}", ""),
        ("- $DIR/compose.yaml", "DIR=db\n"),
    ],
)
def test_includes_are_read(tmp_path: Path, include: str, variables: str) -> None:
    web = f"include:\n  {include}\nservices:\n  web: {{image: a, user: '1'}}\n"
    db = "services:\n  db: {image: b, user: '${U:-5}', build: .}\n"
    write(tmp_path, {"compose.yaml": web, "db/compose.yaml": db, ".env": variables, "db/.env": "U=7\n"})
    assert users(tmp_path) == {"db": "7", "web": "1"}
    (db_service, _) = read_project(tmp_path / "compose.yaml").services
    assert db_service.folder == tmp_path / "db"


def test_the_including_file_s_variables_come_first(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "compose.yaml": "include: [{path: db/c.yaml, env_file: [x.env, y.env], project_directory: .}]\n",
            ".env": "A=1\n",
            "x.env": "A=2\nB=2\n",
            "y.env": "B=3\n",
            "db/c.yaml": "services: {db: {image: b, user: '${A}:${B}', build: ctx}}\n",
        },
    )
    assert users(tmp_path) == {"db": "1:3"}
    assert read_project(tmp_path / "compose.yaml").services[0].folder == tmp_path


def test_several_files_of_one_include_override_one_another(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "compose.yaml": "include: [{path: [a.yaml, b.yaml]}]\n",
            "a.yaml": "services: {db: {image: b, user: '1', build: {context: x, target: t}, group_add: ['1']}}\n",
            "b.yaml": "services: {db: {user: '2', build: {context: y}, group_add: ['2']}, more: {image: c}}\n",
        },
    )
    db, more = read_project(tmp_path / "compose.yaml").services
    assert (db.user, db.image, db.build, db.group_add) == ("2", "b", {"context": "y", "target": "t"}, ("1", "2"))
    assert more.name == "more"


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"compose.yaml": "include: [a.yaml]\n", "a.yaml": "include: [compose.yaml]\n"}, "include cycle detected"),
        ({"compose.yaml": "include: [compose.yaml]\n"}, "include cycle detected"),
        ({"compose.yaml": "include: [gone.yaml]\n"}, "gone.yaml: there is no such file"),
        ({"compose.yaml": "include: a.yaml\n"}, "include must be a list"),
        ({"compose.yaml": "include: [{}]\n"}, "path is required"),
        ({"compose.yaml": "include: [5]\n"}, "path must be a string"),
        ({"compose.yaml": "include: ['${X']\n"}, "invalid interpolation format"),
        ({"compose.yaml": "include: [a.yaml]\n", "a.yaml": "- 1\n"}, "a.yaml: it has no services"),
        (
            {"compose.yaml": "include: [{path: a.yaml, env_file: no.env}]\n", "a.yaml": "services: {}\n"},
            "no.env: there is no",
        ),
        ({"compose.yaml": "services: {a: {image: b}}\n", ".env": "A='1\n"}, "line 1: unterminated quoted value"),
        ({"compose.yaml": "services: {a: {image: b}}\n", ".env": "A=1\nB C=2\n"}, "line 2: key cannot contain a space"),
        ({"compose.yaml": "services: {a: {image: b}}\n", ".env": "A=1\n\ufffd=\n"}, "line 2: unexpected character"),
        ({"compose.yaml": "services: {web: {image: a, user: '1', user: '0'}}\n"}, "'user' already defined"),
    ],
)
def test_what_compose_does_not_take(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    write(tmp_path, files)
    with pytest.raises(NotCompose, match=problem.replace(".", r"\.")):
        read_project(tmp_path / "compose.yaml")


@pytest.mark.parametrize(
    ("own", "user"),
    [
        ("{image: a, user: '1'}", "1"),
        ("{user: '1'}", "1"),
        ("{group_add: ['5']}", "0$x"),
        ("{user: !reset null}", ""),
        ("{extends: base}", "0$x"),
        ("{extends: {service: base}, user: '2'}", "2"),
    ],
)
def test_a_file_puts_its_own_services_over_those_that_it_includes(tmp_path: Path, own: str, user: str) -> None:
    """Seen with compose-go v2.16.2; earlier ones called it a conflict."""
    included = "services: {web: {image: a, user: '0$$x'}, base: {image: b, user: '${U}', build: .}}\n"
    write(
        tmp_path,
        {
            "compose.yaml": f"include: [db/a.yaml]\nservices: {{web: {own}}}\n",
            "db/a.yaml": included,
            "db/.env": "U='0$x'\n",
        },
    )
    assert users(tmp_path) == {"web": user, "base": "0$x"}
    (tmp_path / "compose.override.yaml").write_text("services: {base: {user: '9'}}\n")
    (base,) = [service for service in read_project(tmp_path / "compose.yaml").services if service.name == "base"]
    assert (base.user, base.build) == ("9", {"context": str(tmp_path / "db")})


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("U: 1", "1"),
        ("U: '1'", "1"),
        ("\ufeffU=1", "1"),
        ("export U = 1 # me", "1"),
        ("U=1#me", "1#me"),
        ('U="a # b" # c', "a # b"),
        ('KEY="-----\nU=0\n-----"\nU=5\n', "5"),
        ("KEY='-----\nU=0\n-----'\nU=5", "5"),
        ('U="a\\nb"', "a\nb"),
        ("U='a\\nb'", "a\\nb"),
        ('U="\\$X"', "$X"),
        ('U="a\\"b"', 'a"b'),
        ('U="\\0101"', "A"),
        ("A-B=1\nC.D=2\nU=3", "3"),
        ("U\nX=1", "unset"),
        ("U=", ""),
        ("U=1\r\nX=2\r\n", "1"),
        ("X=5\nU=${X}:${Y:-7}", "5:7"),
        ("U=1\nU=2", "2"),
    ],
)
def test_the_file_of_variables(tmp_path: Path, text: str, user: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("U", "X", "Y"):
        monkeypatch.delenv(name, raising=False)
    write(tmp_path, {"compose.yaml": "services: {a: {image: b, user: '${U-unset}'}}\n"})
    (tmp_path / ".env").write_bytes(text.encode())
    assert users(tmp_path) == {"a": user}


def test_an_include_of_another_machine_keeps_a_gate_shut(tmp_path: Path) -> None:
    text = "include: ['https://example.invalid/db.git']\nservices: {web: {image: a, user: '5'}}\n"
    write(tmp_path, {"compose.yaml": text})
    result = explain("--gate", "-f", str(tmp_path / "compose.yaml"))
    assert result.exit_code == 1
    assert "which is not fetched" in result.output


@pytest.mark.parametrize(
    ("service", "user"),
    [
        ("{image: a, user: '1000', <<: *d}", "1000"),
        ("{<<: *d, image: a, user: '1000'}", "1000"),
        ("{<<: *d, image: a}", "root"),
        ("{image: a, <<: [*e, *d]}", "7"),
        ("{image: a, <<: [*d, *e]}", "root"),
        ("{image: a, <<: *n}", "9"),
        ("{image: a, user: on}", "on"),
        ("*d", "root"),
    ],
)
def test_fragments_and_merges_as_compose_reads_them(tmp_path: Path, service: str, user: str) -> None:
    """A key of one's own overrides what is merged, wherever it stands (go-yaml since v3; kubectl's v2 differs)."""
    head = "x-d: &d {image: b, user: root}\nx-e: &e {user: '7'}\nx-n: &n {user: '9', <<: *d}\n"
    write(tmp_path, {"compose.yaml": f"{head}services:\n  web: {service}\n"})
    assert users(tmp_path) == {"web": user}


def test_a_build_of_an_extended_file_is_relative_to_that_file(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "compose.yaml": "services: {web: {extends: {service: base, file: shared/base.yaml}}}\n",
            "shared/base.yaml": "services: {base: {build: {context: app}}}\n",
            "shared/app/Dockerfile": "FROM scratch\nUSER 1654\n",
        },
    )
    assert rows("-f", str(tmp_path / "compose.yaml"))["web"]["image_user"] == "1654"


def test_a_variable_of_the_env_file_may_be_made_of_others(tmp_path: Path) -> None:
    text = "services: {a: {image: i, user: '$U'}, b: {image: i, user: '$V'}, c: {image: i, user: '$W'}}\n"
    write(tmp_path, {"compose.yaml": text, ".env": "A=5\nU=${A}:$A\nV='$A'\nW=\"${B:-7}\"\n"})
    assert users(tmp_path) == {"a": "5:5", "b": "$A", "c": "7"}


@pytest.mark.parametrize(
    ("contexts", "user"),
    [("{base: ./elsewhere}", None), ("{base: 'docker-image://other'}", "9"), ("['base=docker-image://other']", "9")],
)
def test_a_base_that_the_build_names_is_no_image_of_that_name(tmp_path: Path, contexts: str, user: str | None) -> None:
    text = f"services: {{a: {{build: {{context: ., additional_contexts: {contexts}}}}}}}\n"
    write(tmp_path, {"compose.yaml": text, "Dockerfile": "FROM base\n"})
    given = ("--image-user", "base=5", "--image-user", "other=9")
    assert rows("-f", str(tmp_path / "compose.yaml"), *given)["a"]["image_user"] == user


def test_a_service_s_user_root_is_root_whatever_the_image(tmp_path: Path) -> None:
    write(tmp_path, {"compose.yaml": "services: {a: {image: i, user: root}}\n"})
    result = explain("--gate", str(tmp_path / "compose.yaml"))
    assert result.exit_code == 1
    assert "a: runs as root" in result.stderr


@pytest.mark.parametrize(
    ("name", "override", "user"),
    [
        ("compose.yaml", "compose.override.yaml", "0"),
        ("docker-compose.yml", "docker-compose.override.yml", "0"),
        ("compose.prod.yaml", "compose.override.yaml", "5"),
        ("compose.yaml", "compose.prod.yaml", "5"),
    ],
)
def test_the_override_that_compose_adds_by_itself(tmp_path: Path, name: str, override: str, user: str) -> None:
    """A gate that does not see it opens over a service that runs as root."""
    base, over = "services: {a: {image: i, user: '5'}}\n", "services: {a: {user: '0'}}\n"
    write(tmp_path, {name: base, override: over})
    assert users(tmp_path, name) == {"a": user}
    result = explain("-f", str(tmp_path), "--gate", "root")
    assert result.exit_code == (user == "0")
    assert (f"overrides {tmp_path / name}, as docker compose" in result.output) == (user == "0")
    (tmp_path / override).write_text("services: 5\n")
    assert explain("-f", str(tmp_path / name)).exit_code == (user == "0")


# --- folders ---


def test_a_folder_gives_its_dockerfiles_and_compose_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "Dockerfile": "FROM scratch\nUSER 1\n",
            "app.Dockerfile": "FROM scratch\nUSER 2\n",
            "Dockerfile.dev": "FROM scratch\nUSER 3\n",
            "Containerfile": "FROM scratch\nUSER 4\n",
            "Dockerfile.dockerignore": "node_modules\n",
            "compose.yaml": "services: {web: {image: a, user: '5'}}\n",
            "docker-compose.ci.yml": "services: {ci: {image: a, user: '6'}}\n",
            "pod.yaml": "kind: Pod\nmetadata: {name: p}\n"
            "spec: {containers: [{name: c, image: a, securityContext: {runAsUser: 7}}]}\n",
            "mkdocs.yml": "nav: !!python/name:x\n",
            "ci.yml": "include: [x]\nservices: [postgres]\n",
            "sub/Dockerfile": "FROM scratch\nUSER 8\n",
            "node_modules/x/Dockerfile": "FROM scratch\n",
            ".git/Dockerfile": "FROM scratch\n",
        },
    )
    users = sorted(
        row["image_user"] or str(row["runs_as"]["uid"])
        for row in json.loads(explain("--json", "-f", str(tmp_path)).stdout)
    )
    assert users == ["1", "2", "3", "4", "5", "6", "7"]
    assert len(json.loads(explain("--json", "-R", "-f", str(tmp_path)).stdout)) == 8
    assert explain("-R", f"{tmp_path}/").exit_code == 0
    assert "not read" not in explain("-R", f"{tmp_path}/").output


def test_a_folder_with_nothing_but_a_dockerfile_is_enough(tmp_path: Path) -> None:
    write(tmp_path, {"Dockerfile": "FROM scratch\n"})
    result = explain("--gate", "-f", str(tmp_path))
    assert result.exit_code == 1
    assert "runs as root" in result.output


def test_what_is_named_like_a_dockerfile_and_is_none_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").mkdir()
    (tmp_path / "app.Dockerfile").symlink_to("nowhere")
    write(tmp_path, {"compose.yaml": "services: [", "other.yaml": "services: {a: {port: 5}}\n"})
    assert builder_files(str(tmp_path), True) == ([], [])
