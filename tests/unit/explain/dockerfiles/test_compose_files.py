"""Compose files: whose user a service gets, in Compose's and the engine's words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labkit.explain.dockerfiles.compose_services import is_compose
from labkit.explain.dockerfiles.compose_text import Interpolation, InvalidTemplate
from labkit.explain.dockerfiles.compose_variables import variables_of
from tests.unit.explain.without_engine import explain as run

SERVICES = """
x-base: &base
  image: a
  user: "5:6"
services:
  anchor: {<<: *base}
  named: {image: registry.example/cloud:2.4, user: deno}
  plain: {image: a, user: 1000:1000}
  shell: {image: a, user: "${UID}:${GID}"}
  default: {image: a, user: "${NOPE:-7}"}
  extends: {extends: {service: default}, image: b}
  nobody: {image: a}
  empty: {image: a, user: ""}
  file: {image: a, user: "$FROM_FILE"}
  built: {build: ./app}
  overridden: {build: ./app, user: "8"}
  argued: {build: {context: app, args: {APP_UID: 9}}}
  listed: {build: {context: app, args: [APP_UID=10]}}
  target: {build: {context: app, target: early}}
  inline: {build: {context: ., dockerfile_inline: "FROM scratch\\nUSER $$X5\\n"}}
  gone: {build: nowhere}
  remote: {build: "https://example.org/x.git"}
"""
DOCKERFILE = "FROM scratch AS early\nUSER 3\nFROM scratch\nARG APP_UID\nUSER $APP_UID\n"


@pytest.fixture(autouse=True)
def _no_engine_and_no_variables(no_engine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UID", "GID", "NOPE", "FROM_FILE", "X5", "APP_UID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / ".env").write_text("# a comment\nexport FROM_FILE='11' # another\n")
    (tmp_path / "compose.yaml").write_text(SERVICES)
    return tmp_path


def test_each_service(project: Path) -> None:
    result = run("-f", str(project / "compose.yaml"), "--json")
    rows = {row["container"]: row for row in json.loads(result.stdout)}
    assert {row["kind"] for row in rows.values()} == {"Compose"}
    uids = {name: row["runs_as"]["uid"] if row["runs_as"] else None for name, row in rows.items()}
    assert uids == {
        "anchor": 5,
        "named": None,
        "plain": 1000,
        "shell": 0,
        "default": 7,
        "extends": 7,
        "nobody": None,
        "empty": None,
        "file": 11,
        "built": 0,
        "overridden": 8,
        "argued": 9,
        "listed": 10,
        "target": 3,
        "inline": 0,
        "gone": None,
        "remote": None,
    }
    assert rows["extends"]["image"] == "b"
    assert rows["inline"]["image_user"] == ""
    assert (rows["gone"]["build"]["ok"], rows["built"]["build"]["ok"]) == (False, True)
    assert any("does not export it" in sentence for sentence in rows["shell"]["because"])
    assert any("it fails open" in sentence for sentence in rows["built"]["because"])
    assert any("its build context" in sentence for sentence in rows["remote"]["because"])


def test_a_name_that_nobody_can_look_up_is_not_known(tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text("services:\n  web:\n    image: registry.example/cloud:2.4\n    user: deno\n")
    for options in ((), ("--image-user", "registry.example/cloud:2.4=5")):
        result = run("-f", str(file), *options)
        assert "not known" in result.stdout and "the service's user" in result.stdout
        gate = run("--gate", "-f", str(file), *options)
        assert gate.exit_code == 1
        assert "its user deno is a name" in gate.stderr


def test_a_hook_minds_only_what_is_certain(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("services: {web: {image: nginx}, db: {image: postgres, user: !reset null}}\n")
    assert run("--gate", str(file)).exit_code == 0
    assert run("--gate", "-f", str(file)).exit_code == 1
    file.write_text("services: {web: {image: nginx, user: '0'}}\n")
    assert run("--gate", str(file)).exit_code == 1
    file.write_text("services: {web: {image: nginx, user: 5}}\n")
    assert run("--gate", str(file)).exit_code == 0


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("services: {web: {image: a, user: 1000}}", "services.web.user must be a string: put it in quotes"),
        ("services: {web: {image: a, user: true}}", "services.web.user must be a string"),
        ("services: {web: {image: a, user: null}}", "services.web.user must be a string"),
        ("services: {web: {image: a, user: '${A:?say it}'}}", "required variable A is missing a value: say it"),
        ("services: {web: {image: a, user: '${A'}}", "invalid interpolation format: ${A"),
        ("services: {web: {image: a}, b: {user: '5'}}", 'service "b" has neither an image nor a build context'),
        ("services: {web: {image: a, extends: web}}", "services.web extends itself"),
        ("services: {web: {image: a, extends: {service: gone}}}", 'cannot extend service "gone"'),
        ("services: {web: {image: a, extends: {service: b, file: no.yaml}}}", "there is no such file"),
        ("services: {web: {build: 5}}", "services.web.build must be a string or a mapping"),
    ],
)
def test_what_compose_refuses(tmp_path: Path, text: str, part: str) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(text)
    result = run("-f", str(file))
    assert result.exit_code == 1
    assert f"Compose does not take it: {part}" in result.stderr or part in result.stderr


def test_what_is_a_compose_file(tmp_path: Path) -> None:
    texts = {
        "a.yaml": ("services: {web: {image: a}}", True),
        "b.yml": ("version: '3'\nservices:\n  web:\n    build: .\n", True),
        "c.yaml": ("services: [a]", False),
        "d.yaml": ("services: {a: {port: 5}}", False),
        "e.yaml": ("apiVersion: v1\nkind: X\nservices: {web: {image: a}}", False),
        "f.yaml": ("spec: {services: {web: {image: a}}}", False),
        "g.json": ('{"services": {"web": {"image": "a"}}}', False),
        "h.yaml": ("services: {", False),
    }
    for name, (text, is_one) in texts.items():
        (tmp_path / name).write_text(text)
        assert is_compose(str(tmp_path / name)) is is_one, name
    assert not is_compose(str(tmp_path / "none.yaml"))
    assert not is_compose(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("$A", "1"),
        ("${A}x", "1x"),
        ("$$A", "$A"),
        ("$1", "$1"),
        ("${N:-${M:-${A}}}", "1"),
        ("${E:-d}${E-d}", "d"),
        ("${A:+y}${N:+y}${E+z}", "yz"),
        ("${A:?no}", "1"),
    ],
)
def test_interpolation(text: str, filled: str) -> None:
    assert Interpolation({"A": "1", "E": ""}).fill(text) == filled


@pytest.mark.parametrize("text", ["${", "${}", "${A", "${A!b}", "${N:?}", "${N:-" * 100 + "}" * 100])
def test_what_is_no_template(text: str) -> None:
    with pytest.raises(InvalidTemplate):
        Interpolation({"A": "1"}).fill(text)


def test_the_environment_overrides_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_bytes(b'A=1\nB = "2 # x"\nC=3 # c\nnonsense\n')
    monkeypatch.setenv("A", "9")
    variables = variables_of(tmp_path)
    assert (variables["A"], variables["B"], variables["C"]) == ("9", "2 # x", "3")
