"""The commands for a class on a cluster: what is typed wrongly is said before anything is asked of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from labkit.base.resources import CLUSTER
from labkit.cli import main
from labkit.lab.classroom.class_bringup import ClassWishes, planned_objects, planned_settings
from labkit.lab.classroom.class_trials import _network_verdict

COMMANDS = ("up", "status", "doctor", "down")


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "kubeconfig"
    entry: dict[str, Any] = {"name": "school", "context": {"cluster": "school", "user": "me"}}
    cluster = {"name": "school", "cluster": {"server": "http://127.0.0.1:1"}}
    document = {"contexts": [entry], "clusters": [cluster], "users": [{"name": "me", "user": {"token": "t"}}]}
    file.write_text(yaml.safe_dump({**document, "current-context": "school"}), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.setenv("LABKIT_STATE", str(tmp_path / "state"))
    return file


def typed(*argv: str) -> Result:
    return CliRunner().invoke(main, ["class", *argv])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_current_context_is_never_taken_unasked(kubeconfig: Path, command: str) -> None:
    done = typed(command)
    assert done.exit_code == 2
    assert "the current one is never taken unasked" in done.output
    assert "school" in done.output
    assert f"{command} --context NAME" in done.output


@pytest.mark.parametrize("command", COMMANDS)
def test_a_context_that_does_not_exist(kubeconfig: Path, command: str) -> None:
    done = typed(command, "--context", "schol")
    assert done.exit_code == 2
    assert "did you mean school?" in done.output


@pytest.mark.parametrize("command", ["up", "status", "down"])
def test_a_cluster_that_does_not_answer(kubeconfig: Path, command: str) -> None:
    done = typed(command, "--context", "school", *(["--yes"] if command != "status" else []))
    assert done.exit_code == 1
    assert "does not answer" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--expose", "NodePort"], "--host 192.0.2.10"),
        (["--host", "192.0.2.10"], "needs --expose"),
        (["--node-port", "30443"], "needs --expose"),
        (["--certificate", "a.pem", "--expose", "NodePort"], "--certificate and --key"),
        (["--hub-image", "a"], "--hub-image and --participant-image"),
        (["--class-name", "Kube System"], "a name has at most"),
        (["--class-name", "a-p-123456"], "participant's id"),
        (["--participants", "0"], "0 is not in the range"),
    ],
)
def test_wishes_that_make_no_sense(argv: list[str], message: str) -> None:
    done = typed("up", "--dry-run", *argv)
    assert done.exit_code == 2
    assert message in done.output


@pytest.mark.parametrize(
    ("text", "message"), [("c.X.y = (", "'(' was never closed"), ("c = '\0'", "null byte"), (None, "No such")]
)
def test_settings_for_the_hub_that_are_none_are_told_before_a_cluster_is_asked(
    kubeconfig: Path, tmp_path: Path, text: str | None, message: str
) -> None:
    file = tmp_path / "sign-in.py"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    done = typed("up", "--context", "school", "--hub-settings", str(file))
    assert done.exit_code == 2
    assert message in done.output


def test_a_dry_run_prints_plain_manifests_and_no_secret() -> None:
    done = typed("up", "--dry-run", "--registry", "registry.example/labkit", "--class-name", "spring")
    assert done.exit_code == 0, done.output
    objects = list(yaml.safe_load_all(done.stdout))
    assert objects == planned_objects(planned_settings(ClassWishes("spring", registry="registry.example/labkit")))
    assert "Secret" not in {manifest["kind"] for manifest in objects}
    images = [
        manifest["spec"]["template"]["spec"]["containers"][0]["image"]
        for manifest in objects
        if "template" in manifest.get("spec", {})
    ]
    assert images == ["registry.example/labkit/class-hub:lab"] * 2


def test_prepared_participants_are_in_the_dry_run() -> None:
    done = typed("up", "--dry-run", "--prepared", "--participants", "3")
    spaces = [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest["kind"] == "Namespace"]
    assert len(spaces) == 1 + 3 * 2


def test_the_kustomization_is_what_the_command_would_make() -> None:
    folder = CLUSTER / "class"
    text = (folder / "class.yaml").read_text(encoding="utf-8")
    assert text == typed("up", "--dry-run").stdout, "labkit class up --dry-run > cluster/class/class.yaml"
    document = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    assert document["resources"] == ["class.yaml"]
    assert {image["name"] for image in document["images"]} == {
        planned_settings(ClassWishes()).hub_image.rpartition(":")[0]
    }


@pytest.mark.parametrize(("is_reached", "is_enforced", "verdict"), [(1, 1, True), (1, 0, False), (0, 0, None)])
def test_a_network_that_reaches_nothing_says_nothing_of_policies(
    is_reached: int, is_enforced: int, verdict: bool | None
) -> None:
    assert _network_verdict(bool(is_reached), bool(is_enforced)).is_ok is verdict
