"""Publishing for real: into the engine, the cluster, archives and a registry, and what then runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from labkit.adapters.crane import Crane
from labkit.adapters.engine import Engine, image_labels
from labkit.archives.archive import read_archive
from labkit.base.errors import LabFailed, Misuse
from labkit.base.resources import CHECKOUT
from labkit.core.causes import Cause
from labkit.lab.lab import Lab
from labkit.publish.compare import compare
from labkit.publish.published import Options, Published
from labkit.publish.publisher import publish
from tests.live.upstream import dying

HELLO = CHECKOUT / "cluster" / "apps" / "hello"


@pytest.fixture
def name(engine: Engine, request: pytest.FixtureRequest) -> Iterator[str]:
    """A repository of this test's own."""
    name = f"test-{os.getpid()}-{abs(hash(request.node.name)) % 10**6}"
    yield name
    engine.remove_image(f"{name}:latest")


def published(lab: Lab, name: str, *arguments: str, **options: object) -> Published:
    given = Options((f"-p:ContainerRepository={name}", *arguments), back_end="kit")
    return publish(HELLO, replace(given, **options), lab)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "user", "greeting"),
    [
        ((), "1654", "Hello app, using"),
        (("-p:ContainerUser=root",), "root", "Hello root, using"),
        (("-p:ContainerUser=4242",), "4242", "Hello , using"),
        (("-p:ContainerFamily=noble-chiseled",), "1654", "Hello app, using"),
        (("-p:ContainerBaseImage=aspnetapp-chiseled",), "1654", None),
    ],
)
def test_what_is_published_runs(
    lab: Lab, engine: Engine, name: str, arguments: tuple[str, ...], user: str, greeting: str | None
) -> None:
    done = published(lab, name, *arguments)
    inspected = engine.image(f"{name}:latest")
    assert inspected is not None
    assert (inspected["Id"], inspected["Config"].get("User")) == (done.digest, user)
    assert lab.configuration.labels.items() <= image_labels(inspected).items()
    if greeting is not None:
        assert greeting in lab.run(f"{name}:latest").expect().output
    else:  # There is no dotnet in this base.
        lab.run(f"{name}:latest").expect(cause=Cause.COMMAND_NOT_FOUND, exit_status=127)


def test_a_user_that_is_not_there_is_published_and_cannot_run(lab: Lab, name: str) -> None:
    done = published(lab, name, "-p:ContainerUser=rich")
    assert [warning.code for warning in done.warnings] == ["image-user-not-numeric"]
    ran = lab.run(f"{name}:latest").expect(cause=Cause.UNKNOWN_USER, exit_status=125)
    assert "unable to find user rich: no matching entries in passwd file" in str(ran)


def test_a_working_directory_without_its_slash_ends_with_155(lab: Lab, name: str) -> None:
    done = published(lab, name, "-p:ContainerWorkingDirectory=/srv")
    assert "working-directory-without-slash" in [warning.code for warning in done.warnings]
    assert "'/srvhello.dll' does not exist" in lab.run(f"{name}:latest").expect(exit_status=155).output
    with pytest.raises(LabFailed, match="working-directory-without-slash"):
        published(lab, name, "-p:ContainerWorkingDirectory=/srv", strict=True)


def test_an_empty_app_uid_takes_the_user_away(lab: Lab, name: str, tmp_path: Path) -> None:
    """On a chiseled base whose own USER is 1654, and the SDK says nothing."""
    app = tmp_path / "app"
    app.mkdir()
    item = '<ContainerEnvironmentVariable Include="APP_UID" Value=""/>'
    text = (HELLO / "hello.csproj").read_text(encoding="utf-8")
    (app / "hello.csproj").write_text(text.replace("</Project>", f"<ItemGroup>{item}</ItemGroup></Project>"))
    (app / "hello.dll").write_bytes((HELLO / "hello.dll").read_bytes())
    given = Options((f"-p:ContainerRepository={name}", "-p:ContainerFamily=noble-chiseled"), back_end="kit")
    done = publish(app, given, lab)
    assert (done.config["User"], done.warnings[0].code) == ("", "app-uid-empty")
    assert "Hello root" in lab.run(f"{name}:latest").expect().output


