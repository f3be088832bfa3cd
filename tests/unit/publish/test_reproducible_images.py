"""The same app and the same base give the same image, byte for byte, whoever publishes them, where and when."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from labkit.archives.archive import read_archive
from labkit.cli import main
from labkit.core.image_platform import image_architecture
from labkit.publish.app_files import HELLO, write_layer
from labkit.publish.base_content import Base
from labkit.publish.image_writer import assemble, write_archive


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A base image as an archive."""
    (tmp_path / "os-release").write_text("NAME=base\n")
    layer = write_layer([("os-release", tmp_path / "os-release")], "/etc/", tmp_path / "base.tar.gz", 0)
    nothing = {"architecture": image_architecture(), "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    image = assemble(
        Base(nothing, "Docker", "", [], ""), {"User": "1654"}, layer, "Docker", "1970-01-01T00:00:00Z", "me"
    )
    write_archive(image, tmp_path / "base.tar", ["base:1"])
    return tmp_path / "base.tar"


def publish(
    place: Path, base: Path, mask: int, monkeypatch: pytest.MonkeyPatch, **environment: str
) -> tuple[str, bytes]:
    """Publish a copy of the kit's app; gives the digest and the archive's bytes."""
    app = place / "app"
    before = os.umask(mask)
    try:
        app.mkdir(parents=True)
        for number, file in enumerate(sorted(HELLO.iterdir(), reverse=mask == 0)):
            (app / file.name).write_bytes(file.read_bytes())
            os.utime(app / file.name, (number, number + mask))
        with monkeypatch.context() as patch:
            patch.chdir(place)
            for name, value in {**environment, "LABKIT_CACHE": str(place / "cache")}.items():
                patch.setenv(name, value)
            time.tzset()
            argv = ["publish", str(app), "--back-end", "kit", "--base", str(base), "--json"]
            done = CliRunner().invoke(main, [*argv, f"-p:ContainerArchiveOutputPath={place / 'out.tar'}"])
    finally:
        os.umask(before)
        time.tzset()
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)["digest"], (place / "out.tar").read_bytes()


def test_publishing_twice_gives_the_same_image(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = publish(tmp_path / "here", base, 0o077, monkeypatch, TZ="UTC")
    elsewhere = publish(tmp_path / "else where", base, 0, monkeypatch, TZ="Asia/Tokyo")
    assert here == elsewhere
    digest, content = here
    (tmp_path / "image.tar").write_bytes(content)
    assert read_archive(tmp_path / "image.tar")[0].user == "1654"
    later, _ = publish(tmp_path / "later", base, 0o022, monkeypatch, SOURCE_DATE_EPOCH="1700000000")
    assert digest != later
