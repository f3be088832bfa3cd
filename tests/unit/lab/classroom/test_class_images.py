"""A class's images: what is in their context, how it is fetched, when they are built anew, and what they are called."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import pytest

from labkit.adapters import go_programs
from labkit.base.configuration import LABEL, Configuration
from labkit.base.errors import LabFailed
from labkit.base.resources import CHECKOUT
from labkit.lab.classroom import class_images
from labkit.lab.classroom.class_images import (
    CLASS_IMAGE_LABEL,
    CLASS_IMAGES,
    ClassImage,
    ensure_class_image,
    remove_class_images,
)
from labkit.lab.lab import Lab
from labkit.lab.samples.build import CONTENT_LABEL
from labkit.show.steps import Silent

_VERSION = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


class BuildingEngine:
    """Has images by name, and writes down what is built."""

    def __init__(self, *references: str) -> None:
        self.images: dict[str, dict[str, Any]] = {name: {"Id": f"sha256:{name}", "Config": {}} for name in references}
        self.built: list[tuple[str, list[str], dict[str, str], dict[str, str]]] = []
        self.removed: list[str] = []

    def image(self, reference: str) -> dict[str, Any] | None:
        return self.images.get(reference)

    def build(self, context: bytes, reference: str, *, arguments: dict[str, str], labels: dict[str, str]) -> str:
        with tarfile.open(fileobj=io.BytesIO(context)) as tar:
            self.built.append((reference, tar.getnames(), arguments, labels))
        self.images[reference] = {"Id": f"sha256:new-{len(self.built)}", "Config": {"Labels": labels}}
        return f"sha256:new-{len(self.built)}"

    def remove_image(self, reference: str) -> bool:
        self.removed.append(reference)
        return self.images.pop(reference, None) is not None

    def remove_stages(self) -> None:
        pass


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab whose engine is of paper, and that fetches and compiles nothing."""

    def fetch(*_: object) -> Path:
        folder = tmp_path / "fetched"
        folder.mkdir(exist_ok=True)
        (folder / "attrs-1-py3-none-any.whl").write_bytes(b"w")
        return folder

    def own(folder: Path) -> Path:
        folder.mkdir()
        (folder / "labkit-1-py3-none-any.whl").write_bytes(b"l")
        return folder / "labkit-1-py3-none-any.whl"

    monkeypatch.setattr(class_images, "fetch_wheels", fetch)
    monkeypatch.setattr(class_images, "build_own_wheel", own)
    lab = Lab(Configuration("paper", tmp_path / "state", tmp_path / "cache", tmp_path / "data"), Silent())
    engine = BuildingEngine("localhost/paper/debian:lab")
    monkeypatch.setattr(lab, "engine", lambda: engine)
    return lab


IMAGE = ClassImage("participant")


def test_it_is_built_of_the_labs_debian_under_labels_of_its_own(lab: Lab) -> None:
    assert ensure_class_image(lab, IMAGE) == "localhost/paper/class-participant:lab"
    engine: Any = lab.engine()
    ((_, names, arguments, labels),) = engine.built
    assert {"Dockerfile", "wheels/attrs-1-py3-none-any.whl", "wheels/labkit-1-py3-none-any.whl"} <= set(names)
    assert arguments == {"DEBIAN": "localhost/paper/debian:lab"}
    assert (labels[CLASS_IMAGE_LABEL], labels[LABEL]) == ("participant", "")


def test_it_is_built_once_for_what_it_is_made_of(lab: Lab, tmp_path: Path) -> None:
    ensure_class_image(lab, IMAGE)
    ensure_class_image(lab, IMAGE)
    engine: Any = lab.engine()
    assert len(engine.built) == 1
    file = tmp_path / "more"
    file.write_text("new", encoding="utf-8")
    ensure_class_image(lab, ClassImage("participant", more=lambda _lab, _folder: {"facts/more": file}))
    assert len(engine.built) == 2
    assert engine.built[0][3][CONTENT_LABEL] != engine.built[1][3][CONTENT_LABEL]
    assert engine.removed == ["sha256:new-1"], "the first has lost its name"


