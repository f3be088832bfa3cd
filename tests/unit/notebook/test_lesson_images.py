"""Names of images in manifests, and the lesson's own images: whatever LABKIT_NAME says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labkit.base.errors import Misuse
from labkit.course.progress import Progress
from labkit.notebook import MANIFESTS, Lesson
from labkit.notebook.cell_arguments import containers_of
from labkit.notebook.opened_lesson import OpenedLesson
from tests.unit.notebook.paper import LESSON, PaperLab, Recorder, made_pod, opened, paper_engine, paper_kube

_DEPLOYMENT = """
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers: [{name: a, image: aspnetapp}, {name: b, image: my-app}]
"""
_POD = """
kind: Pod
metadata: {name: a}
spec:
  initContainers: [{name: i, image: debian}]
  containers: [{name: a, image: 'aspnetapp'}, {name: b, image: docker.io/library/debian}]
"""


def _lesson(tmp_path: Path, **answers: Any) -> tuple[Lesson, Recorder]:
    kube = paper_kube(make_pod=made_pod, create_pod=None, apply_object=(), **answers)
    return Lesson(opened(tmp_path, kube=kube), Progress(tmp_path / "progress.json")), kube


def _images(manifest: Any) -> list[str]:
    return [container["image"] for container in containers_of(manifest)]


def test_a_sample_images_name_means_the_labs_image(tmp_path: Path) -> None:
    lab, kube = _lesson(tmp_path)
    own = ["localhost/paper/debian:lab", "localhost/paper/aspnetapp:lab", "docker.io/library/debian"]
    outcome = lab.apply(_POD)
    assert _images(kube.called("make_pod")[0][0]) == own
    assert all(f"image: {image}" in outcome.yaml for image in own)
    assert all(f"image: {image}" in outcome.command for image in own)
    lab.admission(_POD)
    assert _images(kube.called("create_pod")[0][0]) == own
    lab.create(_DEPLOYMENT)
    assert _images(kube.called("apply_object")[0][0]) == ["localhost/paper/aspnetapp:lab", "my-app"]


def test_a_manifest_that_is_handed_over_is_not_changed(tmp_path: Path) -> None:
    lab, _ = _lesson(tmp_path)
    manifest = {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "debian"}]}}
    lab.apply(manifest)
    assert _images(manifest) == ["debian"]


@pytest.mark.parametrize("file", sorted(MANIFESTS.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_sample_has_this_labs_images(tmp_path: Path, file: Path) -> None:
    lab, _ = _lesson(tmp_path)
    images = _images(lab.sample(file.stem))
    assert images
    assert all(image.startswith("localhost/paper/") for image in images)
    assert "localhost/" not in file.read_text(encoding="utf-8")


class _LoadingLab(PaperLab):
    """Counts which images are loaded into the cluster."""

    def __init__(self, folder: Path, kube: Recorder) -> None:
        super().__init__(folder, paper_engine(build="sha256:1"), kube)
        self.loaded: list[str] = []

    def cluster(self) -> Any:
        return Recorder(load=lambda images: self.loaded.extend(images))


@pytest.mark.parametrize("place", ["containers", "initContainers"])
def test_an_image_of_ones_own_is_loaded_wherever_a_manifest_names_it(tmp_path: Path, place: str) -> None:
    lab = _LoadingLab(tmp_path, paper_kube(make_pod=made_pod, apply_object=()))
    notebook = Lesson(OpenedLesson(LESSON, lab, namespace="ns"), Progress(tmp_path / "progress.json"))
    notebook.build("FROM debian", name="mine:1")
    spec = {place: [{"name": "a", "image": "mine:1"}, {"name": "b", "image": "debian"}]}
    notebook.apply({"kind": "Pod", "metadata": {"name": "a"}, "spec": spec})
    assert lab.loaded == ["docker.io/library/mine:1"]
    notebook.create({"kind": "Deployment", "metadata": {"name": "a"}, "spec": {"template": {"spec": spec}}})
    assert lab.loaded == ["docker.io/library/mine:1"] * 2


def test_images_are_removed_by_their_label_whichever_kernel_made_them(tmp_path: Path) -> None:
    left = {"left:latest": ["left:latest"], "sha256:2": None}  # by the name that removes it

    def labelled(label: str) -> list[dict[str, Any]]:
        return (
            [{"Id": name, "RepoTags": tags} for name, tags in left.items()]
            if label == "labkit.lesson=" + LESSON
            else []
        )

    def remove(name: str) -> bool:
        return left.pop(name, name) != name

    engine = paper_engine(build="sha256:1", remove_stages=None, labelled_images=labelled, remove_image=remove)
    lesson = opened(tmp_path, engine)
    lab = Lesson(lesson, Progress(tmp_path / "progress.json"))
    lab.build("FROM debian", name="mine")
    assert engine.calls[-1][2]["labels"] == lesson.labels
    lab.reset()
    assert (left, lesson.own_images) == ({}, set())


def test_the_articles_program_can_be_read(tmp_path: Path) -> None:
    lab, _ = _lesson(tmp_path)
    assert "Environment.UserName" in lab.program("Program.cs")
    assert "<TargetFramework>net10.0</TargetFramework>" in lab.program("hello.csproj")


@pytest.mark.parametrize("file", ["hello.dll", "../hello/Program.cs", "/etc/passwd", ""])
def test_no_other_file_can_be_read_as_the_articles_program(tmp_path: Path, file: str) -> None:
    lab, _ = _lesson(tmp_path)
    with pytest.raises(Misuse, match=r"there is no such file(.|\n)*there are Program.cs and hello.csproj"):
        lab.program(file)
