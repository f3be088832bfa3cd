"""SARIF, JUnit and GitHub's annotations: their forms, and the place in the file that they name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import msgspec
import pytest
from click.testing import CliRunner

from labkit.cli import main
from labkit.explain.explanations import explain_text
from labkit.explain.given_users import GivenUsers
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.pipelines.findings import RULES
from labkit.explain.pipelines.report_entries import path_inside, repository_root
from labkit.explain.pipelines.setting_positions import position_of
from tests.unit.explain.without_engine import explain as run

SCHEMA = jsonschema.Draft4Validator(
    json.loads(Path(__file__).with_name("oasis").joinpath("sarif-schema-2.1.0.json").read_text(encoding="utf-8")),
    format_checker=jsonschema.FormatChecker(),
)
DEPLOYMENT = """# shop
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      securityContext:
        runAsUser: 0
      containers:
      - name: web
        image: nginx:1
      - name: own
        image: nginx:1
        securityContext:
          runAsNonRoot: true
          runAsUser: 0
"""
EXCEPTION = '[[exceptions]]\nname = "web"\ncontainer = "web"\nallows = ["root"]\nreason = "r"\nexpires = 2099-01-01\n'


# The part of the schema of SARIF 2.1.0 that is used here, with its required properties; nothing else may be there.
# `sarif` checks each log against OASIS' own schema as well.
class SarifPart(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    pass


class Text(SarifPart):
    text: str


class Rule(SarifPart):
    id: str
    short_description: Text


class Driver(SarifPart):
    name: str
    rules: list[Rule]


class Tool(SarifPart):
    driver: Driver


class Artifact(SarifPart):
    uri: str
    uri_base_id: str | None = None


class Region(SarifPart):
    start_line: int
    start_column: int


class Physical(SarifPart):
    artifact_location: Artifact
    region: Region | None = None


class Logical(SarifPart):
    fully_qualified_name: str
    kind: str


class Location(SarifPart):
    physical_location: Physical | None = None
    logical_locations: list[Logical] | None = None


class Suppression(SarifPart):
    kind: str
    justification: str


class SarifResult(SarifPart):
    rule_id: str
    rule_index: int
    level: str
    message: Text
    partial_fingerprints: dict[str, str]
    locations: list[Location] = []
    baseline_state: str | None = None
    suppressions: list[Suppression] = []


class SarifRun(SarifPart):
    tool: Tool
    column_kind: str
    results: list[SarifResult]


class SarifLog(msgspec.Struct, forbid_unknown_fields=True):
    schema: str = msgspec.field(name="$schema")
    version: str
    runs: list[SarifRun]


@pytest.fixture(autouse=True)
def repository(no_engine: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    (root / "deploy").mkdir()
    monkeypatch.chdir(root)
    return root


def sarif(*arguments: str) -> SarifRun:
    stdout = run("--format", "sarif", *arguments).stdout
    SCHEMA.validate(json.loads(stdout))
    (only,) = msgspec.json.decode(stdout, type=SarifLog).runs
    for result in only.results:
        assert only.tool.driver.rules[result.rule_index].id == result.rule_id
        assert result.level in ("none", "note", "warning", "error")
        assert all(suppression.kind in ("inSource", "external") for suppression in result.suppressions)
        assert all(
            location.physical_location is None
            or location.physical_location.region is None
            or min(location.physical_location.region.start_line, location.physical_location.region.start_column) > 0
            for location in result.locations
        )
    assert only.column_kind == "unicodeCodePoints"
    return only


def place(result: SarifResult) -> tuple[str, str | None, int, int]:
    physical = result.locations[0].physical_location
    assert physical is not None and physical.region is not None
    artifact, region = physical.artifact_location, physical.region
    return artifact.uri, artifact.uri_base_id, region.start_line, region.start_column


# --- SARIF ---


@pytest.mark.parametrize(
    "change",
    [{"version": "2.0.0"}, {"runs": [{"results": []}]}, {"runs": [{"tool": {"driver": {"name": "x"}}, "more": 1}]}],
)
def test_the_schema_catches_what_is_no_sarif(change: dict[str, Any]) -> None:
    Path("deploy/web.yaml").write_text(DEPLOYMENT, encoding="utf-8")
    log = json.loads(run("--format", "sarif", "-f", "deploy").stdout)
    assert SCHEMA.is_valid(log) and not SCHEMA.is_valid({**log, **change})


def test_sarif_names_the_rule_and_the_setting_that_decides() -> None:
    Path("deploy/web app.yaml").write_text(DEPLOYMENT)
    first, second = sarif("--gate", "-f", "deploy").results
    assert (first.rule_id, second.rule_id) == ("runs-as-root", "run-as-user-is-root")
    assert place(first) == ("deploy/web%20app.yaml", "%SRCROOT%", 11, 20)
    assert place(second) == ("deploy/web%20app.yaml", "%SRCROOT%", 19, 22)
    assert {first.level, second.level} == {"error"}


def test_sarif_from_a_subfolder_counts_from_the_root_of_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("deploy/web.yaml").write_text(DEPLOYMENT)
    monkeypatch.chdir("deploy")
    assert place(sarif("-f", "./web.yaml").results[0])[0] == "deploy/web.yaml"


def test_sarif_names_a_file_outside_of_the_repository_by_its_address(repository: Path) -> None:
    (repository.parent / "out #1.yaml").write_text(DEPLOYMENT)
    uri, base, _, _ = place(sarif("-f", "../out #1.yaml").results[0])
    assert (uri, base) == (f"file://{repository.parent.as_posix()}/out%20%231.yaml", None)


def test_a_path_that_only_begins_like_the_repository_is_outside(repository: Path) -> None:
    assert path_inside("../repository-2/a.yaml", repository) is None
    assert path_inside("deploy/../a.yaml", repository) == "a.yaml"
    assert repository_root(repository / "deploy") == repository
    assert repository_root(Path("/")) == Path("/")


def test_sarif_of_standard_input_has_no_file() -> None:
    result = CliRunner().invoke(main, ["explain", "--format", "sarif", "-f", "-"], input=DEPLOYMENT)
    (log,) = msgspec.json.decode(result.stdout, type=SarifLog).runs
    assert log.results[0].locations[0].physical_location is None
    assert log.results[0].locations[0].logical_locations is not None


def test_sarif_of_what_is_well_is_empty_and_the_exit_status_is_the_gate_s() -> None:
    Path("deploy/web.yaml").write_text(DEPLOYMENT.replace("runAsUser: 0", "runAsUser: 5"))
    assert sarif("--gate", "-f", "deploy").results == []
    assert run("--gate", "--format", "sarif", "-f", "deploy").exit_code == 0
    Path("deploy/web.yaml").write_text(DEPLOYMENT)
    assert run("--format", "sarif", "-f", "deploy").exit_code == 0
    assert run("--gate", "--format", "sarif", "-f", "deploy").exit_code == 1


def test_sarif_knows_what_is_excused_and_what_was_there_before() -> None:
    Path("deploy/web.yaml").write_text(DEPLOYMENT)
    run("--write-baseline", "known.json", "-f", "deploy")
    Path("labkit-explain.toml").write_text(EXCEPTION)
    excused, known = sarif("--gate", "--baseline", "known.json", "-f", "deploy").results
    assert excused.suppressions == [Suppression("external", "until 2099-01-01: r")]
    assert (known.baseline_state, known.level) == ("unchanged", "warning")


def test_what_cannot_be_read_or_judged_is_in_sarif_too() -> None:
    Path("deploy/web.yaml").write_text("kind: Pod\nspec:\n  containers: [\n")
    Path("deploy/w.yaml").write_text("apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\nspec: {}\n")
    results = sarif("--gate", "-f", "deploy").results
    assert {result.rule_id for result in results} == {"not-judged", "not-read"}
    physical = [result.locations[0].physical_location for result in results]
    assert {part.artifact_location.uri for part in physical if part} == {"deploy/web.yaml", "deploy/w.yaml"}


def test_every_rule_says_what_it_means() -> None:
    assert all(meaning for meaning in RULES.values())


# --- positions ---

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n"


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (POD + "  containers: [{name: c, image: i}]\n", 5, 33),
        (POD + "  containers: [{name: c, image: i, securityContext: {runAsUser: 0}}]\n", 5, 65),
        (POD + "  securityContext: &s {runAsUser: 0}\n  containers: [{name: c, image: i}]\n", 5, 35),
        (POD.replace("\n", "\r\n") + "  containers: [{name: c, image: i}]\r\n", 5, 33),
        ("kind: Pod\nmetadata: {name: a: b}\n---\n" + POD + "  containers: [{name: c, image: i}]\n", 8, 33),
        ("\u2028# \U0001f600\n" + POD + "  containers: [{name: c, image: i}]\n", 6, 33),
        (POD + "  containers: [{name: c, image: i, securityContext: {fsGroup: 5}}]\n", 5, 63),
        (POD + "  containers: [{name: c, image: i, securityContext: {runAsUser: -1}}]\n", 5, 65),
        (POD + "  x: &x {runAsUser: 0}\n  containers: [{name: c, image: i, securityContext: {<<: *x}}]\n", 5, 6),
    ],
)
def test_the_place_of_the_setting_that_decides(text: str, line: int, column: int) -> None:
    explained = explain_text(ImageFinder(GivenUsers({"i": ""})), text)
    assert position_of(text, explained.rows[-1]) == (line, column)


def test_the_place_in_a_list_in_json_and_in_another_namespace() -> None:
    pod: dict[str, Any] = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}}
    pods = [
        {
            **pod,
            "metadata": {"name": "p", "namespace": namespace},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        }
        for namespace in ("a", "b")
    ]
    text = json.dumps({"kind": "List", "apiVersion": "v1", "items": pods}, indent=1)
    first, second = explain_text(ImageFinder(GivenUsers({"i": ""})), text).rows
    lines = [number for number, line in enumerate(text.split("\n"), 1) if '"image"' in line]
    places = [position_of(text, row) for row in (first, second)]
    assert [place.line for place in places if place] == lines


def test_where_a_container_has_a_shape_of_its_own_the_object_is_named() -> None:
    text = "# x\napiVersion: tekton.dev/v1\nkind: Task\nmetadata: {name: t}\nspec:\n  steps: [{name: s, image: i}]\n"
    (row,) = explain_text(ImageFinder(GivenUsers({"i": ""})), text).rows
    assert position_of(text, row) == (2, 1)


def test_a_place_that_is_not_found_is_none() -> None:
    (row,) = explain_text(ImageFinder(GivenUsers({"i": ""})), POD + "  containers: [{name: c, image: i}]\n").rows
    for text in ("", "a: [", "x: &x {<<: *x}", "&x {<<: *x}", "kind: Pod\nmetadata: 5"):
        assert position_of(text, row) is None


def test_the_place_in_a_dockerfile_and_in_a_compose_file() -> None:
    Path("Dockerfile").write_text("FROM scratch AS a\nUSER 5\nFROM scratch\n# x\nUSER 0\n")
    Path("compose.yaml").write_text("services:\n  web:\n    image: i\n    user: '0'\n")
    docker, compose = sarif("-f", "Dockerfile", "-f", "compose.yaml", "--image-user", "i=").results
    assert (place(docker)[2:], place(compose)[2:]) == ((5, 1), (4, 11))


# --- JUnit and GitHub ---


def test_junit_has_a_test_for_each_container() -> None:
    Path("deploy/web.yaml").write_text(DEPLOYMENT)
    Path("deploy/well.yaml").write_text(
        DEPLOYMENT.replace("runAsUser: 0", "runAsUser: 5").replace("name: web", "name: w")
    )
    Path("labkit-explain.toml").write_text(EXCEPTION)
    top = ElementTree.fromstring(run("--gate", "--format", "junit", "-f", "deploy").stdout)
    suites = {suite.get("name"): suite for suite in top}
    assert [suites["deploy/web.yaml"].get(name) for name in ("tests", "failures", "skipped")] == ["2", "1", "1"]
    assert [suites["deploy/well.yaml"].get(name) for name in ("tests", "failures", "skipped")] == ["2", "0", "0"]
    (failure,) = top.iter("failure")
    assert failure.get("type") == "run-as-user-is-root"
    assert (failure.get("message") or "").startswith("deploy/web.yaml:19: the kubelet refuses")


def test_no_name_breaks_the_xml_or_gives_github_a_command() -> None:
    text = DEPLOYMENT.replace("metadata: {name: web}", 'metadata: {name: "a\\u0001<&\\n::error::x\\r\\n::set-env"}')
    Path("deploy/a,b:c%.yaml").write_text(text)
    ElementTree.fromstring(run("--gate", "--format", "junit", "-f", "deploy").stdout)
    lines = run("--gate", "--format", "github", "-f", "deploy").stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("::error title=") for line in lines)
    assert "file=deploy/a%2Cb%3Ac%25.yaml,line=11,col=20::" in lines[0]


def test_github_shows_what_lies_outside_without_a_place(repository: Path) -> None:
    (repository.parent / "out.yaml").write_text(DEPLOYMENT)
    line = run("--format", "github", "-f", "../out.yaml").stdout.splitlines()[0]
    assert line.startswith("::error title=runs-as-root::../out.yaml: Deployment web web")


@pytest.mark.parametrize("form", ["text", "json"])
def test_text_and_json_are_as_without_the_option(form: str) -> None:
    Path("deploy/web.yaml").write_text(DEPLOYMENT)
    old = run("-f", "deploy", *(["--json"] if form == "json" else []))
    assert run("-f", "deploy", "--format", form).stdout == old.stdout


def test_two_formats_are_wrong_use() -> None:
    Path("deploy/web.yaml").write_text(DEPLOYMENT)
    assert run("--json", "--format", "sarif", "-f", "deploy").exit_code == 2
    assert run("--json", "--format", "json", "-f", "deploy").exit_code == 0


def test_a_format_that_does_not_exist_is_wrong_use() -> None:
    assert run("--format", "xml", "-f", "deploy").exit_code == 2
