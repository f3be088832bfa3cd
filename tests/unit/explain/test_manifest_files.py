"""Files and folders of all sorts: what people have beside their manifests stops nothing, and no gate opens over it."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from labkit.base.errors import Misuse
from labkit.cli import main
from labkit.explain.file_kinds import is_manifest
from labkit.explain.manifest_files import read_manifests

GOOD = """apiVersion: v1
kind: Pod
metadata: {name: good}
spec:
  containers: [{name: a, image: registry.example/a:1, securityContext: {runAsUser: 1000, runAsNonRoot: true}}]
"""
BAD = GOOD.replace("good", "bad").replace("runAsUser: 1000", "runAsUser: 0")
HELM = """{{- if .Values.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "web.fullname" . }}
spec:
  template:
    spec:
      securityContext: {{- toYaml .Values.podSecurityContext | nindent 8 }}
      containers:
      - name: web
        image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
{{- end }}
"""
FOREIGN = {
    ".gitlab-ci.yml": ".setup:\n  script: [echo]\ntest:\n  script:\n    - !reference [.setup, script]\n",
    "stack.yaml": 'Resources:\n  B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub "${AWS::StackName}-b"}}\n',
    "mkdocs.yml": "markdown_extensions:\n  - toc: {slugify: !!python/name:a.b.c }\n",
    "vault.yml": "pw: !vault |\n  6162\n",
    "playbook.yml": "- hosts: all\n  tasks:\n  - command: echo {{ item }}\n",
    "broken-playbook.yml": "- hosts: {{ hosts }}\n  tasks: {{ tasks }} {% if x %}\n",
    "tsconfig.json": '{\n  // a comment\n  "compilerOptions": {"strict": true,},\n}\n',
    "settings.json": "/* a comment */\n{}\n",
    ".yamllint": "rules: {}\n",
    ".clang-format": "BasedOnStyle: LLVM\n",
    "Pipfile.lock": '{"_meta": {}}',
    "docker-compose.override.yml": "services:\n  web:\n    ports: !reset []\n    environment: !override {A: b}\n",
    "home-assistant.yaml": "automation: !include automations.yaml\nsecret: !secret x\n",
    "values.yaml": "image: {repository: r, tag: t}\n",
    "Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
    "kustomization.yaml": "resources: [base]\npatches: [{path: patch.yaml}]\n",
    "workflow.yml": "on: push\njobs:\n  a:\n    container: {image: x}\n    steps: [{run: '${{ matrix.a }}'}]\n",
    "azure.yml": "resources:\n  containers:\n  - container: c\n    image: u\nsteps:\n- ${{ each a in b }}: [x]\n",
    ".drone.yml": "kind: pipeline\ntype: docker\nsteps: [{name: a, image: b}]\n",
    "catalog-info.yaml": "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: c}\n",
    "release.yaml": "apiVersion: release-notes/v2\nkind: bug-fix\n",
    "openapi.yaml": "openapi: 3.0.0\npaths: {}\n",
    "empty.yaml": "",
    "comments.yaml": "# nothing yet\n",
    "tabs.yaml": "a:\n\t- b\n",
    "binary.yaml": "\x7fELF\x02\x01\x01\0\0",
    "list.json": "[1, 2]",
    "package.json": '{"name": "web", "scripts": {"test": "jest"}}',
    "lines.json": '{"a": 1}\n{"b": 2}\n',
    "service.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n",
    "template.yaml": HELM,
    "_helpers.yaml": '{{- define "web.name" -}}\nx\n{{- end }}\n',
    "env.yaml": GOOD.replace("registry.example/a:1", '"${IMAGE}"').replace("1000", '"${USER_ID}"'),
    "image.yaml": GOOD.replace("registry.example/a:1", '"${IMAGE}"').replace("runAsUser: 1000, ", ""),
}


def run(*arguments: object, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["explain", *map(str, arguments)], input=text)


pytestmark = pytest.mark.usefixtures("nowhere")


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# --- what a hook is handed ---


@pytest.mark.parametrize("name", FOREIGN)
def test_a_hook_passes_what_is_no_manifest_and_judges_what_is_beside_it(name: str) -> None:
    write(name, FOREIGN[name])
    good, bad = write("good.yaml", GOOD), write("bad.yaml", BAD)
    assert run("--gate", name).exit_code == 0
    assert run("--gate", name, good).exit_code == 0
    result = run("--gate", name, bad)
    assert result.exit_code == 1
    assert "Pod bad a: the kubelet refuses" in result.stderr


@pytest.mark.parametrize("name", sorted(FOREIGN.keys() - {"template.yaml", "env.yaml", "image.yaml"}))
def test_a_hook_is_silent_over_what_is_no_manifest(name: str) -> None:
    write(name, FOREIGN[name])
    assert run("--gate", name).output == ""


def test_a_hook_says_which_files_are_templates() -> None:
    write("web/Chart.yaml", FOREIGN["Chart.yaml"])
    result = run("--gate", write("web/templates/web.yaml", HELM))
    assert (result.exit_code, result.stdout) == (0, "")
    chart = Path("web").absolute()
    assert result.stderr == (
        f"web/templates/web.yaml: it is a template: render it first: helm template {chart} | labkit explain -f -\n"
    )


def test_a_placeholder_excuses_what_is_not_known_and_nothing_else() -> None:
    root = GOOD.replace("registry.example/a:1", '"${IMAGE}"').replace("1000, runAsNonRoot: true", "0")
    result = run("--gate", write("root.yaml", root))
    assert result.exit_code == 1
    assert "runs as root" in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: Pod\nspec: [\n",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: []}\n",
        "kind: Pod\n\tspec: {}\n",
        '{"apiVersion": "v1", "kind": "Pod",, }',
        "apiVersion: v1\nkind: Pod\nmetadata: {name: y}\nspec: {containers: [{name: a, image: b}]}\n",
        "apiVersion: example.org/v1\nkind: Widget\n",
    ],
)
def test_a_hook_stops_at_a_manifest_that_is_broken_or_not_understood(text: str) -> None:
    result = run("--gate", write("pod.yaml", text))
    assert result.exit_code == 1
    assert "pod.yaml" in result.stderr


def test_a_hook_passes_patches_of_a_kustomization() -> None:
    patch = "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {spec: {containers: [{name: a}]}}}\n"
    write("overlay/kustomization.yaml", "patches: [{path: patches/a.yaml}]\npatchesStrategicMerge: [b.yaml]\n")
    for name in ("overlay/patches/a.yaml", "overlay/b.yaml"):
        result = run("--gate", write(name, patch))
        assert (result.exit_code, result.output) == (0, ""), name
    assert run("--gate", write("overlay/other.yaml", patch)).exit_code == 1


def test_a_hook_hands_over_unreadable_files_and_others_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("loop.yaml").symlink_to("loop.yaml")
    good = write("good.yaml", GOOD)
    result = run("--gate", "loop.yaml", good)
    assert result.exit_code == 2 or "loop.yaml" in result.stderr
    write("secret.yaml", GOOD)
    opened = Path.open

    def denied(path: Path, *arguments: object, **options: object) -> object:
        if path.name == "secret.yaml":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", denied)
    result = run("--gate", "secret.yaml", good)
    assert result.exit_code == 1
    assert "not read: secret.yaml: [Errno 13] Permission denied" in result.stderr
    assert "Pod good a" in result.stdout


# --- what is chosen ---


def test_a_template_that_is_named_says_how_to_render_it() -> None:
    for name, remedy in (
        ("template.yaml", "render it first: helm template CHART | labkit explain -f -"),
        ("env.yaml", "fill it in first: envsubst < env.yaml | labkit explain -f -"),
    ):
        write(name, FOREIGN[name])
        for arguments in ([name], ["-f", name]):
            result = run(*arguments)
            assert result.exit_code == 2, arguments
            assert f"{name}: it is a template: {remedy}" in result.stderr
        result = run("--gate", "-f", name)
        assert result.exit_code == 1
        assert f"gate: {name}: it is a template: {remedy}" in result.stderr


def test_a_name_with_an_odd_character_is_quoted_in_the_remedy() -> None:
    write("a b.yaml", FOREIGN["env.yaml"])
    assert "envsubst < 'a b.yaml' |" in run("a b.yaml").stderr


def test_a_broken_file_that_is_named_is_a_flaw_whatever_it_is() -> None:
    result = run("-f", write("tabs.yaml", FOREIGN["tabs.yaml"]), "-f", write("good.yaml", GOOD))
    assert result.exit_code == 1
    assert "not read: tabs.yaml: line 2: it is not YAML: " in result.stderr
    assert "Pod good a" in result.stdout


@pytest.mark.parametrize("text", ["", "\n", "# a comment\n", "---\n# a comment\n---\n", "null\n"])
@pytest.mark.parametrize("options", [[], ["--gate"], ["--json"]])
def test_an_empty_file_is_no_error(text: str, options: list[str]) -> None:
    name = write("empty.yaml", text)
    for arguments in ([name], ["-f", name]):
        result = run(*options, *arguments)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == ("[]\n" if options == ["--json"] else "")


@pytest.mark.parametrize("options", [[], ["--gate"]])
def test_nothing_on_standard_input_may_be_a_command_that_failed(options: list[str]) -> None:
    result = run(*options, "-f", "-", text="")
    assert result.exit_code == 2
    assert "standard input is empty" in result.stderr


def test_a_folder_of_all_sorts_is_read_and_what_is_no_manifest_is_named() -> None:
    for name, text in FOREIGN.items():
        if name.endswith((".yaml", ".yml", ".json")) and name not in ("kustomization.yaml", "Chart.yaml"):
            write(name, text)
    write("good.yaml", GOOD)
    result = run("-f", ".")
    assert result.exit_code == 0
    assert "Pod good a" in result.stdout
    (line,) = [line for line in result.stdout.splitlines() if "they are not manifests" in line]
    names = "_helpers.yaml, binary.yaml, broken-playbook.yml, tabs.yaml, tsconfig.json"
    assert line == f"skipped, because they are not manifests: {names}"
    assert "not judged: template.yaml: it is a template" in result.stderr
    gated = run("--gate", "-f", ".")
    assert gated.exit_code == 1
    assert "gate: template.yaml: it is a template" in gated.stderr


def test_an_object_that_may_run_pods_keeps_the_gate_shut_until_its_kind_is_known() -> None:
    write("good.yaml", GOOD + "---\napiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\n")
    result = run("-f", "good.yaml")
    assert result.exit_code == 0
    assert "not judged: good.yaml: Widget w (example.org/v1): no pod was found in it" in result.stderr
    for arguments in (["good.yaml"], ["-f", "good.yaml"]):
        result = run("--gate", *arguments)
        assert result.exit_code == 1
        assert "gate: good.yaml: Widget w (example.org/v1): no pod was found in it" in result.stderr
        assert "--no-pods Widget.example.org" in result.stderr
        assert run("--gate", "--no-pods", "Widget.example.org", *arguments).exit_code == 0


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_a_kustomization_says_how_it_is_built(name: str) -> None:
    write(f"over lay/{name}", "resources: [good.yaml]\npatches: [{path: patch.yaml}]\n")
    write("over lay/good.yaml", GOOD)
    write("over lay/patch.yaml", "- op: replace\n  path: /a\n  value: 1\n")
    result = run("-f", "over lay")
    assert result.exit_code == 0
    assert "kubectl kustomize 'over lay' | labkit explain -f -" in result.stderr
    assert "no kind" not in result.output
    gated = run("--gate", "-f", ".", "-R")
    assert gated.exit_code == 1
    assert "gate: over lay is a kustomization" in gated.stderr.replace("./", "")


def test_a_chart_says_how_it_is_rendered_and_its_templates_are_left_alone() -> None:
    write("web/Chart.yaml", FOREIGN["Chart.yaml"])
    write("web/values.yaml", FOREIGN["values.yaml"])
    write("web/templates/web.yaml", HELM)
    write("web/charts/db/templates/db.yaml", HELM)
    write("web/plain/good.yaml", GOOD)
    result = run("-f", ".", "-R")
    assert result.exit_code == 0
    assert "not judged: web is a Helm chart: helm template web | labkit explain -f -" in result.stderr
    assert "Pod good a" in result.stdout
    assert "template:" not in result.output
    assert run("--gate", "-f", ".", "-R").exit_code == 1


def test_pipes_and_loops_in_a_folder_are_not_waited_for() -> None:
    write("deep/good.yaml", GOOD)
    os.mkfifo("deep/pipe.yaml")
    Path("deep/again").symlink_to("..", target_is_directory=True)
    Path("deep/gone.yaml").symlink_to("nowhere")
    asked = read_manifests(["."], recursive=True)
    assert [container.name for container in asked.containers] == ["good"]
    assert [flaw.partition(":")[0] for flaw in asked.flaws] == ["deep/gone.yaml"]


def test_a_file_of_ten_megabytes_is_read_and_a_larger_one_than_64_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    write("large.yaml", GOOD + "---\nkind: ConfigMap\napiVersion: v1\ndata: {a: '" + "x" * (10 << 20) + "'}\n")
    assert [container.name for container in read_manifests(["large.yaml"]).containers] == ["good"]
    with Path("huge.yaml").open("wb") as file:
        file.truncate((64 << 20) + 1)
    assert read_manifests(["huge.yaml", "large.yaml"]).flaws == ["huge.yaml: it is larger than 64 MiB"]


def test_utf_16_is_read_by_its_mark_and_named_without() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        Path("marked.yaml").write_bytes(("\ufeff" + GOOD.replace("\n", "\r\n")).encode(encoding))
        assert run("--gate", "marked.yaml").exit_code == 0
        Path("bare.yaml").write_bytes(GOOD.encode(encoding))
        result = run("--gate", "bare.yaml")
        assert result.exit_code == 1
        assert "it seems to be UTF-16 without a byte order mark, which kubectl does not read" in result.stderr


# --- manifest, archive or image ---


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.yaml", b"", True),
        ("a.json", b"{}", True),
        ("Pipfile.lock", b"{}", True),
        (".yamllint", b"rules: {}", True),
        ("noending", b"kind: Pod", True),
        ("empty", b"", True),
        ("image.tar", b"kind: Pod", False),
        ("image.tar.gz", b"", False),
        ("image", b"\x1f\x8b\x08", False),
        ("image.zst", b"\x28\xb5\x2f\xfd", False),
    ],
)
def test_a_file_is_looked_at_before_it_is_taken_for_an_archive(name: str, data: bytes, expected: bool) -> None:
    Path(name).write_bytes(data)
    assert is_manifest(name) == expected
    assert is_manifest(f"./{name}") == expected


def test_a_folder_is_read_without_f_if_it_is_named_as_one() -> None:
    write("deploy/good.yaml", GOOD)
    write("deploy/bad.yaml", BAD)
    for name in ("deploy/", "./deploy"):
        assert is_manifest(name)
        result = run("--gate", name)
        assert result.exit_code == 1
        assert "gate: Pod bad a: the kubelet refuses" in result.stderr
        assert "Pod good a" in result.stdout
    write("layout/oci-layout", "{}")
    assert not is_manifest("./layout")


def test_a_tar_without_an_ending_is_an_archive_and_a_folder_is_none_of_both() -> None:
    write("content", "x")
    with tarfile.open("saved", "w") as archive:
        archive.add("content")
    assert not is_manifest("saved")
    Path("layout").mkdir()
    assert not is_manifest("layout")
    assert not is_manifest("alpine:3.23")
    assert not is_manifest("x" * 5000)
    assert not is_manifest("a\0b")


def test_a_manifest_that_does_not_exist_is_no_image() -> None:
    for options in ([], ["--gate"]):
        result = run(*options, "missing.yaml")
        assert result.exit_code == 2
        assert "there is no such file or folder" in result.stderr
    with pytest.raises(Misuse):
        read_manifests(["missing.yaml"])
