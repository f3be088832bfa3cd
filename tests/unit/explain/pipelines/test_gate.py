"""The gate for pipelines: its two questions, the configuration file, exceptions, the baseline."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from pathlib import Path

import pytest
import yaml

from labkit.adapters.engine import Engine
from labkit.base.errors import Misuse
from labkit.base.resources import CHECKOUT
from labkit.explain.explanations import explain_text
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.pipelines.explain_configuration import parse_configuration
from labkit.explain.pipelines.findings import RULES, Concern, findings_of
from labkit.explain.pipelines.gate_exceptions import ANNOTATION
from labkit.explain.pipelines.gate_levels import ALL, parse_levels
from labkit.explain.pipelines.gate_verdict import judge_findings
from labkit.explain.rows import Explanations
from tests.unit.explain.without_engine import explain as run

POD = """apiVersion: v1
kind: Pod
metadata:
  name: {name}
  annotations: {{{annotations}}}
spec:
  securityContext: {{{settings}}}
  containers: [{{name: c, image: "i:1"}}, {{name: side, image: "i:1"}}]
"""
TODAY = date(2026, 11, 27)
EXCEPTION = '[[exceptions]]\nname = "web"\nallows = ["root"]\nreason = "port 80"\nexpires = 2099-01-31\n'


pytestmark = pytest.mark.usefixtures("nowhere")


def write(settings: str = "", annotations: str = "", name: str = "web", file: str = "pod.yaml") -> None:
    Path(file).write_text(POD.format(settings=settings, annotations=annotations, name=name))


def explained(settings: str = "", annotations: str = "") -> Explanations:
    finder = ImageFinder(connect=lambda: Engine.connect(None))  # type: ignore[arg-type, return-value]
    return explain_text(finder, POD.format(settings=settings, annotations=annotations, name="web"))


# --- two questions ---


@pytest.mark.parametrize(
    ("settings", "user", "shut_by"),
    [
        ("runAsUser: 0", None, {"root"}),
        ("runAsUser: 0, runAsNonRoot: true", None, {"refused"}),
        ("", None, {"maybe-root", "maybe-refused", "unknown"}),
        ("runAsNonRoot: true", None, {"maybe-refused", "unknown"}),
        ("runAsNonRoot: true", "app", {"refused"}),
        ("runAsNonRoot: true", "5", set()),
        ("", "app", {"maybe-root", "maybe-refused", "unknown"}),
        ("", "", {"root"}),
    ],
)
def test_the_gate_asks_whether_it_can_be_root_and_whether_it_starts(
    settings: str, user: str | None, shut_by: set[str]
) -> None:
    write(settings)
    users = ["--image-user", f"i:1={user}"] if user is not None else []
    levels = ("root", "maybe-root", "refused", "maybe-refused", "unknown")
    assert {level for level in levels if run("--gate", level, "-f", "pod.yaml", *users).exit_code == 1} == shut_by
    assert run("--gate", "-f", "pod.yaml", *users).exit_code == (1 if shut_by else 0)
    assert run("--gate=root,refused,unknown", "-f", "pod.yaml", *users).exit_code == (1 if shut_by else 0)


def test_what_stands_behind_gate_is_a_file_unless_it_reads_as_levels() -> None:
    write("runAsUser: 0")
    assert run("--gate", "pod.yaml").exit_code == 1
    assert run("--gate", "refused", "pod.yaml").exit_code == 0
    assert run("pod.yaml", "--gate").exit_code == 1
    assert run("--gate", "-f", "pod.yaml", "--", "pod.yaml").exit_code == 1


@pytest.mark.parametrize("levels", ["root,refsed", "=rot", "=", "=root,", "root,everything"])
def test_a_level_that_does_not_exist_is_no_open_gate(levels: str) -> None:
    write()
    arguments = [f"--gate{levels}"] if levels.startswith("=") else ["--gate", levels]
    result = run(*arguments, "-f", "pod.yaml")
    assert result.exit_code == 2
    assert "is not one of the levels root, maybe-root, refused" in result.stderr


def test_a_near_level_is_named_and_no_level_is_a_mistake() -> None:
    with pytest.raises(Misuse, match="did you mean refused"):
        parse_levels(["refsed"], "here")
    with pytest.raises(Misuse, match="so the gate would never fail"):
        parse_levels([], "here")


def test_an_object_that_was_not_judged_is_unknown_and_nothing_else() -> None:
    Path("w.yaml").write_text("apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\nspec: {}\n")
    write("runAsUser: 5")
    ask = ["-f", "w.yaml", "-f", "pod.yaml"]
    assert [run(f"--gate={level}", *ask).exit_code for level in ("root,refused", "unknown")] == [0, 1]


def test_every_rule_of_a_finding_has_a_meaning() -> None:
    for settings in ("runAsUser: 0", "", "runAsNonRoot: true", "runAsUser: 0, runAsNonRoot: true", "runAsUser: -1"):
        assert all(finding.rule in RULES for finding in findings_of(explained(settings)))


# --- the configuration file ---


def test_the_file_of_the_folder_is_read_and_the_command_line_overrides_it() -> None:
    write("runAsNonRoot: true")
    Path("labkit-explain.toml").write_text('gate = ["refused"]\n[image-users]\n"docker.io/library/i:1" = "0"\n')
    assert run("--gate", "-f", "pod.yaml").exit_code == 1
    assert run("--gate", "-f", "pod.yaml", "--image-user", "i:1=5").exit_code == 0
    assert run("--gate=root", "-f", "pod.yaml").exit_code == 0
    assert "--image-user" not in run("-f", "pod.yaml").stderr


def test_another_file_is_named_by_an_option() -> None:
    write()
    Path("ci.toml").write_text('gate = ["root"]\nno-pods = ["Widget"]\n[namespace-levels]\n"*" = "restricted"\n')
    (row, _) = json.loads(run("--config", "ci.toml", "-f", "pod.yaml", "--json").stdout)
    assert row["api"]["cause"] == "pod-security"
    assert run("--config", "gone.toml", "-f", "pod.yaml").exit_code == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("exeptions = []", "did you mean exceptions?"),
        ("gate = ['rot']", "did you mean root?"),
        ("gate = 'root'", "gate is not a list"),
        ("[image-user]", "did you mean image-users?"),
        ("[image-users]\ni = 5", "put the values into quotes"),
        ("gate = [", "it is not TOML"),
        ("exceptions = 1", "[[exceptions]]"),
        ("exceptions = [1]", "[[exceptions]]"),
        (EXCEPTION.replace("reason", "reasons"), "did you mean reason?"),
        (EXCEPTION.replace('"port 80"', '" "'), "it has no reason"),
        (EXCEPTION.replace("expires = 2099-01-31", ""), "it has no last day"),
        (EXCEPTION.replace("2099-01-31", '"soon"'), "is not a date"),
        (EXCEPTION.replace('"root"', '"roots"'), "did you mean root?"),
        (EXCEPTION.replace('["root"]', "[]"), "does not say what it allows"),
        (EXCEPTION.replace('name = "web"', ""), "would hold for everything"),
        ("\ufeff\0", "it is not TOML"),
    ],
)
@pytest.mark.parametrize("gate", [[], ["--gate"]])
def test_a_mistake_in_the_file_is_never_no_exceptions(text: str, complaint: str, gate: list[str]) -> None:
    write("runAsUser: 5")
    Path("labkit-explain.toml").write_text(text)
    result = run(*gate, "-f", "pod.yaml")
    assert result.exit_code == 2
    assert complaint in result.stderr


def test_the_file_and_the_snippets_of_the_manual_are_read() -> None:
    manual = (CHECKOUT / "docs/explain.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", manual, re.DOTALL)
    configuration = parse_configuration(tomllib.loads(example), "docs/explain.md")
    assert configuration.gate == frozenset({Concern.ROOT, Concern.REFUSED})
    assert [exception.patterns for exception in configuration.exceptions] == [{"namespace": "shop", "name": "legacy-*"}]
    snippets = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)]
    assert [next(iter(snippet)) for snippet in snippets[:3]] == ["name", "who", "repos"]
    commands = re.findall(r"labkit explain [^`|>#\n]*", str(snippets))
    assert commands and all("--gate" in command for command in commands)


# --- exceptions ---


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (("", ""), 0),
        (('"web"', '"w*"'), 0),
        (('"web"', '"shop"'), 1),
        (("name =", "container ="), 1),
        (('name = "web"', 'file = "pod.yaml"'), 0),
        (('name = "web"', 'file = "*/pod.yaml"'), 1),
        (('name = "web"', 'image = "i:*"'), 0),
        (('"root"', '"runs-as-root"'), 0),
        (('"root"', '"refused"'), 1),
        (("2099", "2020"), 1),
    ],
)
def test_an_exception_of_the_file(change: tuple[str, str], status: int) -> None:
    write("runAsUser: 0")
    Path("labkit-explain.toml").write_text(EXCEPTION.replace(*change) if change[0] else EXCEPTION)
    assert run("--gate", "-f", "pod.yaml").exit_code == status
    assert run("--gate", "-f", "./pod.yaml").exit_code == status


def test_what_is_excused_is_said_with_its_reason() -> None:
    write("runAsUser: 0")
    Path("labkit-explain.toml").write_text(EXCEPTION)
    assert "excused until 2099-01-31: Pod web c: runs as root (port 80)" in run("--gate", "-f", "pod.yaml").stderr


def test_an_exception_that_has_expired_shuts_the_gate_even_over_nothing() -> None:
    write("runAsUser: 5")
    Path("labkit-explain.toml").write_text(EXCEPTION.replace("2099", "2020"))
    result = run("--gate", "-f", "pod.yaml")
    assert result.exit_code == 1
    assert "gate: exception 1 of labkit-explain.toml expired on 2020-01-31 (port 80)" in result.stderr


def test_an_exception_that_excuses_nothing_is_said_where_all_files_were_read() -> None:
    write("runAsUser: 5")
    Path("labkit-explain.toml").write_text(EXCEPTION)
    named, handed = run("--gate", "-f", "pod.yaml"), run("--gate", "pod.yaml")
    assert (named.exit_code, handed.exit_code) == (0, 0)
    assert "exception 1 of labkit-explain.toml excuses nothing" in named.stderr
    assert "excuses nothing" not in handed.stderr


@pytest.mark.parametrize(
    ("annotation", "status", "message"),
    [
        (f"{ANNOTATION}: 'root until 2099-01-31: it needs port 80'", 0, "it needs port 80"),
        (f"{ANNOTATION}: 'root, refused until 2099-01-31: a: b'", 0, "a: b"),
        (f"{ANNOTATION}: 'root until 2099-01-31:'", 1, "it has no reason"),
        (f"{ANNOTATION}: 'root until 2099-01-31'", 1, "it has no reason"),
        (f"{ANNOTATION}: 'root until 2020-01-31: x'", 1, "expired on 2020-01-31"),
        (f"{ANNOTATION}: 'root until soon: x'", 1, "is not a date"),
        (f"{ANNOTATION}: 'rot until 2099-01-31: x'", 1, "did you mean root?"),
        (f"{ANNOTATION}: 'root'", 1, "is not LEVELS until"),
        (f"{ANNOTATION}: 'root{' ' * 100_000}until'", 1, "is not LEVELS until"),
        (f"{ANNOTATION}: 5", 1, "is not LEVELS until"),
        (f"{ANNOTATION}: ", 1, "is not LEVELS until"),
        (f"{ANNOTATION}/c: 'root until 2099-01-31: x'", 1, "Pod web side: runs as root"),
        ("labkit.explain.exceptions: 'root until 2099-01-31: x'", 1, f"did you mean {ANNOTATION}?"),
        ("labkit.lab: labkit", 1, "runs as root"),
    ],
)
def test_an_exception_as_an_annotation(annotation: str, status: int, message: str) -> None:
    write("runAsUser: 0", annotation)
    result = run("--gate", "-f", "pod.yaml")
    assert result.exit_code == status, result.output
    assert message in result.stderr


def test_an_exception_holds_until_the_end_of_its_last_day() -> None:
    answers = explained("runAsUser: 0", f"{ANNOTATION}: 'root until 2026-11-27: x'")
    findings = findings_of(answers)
    assert judge_findings(findings, answers.rows, ALL, today=TODAY).of("shuts") == []
    late = judge_findings(findings, answers.rows, ALL, today=date(2026, 11, 28))
    assert [finding.rule for finding in late.of("shuts")] == ["runs-as-root", "runs-as-root", "exception-invalid"]


def test_an_annotation_fits_its_own_workload_alone() -> None:
    write("runAsUser: 0", f"{ANNOTATION}: 'root until 2099-01-31: x'", name="a*")
    write("runAsUser: 0", name="ab", file="other.yaml")
    result = run("--gate", "-f", "pod.yaml", "-f", "other.yaml")
    assert result.exit_code == 1
    assert "gate: Pod ab c" in result.stderr and "gate: Pod a*" not in result.stderr


def test_an_exception_for_a_level_covers_what_shuts_the_gate_and_no_more() -> None:
    configuration = parse_configuration(
        {"exceptions": [{"name": "web", "allows": ["maybe-root"], "reason": "x", "expires": TODAY}]}, "t"
    )
    answers = explained()
    findings = findings_of(answers)
    for levels, standing in ((ALL, "shuts"), (frozenset({Concern.MAYBE_ROOT}), "excused")):
        verdict = judge_findings(findings, answers.rows, levels, configuration.exceptions, today=TODAY)
        assert {judged.standing for judged in verdict.judged} == {standing}


# --- the baseline ---


def test_only_what_is_new_shuts_the_gate() -> None:
    write("runAsUser: 0")
    assert run("--write-baseline", "known.json", "-f", "pod.yaml").exit_code == 0
    ask = ["--gate", "--baseline", "known.json", "-f", "./pod.yaml"]
    result = run(*ask)
    assert (result.exit_code, "the baseline has them: 2" in result.stderr) == (0, True)
    Path("pod.yaml").write_text("# another line, another tag\n" + Path("pod.yaml").read_text().replace("i:1", "i:2"))
    assert run(*ask).exit_code == 0
    write("runAsUser: 0", name="new", file="new.yaml")
    result = run(*ask, "-f", "new.yaml")
    assert result.exit_code == 1
    assert result.stderr.count("gate: ") == 2


def test_what_is_worse_or_more_than_before_is_new() -> None:
    write("")
    run("--write-baseline", "known.json", "-f", "pod.yaml")
    write("runAsUser: 0")
    assert run("--gate", "--baseline", "known.json", "-f", "pod.yaml").exit_code == 1
    write("")
    Path("pod.yaml").write_text(Path("pod.yaml").read_text() + "---\n" + Path("pod.yaml").read_text())
    assert run("--gate", "--baseline", "known.json", "-f", "pod.yaml").exit_code == 1


def test_what_is_gone_is_said_and_an_expired_exception_is_never_known() -> None:
    write("runAsUser: 0", f"{ANNOTATION}: 'root until 2020-01-31: x'")
    run("--write-baseline", "known.json", "-f", "pod.yaml")
    assert "expired" not in Path("known.json").read_text()
    assert run("--gate", "--baseline", "known.json", "-f", "pod.yaml").exit_code == 1
    write("runAsUser: 5")
    assert "no longer there: 2 of the baseline" in run("--gate", "--baseline", "known.json", "-f", "pod.yaml").stderr


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "\x00", '{"version": 1}', '{"version": 1, "findings": 5}'),
        '{"version": 2, "findings": []}',
        '{"version": 1, "findings": [{"rule": "x"}]}',
        pytest.param("[" * 100_000, id="deep"),
    ],
)
def test_a_malformed_baseline_is_no_open_gate(text: str) -> None:
    write("runAsUser: 0")
    Path("known.json").write_text(text)
    result = run("--gate", "--baseline", "known.json", "-f", "pod.yaml")
    assert result.exit_code == 2
    assert "--write-baseline" in result.stderr


def test_a_baseline_that_is_not_there_is_wrong_use() -> None:
    write()
    assert run("--gate", "--baseline", "gone.json", "-f", "pod.yaml").exit_code == 2


def test_a_baseline_without_a_gate_would_be_forgotten() -> None:
    write()
    run("--write-baseline", "known.json", "-f", "pod.yaml")
    assert "add --gate" in run("--baseline", "known.json", "-f", "pod.yaml").stderr