def test_somebodys_own_image_of_that_name_stays(lab: Lab) -> None:
    engine: Any = lab.engine()
    engine.images["localhost/paper/class-participant:lab"] = {"Id": "sha256:theirs", "Config": {}}
    ensure_class_image(lab, IMAGE)
    assert (len(engine.built), engine.removed) == (1, [])


def test_without_the_labs_debian_it_says_what_to_do(lab: Lab) -> None:
    engine: Any = lab.engine()
    engine.images.clear()
    with pytest.raises(LabFailed, match="debian:lab has not been made"):
        ensure_class_image(lab, IMAGE)


def test_wheels_are_fetched_by_hash_for_the_images_python_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(argv: list[str], **_: object) -> str:
        asked.append(argv)
        Path(argv[argv.index("--dest") + 1]).mkdir()
        return ""

    monkeypatch.setattr(class_images, "run_program", run)
    lock = tmp_path / "requirements.lock"
    lock.write_text("a==1", encoding="utf-8")
    folder = class_images.fetch_wheels(lock, tmp_path)
    assert class_images.fetch_wheels(lock, tmp_path) == folder
    (argv,) = asked
    assert {"--require-hashes", "--no-deps", "--only-binary", "cp313", "abi3"} <= set(argv)
    lock.write_text("a==2", encoding="utf-8")
    assert class_images.fetch_wheels(lock, tmp_path) != folder


def test_their_versions_are_those_of_the_lab() -> None:
    of_lab = dict(_VERSION.findall((CHECKOUT / "requirements.lock").read_text(encoding="utf-8")))
    for lock in CLASS_IMAGES.glob("*/requirements.lock"):
        versions = dict(_VERSION.findall(lock.read_text(encoding="utf-8")))
        assert {name: versions[name] for name in versions.keys() & of_lab} == {
            name: of_lab[name] for name in versions.keys() & of_lab
        }


def test_an_engines_is_of_the_labs_images_and_of_no_wheel(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    engine: Any = lab.engine()
    saved: list[str] = []

    def save(references: Iterable[str], target: IO[bytes]) -> None:
        saved.extend(references)
        target.write(b"images")

    monkeypatch.setattr(engine, "save_images", save, raising=False)
    assert ensure_class_image(lab, class_images.ENGINE) == "localhost/paper/class-engine:lab"
    ((_, names, _, labels),) = engine.built
    assert {"images.tar", "labkit-engine", "containers.conf"} <= set(names)
    assert not any(name.startswith("wheels/") for name in names)
    assert "localhost/paper/alpine:lab" in saved
    assert labels[CLASS_IMAGE_LABEL] == "engine"


@pytest.mark.parametrize(
    ("nameless", "told"),
    [(0, []), (1, ["1 image of a class without a name"]), (2, ["2 images of a class without a name"])],
)
def test_what_a_class_has_built_can_be_removed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, nameless: int, told: list[str]
) -> None:
    engine: Any = lab.engine()
    others = {"localhost/other/class-hub:lab", "localhost/paper/debian:lab"}
    for reference in ("localhost/paper/class-hub:lab", *others):
        engine.images[reference] = {"Id": reference}
    asked: list[str] = []

    def remove(label: str) -> int:
        asked.append(label)
        return nameless

    monkeypatch.setattr(engine, "remove_nameless", remove, raising=False)
    assert remove_class_images(lab) == ["image localhost/paper/class-hub:lab", *told]
    assert set(engine.images) == others
    assert asked == [CLASS_IMAGE_LABEL]


def test_the_participants_brings_kubectl_and_crane() -> None:
    assert class_images.PARTICIPANT.programs == (go_programs.KUBECTL, go_programs.CRANE)
