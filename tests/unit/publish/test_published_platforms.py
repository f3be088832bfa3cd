"""An image gets a base of its own platform, or none; and whoever runs without a user has Windows' name there."""

from __future__ import annotations

from pathlib import Path

import pytest

from labkit.adapters.dotnet import SdkRun
from labkit.base.errors import LabFailed, Misuse
from labkit.core.image_platform import ImagePlatform, image_architecture
from labkit.lab.lab import Lab
from labkit.publish import sdk_back_end
from labkit.publish.app_files import HELLO, AppFolder, write_layer
from labkit.publish.base_content import Base
from labkit.publish.image_writer import assemble, write_archive
from labkit.publish.kit_back_end import publish_by_kit
from labkit.publish.published import Options, Published
from labkit.publish.rules.arguments import read_arguments
from labkit.publish.rules.base_image import named_platform
from labkit.publish.rules.project import evaluate

PROJECT = (
    '<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><OutputType>Exe</OutputType>'
    "<TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>"
)
HERE = image_architecture()
ELSEWHERE, ITS_IDENTIFIER = ("amd64", "linux-x64") if HERE == "arm64" else ("arm64", "linux-arm64")


def archive(tmp_path: Path, platform: ImagePlatform) -> Path:
    """An image for a platform that names no user."""
    (tmp_path / "os-release").write_text("NAME=base\n", encoding="utf-8")
    layer = write_layer([("os-release", tmp_path / "os-release")], "/etc/", tmp_path / "layer.tar.gz", 0)
    nothing = {
        "architecture": platform.architecture,
        "os": platform.system,
        "rootfs": {"type": "layers", "diff_ids": []},
    }
    image = assemble(Base(nothing, "Docker", "", [], ""), {"Cmd": ["a"]}, layer, "Docker", "1970-01-01T00:00:00Z", "me")
    write_archive(image, tmp_path / "base.tar", ["base:1"])
    return tmp_path / "base.tar"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    return Lab()


def publish(lab: Lab, tmp_path: Path, base: Path, *arguments: str) -> Published:
    given = (*arguments, f"-p:ContainerArchiveOutputPath={tmp_path / 'out.tar'}")
    return publish_by_kit(AppFolder.find(HELLO), Options(given, base=str(base)), lab)


@pytest.mark.parametrize(
    ("arguments", "platform"),
    [
        ([], "None"),
        (["-r", "linux-x64"], "linux/amd64"),
        (["-r", "linux-musl-arm64"], "linux/arm64"),
        (["-r", "linux-arm"], "linux/arm"),
        (["-r", "win-x64"], "windows/amd64"),
        (["-r", "win10-x86"], "windows/386"),
        (["-r", "osx-arm64"], "darwin/arm64"),
        (["-r", "linux"], "None"),
        (["-r", "linux-x64", "-p:ContainerRuntimeIdentifier=linux-arm64"], "linux/arm64"),
        (['-p:RuntimeIdentifiers="linux-x64;linux-arm64"'], "None"),
    ],
)
def test_the_platform_is_the_runtime_identifiers(arguments: list[str], platform: str) -> None:
    assert str(named_platform(evaluate(PROJECT, read_arguments(arguments)))) == platform


def test_an_image_for_windows_is_left_to_the_sdk(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="windows/amd64") as refused:
        publish(lab, tmp_path, archive(tmp_path, ImagePlatform("windows", "amd64")), "-r", "win-x64")
    assert "--back-end sdk" in refused.value.remedy
    assert not (tmp_path / "out.tar").exists()


def test_a_base_for_another_platform_is_refused(lab: Lab, tmp_path: Path) -> None:
    here = archive(tmp_path, ImagePlatform("linux", HERE))
    with pytest.raises(LabFailed, match=f"is for linux/{HERE}, and the app is for linux/{ELSEWHERE}"):
        publish(lab, tmp_path, here, "-r", ITS_IDENTIFIER)
    windows = archive(tmp_path, ImagePlatform("windows", HERE))
    with pytest.raises(LabFailed, match=f"is for windows/{HERE}, and the app is for linux/{HERE}"):
        publish(lab, tmp_path, windows)
    assert not (tmp_path / "out.tar").exists()


def test_a_base_for_the_apps_platform_is_taken(lab: Lab, tmp_path: Path) -> None:
    elsewhere = archive(tmp_path, ImagePlatform("linux", ELSEWHERE))
    published = publish(lab, tmp_path, elsewhere, "-r", ITS_IDENTIFIER)
    assert (tmp_path / "out.tar").exists()
    assert dict(published.rows())["Config.User"] == "(none set: root)"


def test_without_a_user_an_image_for_windows_runs_as_its_administrator(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = archive(tmp_path, ImagePlatform("windows", "amd64"))
    run = SdkRun("dotnet publish", (), (("hello:latest", f"local archive at '{made}'."),), False, "")
    monkeypatch.setattr(sdk_back_end, "publish_container", lambda *_: run)
    published = sdk_back_end.publish_by_sdk(AppFolder.find(HELLO), Options(), lab)
    assert dict(published.rows())["Config.User"] == "(none set: ContainerAdministrator)"
