"""The app's files, the layer, and archives: what is bad ends in an error, and leaves nothing."""

from __future__ import annotations

import errno
import gzip
import os
import tarfile
from pathlib import Path

import pytest

from labkit.archives.archive import read_archive
from labkit.base.errors import LabFailed, Misuse
from labkit.publish import app_files, base_content
from labkit.publish.app_files import AppFolder, Layer, published_files, source_date, write_layer
from labkit.publish.base_content import Base, base_of_archive
from labkit.publish.destinations import archive_path
from labkit.publish.image_writer import AssembledImage, assemble, write_archive

PROJECT = '<Project Sdk="Microsoft.NET.Sdk"/>'


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "wwwroot").mkdir(parents=True)
    for name, text in {"hello.csproj": PROJECT, "Program.cs": "x", "hello.dll": "MZ", "wwwroot/a.css": "b"}.items():
        (folder / name).write_text(text)
    return folder


def layer_of(app: Path, tmp_path: Path, name: str = "layer.tar.gz") -> Layer:
    return write_layer(published_files(app, whole=False), "/app/", tmp_path / name, 0)


def image_of(layer: Layer, image_format: str = "Docker") -> AssembledImage:
    base = Base(
        {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}, "Docker", "", [], ""
    )
    return assemble(base, {"User": "1654"}, layer, image_format, "1970-01-01T00:00:00Z", "a test")


def test_sources_stay_out_and_the_rest_is_roots(app: Path, tmp_path: Path) -> None:
    layer = layer_of(app, tmp_path)
    with tarfile.open(layer.path) as tar:
        entries = {entry.name: (entry.isdir(), entry.mode, entry.uid, entry.gid, entry.mtime) for entry in tar}
    assert set(entries) == {"app", "app/hello.dll", "app/wwwroot", "app/wwwroot/a.css"}
    assert {entry[1:] for entry in entries.values()} == {(0o755, 0, 0, 0)}


def test_the_same_files_give_the_same_bytes(app: Path, tmp_path: Path) -> None:
    first = layer_of(app, tmp_path)
    os.utime(app / "hello.dll", (1, 1))
    (app / "hello.dll").chmod(0o600)
    second = layer_of(app, tmp_path, "again.tar.gz")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert image_of(first).digest == image_of(second).digest
    (app / "hello.dll").write_text("MZ2")
    assert layer_of(app, tmp_path, "third.tar.gz").digest != first.digest


def test_what_the_sdk_has_built_goes_before_the_folder(app: Path) -> None:
    from labkit.publish.rules.project import evaluate

    text = PROJECT.replace("/>", "><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>")
    project = evaluate(text)
    assert AppFolder.find(app).published(project) == app
    (app / "bin/Release/net10.0/publish").mkdir(parents=True)
    assert AppFolder.find(app).published(project) == app / "bin/Release/net10.0/publish"


