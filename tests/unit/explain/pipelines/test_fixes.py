"""`--fix`: the patch applies with git, and what it makes passes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from labkit.cli import main

HEAD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n"
BLOCK = HEAD.format(name="p") + (
    "  securityContext:\n    runAsUser: 0  # of old\n  containers:\n"
    '    # the app\n    - name: c\n      image: "i:1" # pinned\n      ports:\n        - containerPort: 80\n'
    "    - image: i:1\n      name: side\n      securityContext:\n        readOnlyRootFilesystem: true\n"
    "        runAsUser: 0\n  initContainers:\n  - {name: init, image: 'i:1'}\n"
)
FLOW = HEAD.format(name="q") + (
    "  containers: [{name: a, image: i:1, securityContext: {}},"
    " {name: b, image: i:1, securityContext: {runAsUser: 0}}]\n"
)
RESTRICTED = (
    "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n"
    "  labels: {pod-security.kubernetes.io/enforce: restricted}\n---\n"
    + HEAD.format(name="r\n  namespace: shop")
    + "  containers:\n  - name: a\n    image: i:1\n  - name: b\n    image: i:1\n    securityContext: {}\n"
)
JSON = json.dumps(yaml.safe_load(BLOCK.replace("name: p", "name: j")), indent=2)


pytestmark = pytest.mark.usefixtures("nowhere")


def run(*arguments: str, user: str = "") -> Result:
    result = CliRunner().invoke(main, ["explain", "--image-user", f"i:1={user}", *arguments])
    assert "Traceback" not in result.output
    return result


def apply(patch: bytes, program: str) -> None:
    argv = {"git": ["git", "apply", "-"], "patch": ["patch", "-p1"]}[program]
    subprocess.run(argv, input=patch, check=True, capture_output=True)


@pytest.mark.parametrize("program", ["git", "patch"])
@pytest.mark.parametrize(
    "text",
    [
        BLOCK,
        FLOW,
        JSON,
        RESTRICTED,
        BLOCK + "---\n" + FLOW + "---\n" + RESTRICTED,
        BLOCK.replace("\n", "\r\n"),
        BLOCK.rstrip("\n"),
        "\ufeff" + BLOCK,
        BLOCK.replace("# the app", "# \U0001f600\tthe app"),
        BLOCK.replace("runAsUser: 0\n", "runAsUser: 0\n        runAsNonRoot: false\n"),
        BLOCK.replace("runAsUser: 0\n", "runAsNonRoot: true\n"),
    ],
)
def test_a_patch_applies_and_what_it_makes_passes(text: str, program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    Path("a folder").mkdir()
    file = Path("a folder/pods.yaml")
    file.write_bytes(text.encode())
    assert run("--gate", "-f", str(file)).exit_code == 1
    result = run("--fix", "-f", "a folder")
    assert (result.exit_code, result.stderr) == (0, "")
    apply(result.stdout_bytes, program)
    after = run("--gate", "-f", str(file))
    assert after.exit_code == 0, after.output
    assert run("--fix", "-f", str(file)).stdout == ""
    removed = [line for line in result.stdout.splitlines() if line.startswith("-") and not line.startswith("---")]
    assert all("runAs" in line or "{" in line or "side" in line or "image" in line for line in removed), removed


def test_a_patch_keeps_the_image_s_own_user_and_the_comments() -> None:
    Path("p.yaml").write_text(BLOCK)
    patch = run("--fix", "-f", "p.yaml", user="1654:1654").stdout
    assert "+        runAsUser: 1654" in patch
    assert "of old" not in [line for line in patch.splitlines() if line.startswith(("+", "-"))]


@pytest.mark.parametrize("text", ["FROM i:1\n", "FROM i:1 AS a\nFROM a\nUSER 0", "FROM i:1\r\nUSER root\r\n"])
def test_a_dockerfile_gets_a_last_user(text: str) -> None:
    Path("Dockerfile").write_bytes(text.encode())
    result = run("--fix", "-f", "Dockerfile")
    assert (result.exit_code, result.stderr) == (0, "")
    apply(result.stdout_bytes, "git")
    assert run("--gate", "-f", "Dockerfile").exit_code == 0
    assert b"USER 10001:10001" in Path("Dockerfile").read_bytes()


@pytest.mark.parametrize(
    ("name", "text", "arguments"),
    [
        ("Dockerfile", "FROM i:1\nUSER 0\nRUN true \\", []),
        ("Dockerfile", "FROM i:1 AS a\nUSER 0\nFROM i:1\nUSER 5\n", ["--target", "a"]),
        ("Dockerfile", "FROM\n", []),
        ("compose.yaml", "services:\n  web:\n    image: i:1\n", []),
        ("pod.yaml", FLOW.replace("runAsUser: 0", "fsGroup: 0"), []),
        ("pod.yaml", BLOCK.replace("name: side", "name: c"), []),
        ("pod.yaml", HEAD.format(name="p") + "  x: &s {}\n  containers: [{name: c, image: i:1}]\n", []),
        (
            "pod.yaml",
            HEAD.format(name="p") + "  containers: [{name: c, image: i:1, securityContext: {runAsUser: }}]\n",
            [],
        ),
        ("pod.yaml", BLOCK + "\udcff", []),
        ("../out.yaml", BLOCK, []),
    ],
)
def test_what_no_patch_helps_is_said_and_nothing_is_offered_that_does_not_pass(
    name: str, text: str, arguments: list[str]
) -> None:
    Path(name).write_bytes(text.encode(errors="surrogateescape"))
    result = run("--fix", "-f", name, *arguments)
    if result.stdout:
        apply(result.stdout_bytes, "git")
        assert run("--gate=root,refused", "-f", name, *arguments).exit_code == result.exit_code
    else:
        assert result.exit_code == 1
        assert "no patch: " in result.stderr


def test_the_good_half_of_a_file_is_patched_all_the_same() -> None:
    Path("p.yaml").write_text(FLOW.replace("runAsUser: 0", "fsGroup: 0") + "---\n" + BLOCK)
    result = run("--fix", "-f", "p.yaml")
    assert result.exit_code == 1
    apply(result.stdout_bytes, "git")
    gate = run("--gate", "-f", "p.yaml").stderr
    assert "gate: Pod p" not in gate and "gate: Pod q" in gate


def test_nothing_to_fix_is_no_patch() -> None:
    Path("p.yaml").write_text(BLOCK.replace("runAsUser: 0", "runAsUser: 5"))
    result = run("--fix", "-f", "p.yaml")
    assert (result.exit_code, result.stdout) == (0, "")
