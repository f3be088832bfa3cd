"""A bundle of the running lab's images: taken by another lab on the same engine, and one that could not be saved.

The whole of it, without a network and on an engine of its own, is `make bundle-test` (tests/bundle).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.adapters.engine import Engine, image_labels
from labkit.base.configuration import LABEL, Configuration
from labkit.lab.bundles.save_bundle import save_bundle
from labkit.lab.bundles.take_bundle import bundle_in_use
from labkit.lab.clean import remove_images
from labkit.lab.lab import Lab
from labkit.lab.samples.build import CONTENT_LABEL
from labkit.show.steps import Silent
from tests.killed_runs import mount_source

_SECONDS = 300
# Whatever runs the tests may ignore Ctrl-C, as a shell does for what it starts in the background.
_MAIN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from labkit.cli import main; main()"


def save(target: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _MAIN, "bundle", "save", str(target), "--with", "images"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def ids(lab: Lab) -> dict[str, str]:
    images = {name: lab.engine().image(lab.reference(name)) for name in lab.catalogue}
    return {name: image["Id"] for name, image in images.items() if image}


def names_in_bundles(engine: Engine) -> set[str]:
    names = [name for image in engine.labelled_images() for name in image.get("RepoTags") or []]
    return {name for name in names if name.startswith("localhost/labkit.bundle/")}


@pytest.fixture
def names_before(lab: Lab) -> set[str]:
    """What a saving that was killed has left before."""
    return names_in_bundles(lab.engine())


@pytest.fixture
def third(tmp_path: Path) -> Iterator[Configuration]:
    configuration = Configuration("labkit-third", *(tmp_path / name for name in ("state", "cache", "data")))
    yield configuration
    with Engine.connect(configuration) as engine:
        remove_images(engine)
        assert engine.labelled_images() == []


def test_another_lab_takes_the_images_and_the_first_keeps_its_own(
    lab: Lab, third: Configuration, names_before: set[str], tmp_path: Path
) -> None:
    target = tmp_path / "labkit-bundle.tar"
    before = ids(lab)
    manifest = save_bundle(lab, target, ["images"])
    assert {image.name for image in manifest.images} == set(lab.catalogue)
    with Engine.connect(third) as engine, bundle_in_use(target, None, third, Silent()) as taken:
        assert taken is not None
        assert taken.load_images(engine) == manifest.source
        for image in manifest.images:
            labels = image_labels(engine.image(third.image_reference(image.name)))
            assert (labels[LABEL], labels[CONTENT_LABEL]) == ("labkit-third", image.content)
    assert ids(lab) == before
    assert names_in_bundles(lab.engine()) <= names_before
    assert {path.name for path in tmp_path.iterdir() if "bundle" in path.name} == {target.name}


def test_ctrl_c_while_saving_leaves_nothing(lab: Lab, names_before: set[str], tmp_path: Path) -> None:
    process = save(tmp_path / "b.tar")
    deadline = time.monotonic() + _SECONDS
    while not any(path.stat().st_size for path in tmp_path.glob(".b.tar-*/images.tar.gz")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=_SECONDS)
    assert process.returncode == 130
    assert "interrupted; nothing of the bundle was left" in stderr
    assert list(tmp_path.iterdir()) == []
    assert names_in_bundles(lab.engine()) <= names_before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_full_disk_while_saving_leaves_nothing_and_is_named(lab: Lab, names_before: set[str], tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", mount_source(), str(small)], check=True)
    try:
        process = save(small / "b.tar")
        _, stderr = process.communicate(timeout=_SECONDS)
        assert process.returncode == 1
        assert f"Writing the bundle {small / 'b.tar'}: No space left on device" in stderr
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert names_in_bundles(lab.engine()) <= names_before