def test_a_link_out_of_the_folder_is_refused(app: Path, tmp_path: Path) -> None:
    (app / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(LabFailed, match="leaves the app's folder"):
        published_files(app, whole=False)


def test_a_pipe_is_refused_and_not_waited_for(app: Path) -> None:
    os.mkfifo(app / "pipe")
    with pytest.raises(LabFailed, match="neither a file nor a folder"):
        published_files(app, whole=False)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csproj").write_text(PROJECT)
    with pytest.raises(LabFailed, match="nothing to publish"):
        published_files(tmp_path, whole=False)


def test_a_file_of_2_gib_is_refused_before_it_is_read(app: Path, tmp_path: Path) -> None:
    with (app / "big").open("wb") as big:
        big.truncate(1 << 31)
    with pytest.raises(LabFailed, match="2147483648 bytes"):
        layer_of(app, tmp_path)


def test_an_unreadable_file_is_named(app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    files = published_files(app, whole=False)
    (tmp_path / "layer").touch()
    real = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *a, **k: denied(self) if self.name == "hello.dll" else real(self, *a, **k)
    )
    with pytest.raises(LabFailed, match=r"hello\.dll: Permission denied"):
        write_layer(files, "/app/", tmp_path / "layer", 0)


@pytest.mark.parametrize("name", ["nowhere", "two"])
def test_a_folder_without_one_project_file_is_refused(app: Path, name: str) -> None:
    if name == "two":
        (app / "other.csproj").write_text(PROJECT)
    with pytest.raises(Misuse, match="no such folder" if name == "nowhere" else "2 project files"):
        AppFolder.find(app if name == "two" else app / name)


def test_files_that_msbuild_imports_unasked_are_found(app: Path) -> None:
    assert AppFolder.find(app).implicit_imports() == []
    (app.parent / "Directory.Build.props").write_text("<Project/>")
    (app / "hello.csproj.user").write_text("<Project/>")
    assert [file.name for file in AppFolder.find(app).implicit_imports()] == [
        "hello.csproj.user",
        "Directory.Build.props",
    ]


@pytest.mark.parametrize("image_format", ["Docker", "OCI"])
def test_an_archive_is_read_again_and_is_a_base(app: Path, tmp_path: Path, image_format: str) -> None:
    image = image_of(layer_of(app, tmp_path), image_format)
    path = tmp_path / "out" / "image.tar.gz"
    write_archive(image, path, ["hello:a", "hello:b"])
    assert path.read_bytes()[:2] != b"\x1f\x8b"  # As the SDK's, which is not compressed whatever its name says.
    assert read_archive(path)[0].user == "1654"
    base = base_of_archive(path, "amd64", tmp_path / "cache", "a test")
    assert (base.image_format, base.config) == (image_format, {"User": "1654"})
    assert base.layers[0].path is not None and gzip.decompress(base.layers[0].path.read_bytes())
    assert base.digest == (image.digest if image_format == "OCI" else image.identifier)


def test_a_full_disk_leaves_no_file_under_the_name(app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, path = image_of(layer_of(app, tmp_path)), tmp_path / "image.tar"
    path.write_text("before")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    with pytest.raises(LabFailed, match="No space left") as failed:
        write_archive(image, path, ["a:b"])
    assert "df -h" in failed.value.remedy
    assert path.read_text() == "before"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["app", "image.tar", "layer.tar.gz"]


@pytest.mark.parametrize("content", [b"", b"no tar", b"\x1f\x8b broken"])
def test_a_base_that_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "base.tar").write_bytes(content)
    with pytest.raises(LabFailed, match="Reading the base image"):
        base_of_archive(tmp_path / "base.tar", "amd64", tmp_path / "cache", "a test")
    with pytest.raises(LabFailed, match="no such file"):
        base_of_archive(tmp_path / "none.tar", "amd64", tmp_path / "cache", "a test")


def test_a_base_for_which_the_cache_has_no_room_is_an_error_that_says_so(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_archive(image_of(layer_of(app, tmp_path)), tmp_path / "base.tar", ["a:b"])

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(base_content, "_copy", full)
    with pytest.raises(LabFailed, match="No space left") as failed:
        base_of_archive(tmp_path / "base.tar", "amd64", tmp_path / "cache", "a test")
    assert failed.value.tried.startswith("Copying the base image")
    assert list((tmp_path / "cache" / "bases").iterdir()) == []


def test_a_base_whose_layer_is_another_is_refused(app: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(gzip.decompress(layer_of(app, tmp_path).path.read_bytes()))
    wrong = Layer(plain, "sha256:" + "0" * 64, "sha256:" + "1" * 64, plain.stat().st_size)
    write_archive(image_of(wrong), tmp_path / "base.tar", ["a:b"])
    with pytest.raises(LabFailed, match="does not match its digest"):
        base_of_archive(tmp_path / "base.tar", "amd64", tmp_path / "cache", "a test")
    assert list((tmp_path / "cache" / "bases").iterdir()) == []


def test_where_an_archive_goes(tmp_path: Path) -> None:
    assert archive_path("out/", "team/app") == Path("out/team/app.tar.gz")
    assert archive_path("out", "app") == Path("out/app.tar.gz")
    assert archive_path("out/image.tar", "app") == Path("out/image.tar")
    assert archive_path(str(tmp_path), "app") == tmp_path / "app.tar.gz"


def test_source_date_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert source_date() == 1700000000
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    with pytest.raises(Misuse, match="not a number"):
        source_date()
    assert app_files.source_date is source_date
