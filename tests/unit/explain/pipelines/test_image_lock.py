"""The lock file: the same answers without the engine; never the wrong ones from a file that is not understood."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from labkit.archives.archive import ImageContent
from labkit.base.configuration import Configuration
from labkit.core.identity.answers import explain_in_pod
from labkit.core.identity.docker_run import explain_in_engine
from labkit.core.identity.model import Image, KnownImage, Settings
from labkit.explain import on_demand
from labkit.explain.engine_lookup import EngineLookup
from labkit.explain.image_lookup import ImageFinder
from labkit.explain.pipelines.image_lock import read_lock, write_lock
from tests.unit.explain.without_engine import explain as run

PASSWD = (
    "root:$6$secret:0:0:root:/root:/bin/sh\n\n app:x:1654:1654:A. Person:/home/app:/bin/sh\nodd\n"
    "big:x:99999999999999999999:x::\n"
)
GROUP = "# wheel:x:9:app\nroot:x:0:\napp:x:1654:\nstaff:!:50:app,root\n445:x:555:\n"
POD = """
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  securityContext: {supplementalGroups: [7]}
  containers: [{name: c, image: "registry.example/app:1"}]
"""


@pytest.fixture(autouse=True)
def _with_a_pod(nowhere: None) -> None:
    Path("pod.yaml").write_text(POD)


@pytest.mark.parametrize("user", ["", "app", "app:staff", "0", "5", "odd", "big", "gone", "1654:445", "-1"])
@pytest.mark.parametrize("files", [(PASSWD, GROUP), (None, None), ("", ""), ("x" * 70_000, None), (PASSWD, None)])
def test_what_is_locked_gives_the_same_answers(user: str, files: tuple[str | None, str | None]) -> None:
    image = Image(user, *files, home="/data" if user == "5" else None)
    write_lock(Path("l"), {"app:1": KnownImage(image, "sha256:1", ("A=b",), ("USER 5",))})
    locked = read_lock(Path("l")).find("docker.io/library/app:1")
    assert locked is not None
    assert (locked.digest, locked.env, locked.on_build) == ("sha256:1", ("A=b",), ("USER 5",))
    for settings in (
        *(Settings(), Settings(run_as_non_root=True), Settings(run_as_user=1654), Settings(run_as_user=0)),
        Settings(run_as_user=77, run_as_group=50, supplemental_groups=(445,), supplemental_groups_policy="Strict"),
    ):
        assert explain_in_pod(locked.image, settings) == explain_in_pod(image, settings)
    for asked, groups in ((None, ()), ("app", ("staff",)), ("1654", ("445",)), ("gone", ())):
        assert explain_in_engine(locked.image, asked, groups) == explain_in_engine(image, asked, groups)


def test_no_password_comment_or_shell_is_written() -> None:
    write_lock(Path("l"), {"app": KnownImage(Image("app", PASSWD, GROUP))})
    text = Path("l").read_text()
    assert "secret" not in text and "Person" not in text and "/bin/sh" not in text
    assert "docker.io/library/app:latest" in text


def test_the_lock_file_is_written_from_an_archive_and_read_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    content = ImageContent("registry.example/app:1", "app", ("HOME=/data",), "", PASSWD, GROUP)
    with monkeypatch.context() as patch:
        patch.setattr(on_demand, "read_archives", lambda *_: [content])
        locked = run("--lock", "-f", "pod.yaml", "--archive", "image.tar")
        assert (locked.exit_code, locked.stderr) == (0, "labkit-explain.lock: 1 image\n")
        Path("labkit-explain.lock").rename("kept")
        with_archive = json.loads(run("-f", "pod.yaml", "--archive", "image.tar", "--json").stdout)
    Path("kept").rename("labkit-explain.lock")
    result = run("-f", "pod.yaml", "--json", "--gate")
    assert result.exit_code == 0, result.output
    assert with_archive[0]["image_from"] == "archive"
    assert json.loads(result.stdout) == [{**row, "image_from": "lock file"} for row in with_archive]
    assert (with_archive[0]["runs_as"]["uid"], with_archive[0]["runs_as"]["home"]) == (1654, "/data")


def test_an_image_that_is_nowhere_is_not_locked_and_said() -> None:
    result = run("--lock", "-f", "pod.yaml")
    assert result.exit_code == 1
    assert "not known, and not in the lock file: registry.example/app:1" in result.stderr
    assert json.loads(Path("labkit-explain.lock").read_text())["images"] == {}
    assert run("--lock", "-f", "pod.yaml", "--image-user", "registry.example/app:1=5").exit_code == 0


def test_a_user_that_is_given_overrides_the_lock_file() -> None:
    write_lock(Path("labkit-explain.lock"), {"registry.example/app:1": KnownImage(Image("0"))})
    assert run("--gate", "-f", "pod.yaml").exit_code == 1
    assert run("--gate", "-f", "pod.yaml", "--image-user", "registry.example/app:1=5").exit_code == 0


def test_the_lock_file_lies_beside_the_configuration() -> None:
    Path("ci").mkdir()
    Path("ci/c.toml").write_text("")
    write_lock(Path("ci/labkit-explain.lock"), {"registry.example/app:1": KnownImage(Image("5"))})
    assert run("--gate", "--config", "ci/c.toml", "-f", "pod.yaml").exit_code == 0
    assert run("--gate", "-f", "pod.yaml").exit_code == 1


GOOD: dict[str, Any] = {
    **{"digest": "", "user": "5", "passwd": None, "group": None, "home": None, "windows": False},
    **{"env": [], "onbuild": []},
}


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {"version": 2, "images": {}},
        {"images": {}},
        {"version": 1},
        {"version": 1, "images": []},
        {"version": 1, "images": {"a": 5}},
        *({"version": 1, "images": {"a": {**GOOD, name: 5}}} for name in GOOD),
        {"version": 1, "images": {"a": {**GOOD, "users": ""}}},
        {"version": 1, "images": {"a": {**GOOD, "passwd": [5]}}},
        {"version": 1, "images": {"a": {}}},
    ],
)
def test_a_lock_file_that_is_not_understood_is_an_error(content: object) -> None:
    Path("labkit-explain.lock").write_text(json.dumps(content) if content is not None else "{")
    result = run("--gate=refused", "-f", "pod.yaml")
    assert result.exit_code == 2
    assert "labkit explain --lock" in result.stderr


def test_the_base_of_a_dockerfile_is_locked_with_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("Dockerfile").write_text("FROM registry.example/app:1\nUSER $APP_UID\n")
    content = ImageContent("registry.example/app:1", "", ("APP_UID=1654",), "", PASSWD, GROUP)
    with monkeypatch.context() as patch:
        patch.setattr(on_demand, "read_archives", lambda *_: [content])
        assert run("--lock", "Dockerfile", "--archive", "image.tar").exit_code == 0
    (row,) = json.loads(run("Dockerfile", "--json").stdout)
    assert (row["image_user"], row["runs_as"]["user"]) == ("1654", "app")


@pytest.mark.parametrize("digests", [["registry.example/app@sha256:12ab"], [], None])
def test_the_digest_of_the_engine_is_locked(digests: list[str] | None) -> None:
    class Answering:
        def image(self, reference: str) -> dict[str, Any]:
            return {"Id": "sha256:0", "Config": {"User": "5"}, "RepoDigests": digests}

        def look_inside(self, reference: str, paths: Sequence[str]) -> dict[str, None]:
            return dict.fromkeys(paths)

    lookup = EngineLookup(Answering(), Configuration("paper", Path("s"), Path("c"), Path("d")))  # type: ignore[arg-type]
    finder = ImageFinder(connect=lambda: lookup)
    assert finder.find("registry.example/app:1") == Image("5")
    assert finder.digest("registry.example/app:1") == ("sha256:12ab" if digests else "")