def test_the_same_app_gives_the_same_digest_wherever_it_goes(lab: Lab, name: str, tmp_path: Path) -> None:
    def archive(file: str, *more: str) -> Published:
        return published(lab, name, f"-p:ContainerArchiveOutputPath={tmp_path / file}", *more)

    first, again = archive("1.tar"), archive("2.tar")
    assert first.digest == again.digest
    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()
    oci = archive("3.tar", "-p:ContainerImageFormat=OCI")
    assert {read_archive(tmp_path / file)[0].user for file in ("1.tar", "3.tar")} == {"1654"}
    assert oci.digest != first.digest
    on_archive = publish(
        HELLO,
        Options((f"-p:ContainerArchiveOutputPath={tmp_path / '4.tar'}",), base=str(tmp_path / "3.tar"), back_end="kit"),
        lab,
    )
    assert on_archive.config["Entrypoint"] == ["dotnet", "/app/hello.dll"]


def test_an_archive_is_loaded_and_runs(lab: Lab, engine: Engine, name: str, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    published(lab, name, f"-p:ContainerArchiveOutputPath={path}")
    with path.open("rb") as archive:
        engine.load_archive(archive, f"{name}:latest")
    assert "Hello app" in lab.run(f"{name}:latest").expect().output


def test_a_registry_gives_back_what_was_pushed(lab: Lab, engine: Engine, registry: str, name: str) -> None:
    crane = Crane(lab.configuration, lab.steps)
    done = published(lab, name, f"-p:ContainerRegistry={registry}", '-p:ContainerImageTags="a;b"')
    assert {crane.digest(f"{registry}/{name}:{tag}") for tag in "ab"} == {done.digest}
    image = crane.image_config(f"{registry}/{name}:a", "linux/amd64")
    assert image["config"] is not None
    assert (image["config"]["User"], image["history"][-1]["author"]) == ("1654", "labkit")
    assert "by the rules of .NET SDK" in image["history"][-1]["created_by"]
    pulled = engine.pull(f"{registry}/{name}:a")
    try:
        assert "Hello app" in lab.run(f"{registry}/{name}:a").expect().output
        assert pulled.endswith(done.digest)
    finally:
        engine.remove_image(f"{registry}/{name}:a")


def test_a_base_from_a_registry_is_pulled_once_and_built_upon(
    lab: Lab, registry: str, name: str, tmp_path: Path
) -> None:
    published(lab, "base", f"-p:ContainerRegistry={registry}")
    arguments = (f"-p:ContainerBaseImage={registry}/base:latest", f"-p:ContainerArchiveOutputPath={tmp_path}/a.tar")
    done = published(lab, name, *arguments)
    assert "pulled from its registry" in done.base_image
    digest = Crane(lab.configuration, lab.steps).digest(f"{registry}/base:latest")
    assert done.config["Labels"]["org.opencontainers.image.base.digest"] == digest


def test_a_base_that_is_nowhere_is_looked_for_and_missed(lab: Lab, registry: str, name: str) -> None:
    with pytest.raises(LabFailed, match="neither the lab nor the engine has it") as failed:
        published(lab, name, f"-p:ContainerBaseImage={registry}/nothing:1")
    assert "--base" in failed.value.remedy
    with pytest.raises(LabFailed, match="refused"):
        published(lab, name, "-p:ContainerRegistry=127.0.0.1:1")


def test_a_registry_that_dies_between_two_blobs_has_no_tag(lab: Lab, registry: str, name: str) -> None:
    """The proxy lets some bytes through and then closes every connection; the tag is the last thing that is written."""
    with dying(registry, after=2) as address, pytest.raises(LabFailed, match="Pushing"):
        published(lab, name, f"-p:ContainerRegistry={address}")
    with pytest.raises(LabFailed, match=r"unknown|404|NAME_UNKNOWN"):
        Crane(lab.configuration, lab.steps).digest(f"{registry}/{name}:latest")


def test_it_goes_into_the_cluster(lab: Lab, engine: Engine, name: str) -> None:
    done = published(lab, name, cluster=True)
    assert done.place == "the engine and the cluster"
    listing = lab.cluster().execute(["crictl", "images"])
    images = engine.execute(lab.cluster().node, ["ctr", "--namespace", "k8s.io", "images", "ls", "-q"])
    assert images.exit_status == 0 and f"docker.io/library/{name}:latest" in images.stdout, listing
    with pytest.raises(Misuse, match="into the cluster"):
        published(lab, name, f"-p:ContainerRegistry={name}.invalid", cluster=True)


SDK = f"""#!{sys.executable}
# Plays back what the real SDK did in one recorded case: the archive, and what it printed.
import json, os, re, sys
from pathlib import Path
sys.path.insert(0, {str(CHECKOUT)!r})
from labkit.publish.app_files import Layer
from labkit.publish.base_content import Base
from labkit.publish.image_writer import AssembledImage, write_archive
case = json.loads(Path(os.environ["RECORDED_CASE"]).read_text())
for line in case["output"]:
    place = [word for word in sys.argv if word.startswith("-p:ContainerArchiveOutputPath=")]
    print(line.replace("APP/out/image.tar.gz", place[-1].partition("=")[2] if place else "APP/out/image.tar.gz"))
if case["exit"] == 0:
    file = Path(os.environ["RECORDED_CASE"]).with_suffix(".layer")
    file.write_bytes(b"")
    layer = Layer(file, "sha256:" + "0" * 64, "sha256:" + "0" * 64, 0)
    configuration = {{"config": case["config"], "rootfs": {{"type": "layers", "diff_ids": [layer.diff_id]}}}}
    image = AssembledImage(json.dumps(configuration).encode(), "Docker", [], layer)
    write_archive(image, Path(place[-1].partition("=")[2]), ["hello:latest"])
sys.exit(case["exit"])
"""


@pytest.fixture
def recorded_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `dotnet` on PATH that plays recordings back; gives the file of the case to play."""
    dotnet = tmp_path / "bin" / "dotnet"
    dotnet.parent.mkdir()
    dotnet.write_text(SDK)
    dotnet.chmod(0o755)
    monkeypatch.setenv("PATH", f"{dotnet.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("RECORDED_CASE", str(tmp_path / "case.json"))
    return tmp_path / "case.json"


def _case(identifier: str) -> dict[str, object]:
    lines = (CHECKOUT / "tests/recorded/sdk/cases.jsonl").read_text(encoding="utf-8").splitlines()
    return next(case for line in lines if (case := json.loads(line))["id"] == identifier)


def test_the_real_sdk_is_taken_where_it_is(lab: Lab, recorded_sdk: Path, tmp_path: Path) -> None:
    recorded_sdk.write_text(json.dumps(_case("env-name-dash")))
    place = f"-p:ContainerArchiveOutputPath={tmp_path / 'sdk.tar'}"
    done = publish(HELLO, Options((place,)), lab)
    assert (done.back_end, done.reference, done.config["User"]) == ("sdk", "hello:latest", "1654")
    assert [warning.code for warning in done.warnings] == ["CONTAINER2015"]
    assert done.line.startswith("dotnet publish ") and place in done.line
    with pytest.raises(LabFailed, match="CONTAINER2015"):
        publish(HELLO, Options((place,), strict=True), lab)


def test_an_error_of_the_sdk_is_passed_on(lab: Lab, recorded_sdk: Path) -> None:
    recorded_sdk.write_text(json.dumps(_case("name-tag-colon")))
    with pytest.raises(LabFailed, match="CONTAINER2007") as failed:
        publish(HELLO, Options(()), lab)
    assert "dotnet publish" in failed.value.remedy


def test_both_back_ends_are_compared(lab: Lab, recorded_sdk: Path) -> None:
    case = _case("user-none-on-runtime")
    labels = dict(case["config"]["Labels"])  # type: ignore[index]
    recorded_sdk.write_text(json.dumps(case))
    fields = {difference["field"] for difference in compare(HELLO, Options(()), lab)}
    assert fields == {"Labels"}  # The recorded base has another name, and the lab's carries its marks.
    case["config"] = {**case["config"], "User": "64198", "Labels": labels}  # type: ignore[dict-item]
    recorded_sdk.write_text(json.dumps(case))
    changed = [difference for difference in compare(HELLO, Options(()), lab) if difference["field"] == "User"]
    assert changed == [{"field": "User", "sdk": "64198", "kit": "1654"}]


def test_the_command(lab: Lab, name: str, tmp_path: Path) -> None:
    def run(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "labkit", "publish", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, **more)  # type: ignore[call-overload, no-any-return]

    done = run(
        str(HELLO), f"-p:ContainerArchiveOutputPath={tmp_path}/o/", "-p:ContainerUsr=1", "--back-end", "kit", "--json"
    )
    answer = json.loads(done.stdout)
    assert set(answer) >= {"reference", "digest", "config", "back_end", "warnings"}
    assert (answer["back_end"], answer["warnings"][0]["code"]) == ("kit", "unknown-property")
    assert "did you mean ContainerUser?" in done.stderr
    nothing = run()
    assert (nothing.returncode, "no app is named" in nothing.stderr) == (2, True)
    assert run(str(tmp_path)).returncode == 2
    assert run(str(HELLO), "--frobnicate").returncode == 2
    assert run(str(HELLO), "-p:ContainerImageTag=a:b", "--back-end", "kit").returncode == 1
    batch = run("--batch", input='{"id": 1}\nnonsense\n')
    assert (batch.returncode, len(batch.stdout.splitlines())) == (1, 2)
    assert run("-h").stdout.startswith("Usage: ")
