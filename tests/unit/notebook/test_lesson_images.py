"""Names of images in manifests, and the lesson's own images: whatever LABKIT_NAME says."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from labkit.adapters.engine import BuildStopped, EngineRefused
from labkit.base.configuration import LABEL, LESSON_LABEL
from labkit.base.errors import LabFailed, Misuse
from labkit.core.run_results import RunResult
from labkit.course.progress import Progress
from labkit.lab.lab import Lab
from labkit.notebook import MANIFESTS, Lesson, lesson_images
from labkit.notebook.cell_arguments import containers_of
from labkit.notebook.opened_lesson import OpenedLesson
from labkit.publish.published import Options, Published
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
    notebook = Lesson(OpenedLesson(LESSON, lab, own_namespace="ns"), Progress(tmp_path / "progress.json"))
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
    lesson.lab.up()
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


class _Images:
    """An engine's images by name, each with an id and labels; building makes one, or stops."""

    def __init__(self) -> None:
        self.there: dict[str, tuple[str, dict[str, str]]] = {}
        self.stop: Exception | None = None

    def image(self, name: str) -> dict[str, Any] | None:
        if name not in self.there:
            return None
        identifier, labels = self.there[name]
        return {"Id": identifier, "Config": {"User": "1654", "Entrypoint": ["app"], "Labels": labels}}

    def build(self, _: bytes, name: str, *, labels: dict[str, str], **options: Any) -> str:
        if self.stop:
            raise self.stop
        self.there[name] = f"sha256:{len(self.there) + 7}", {LABEL: "paper", **labels}
        return self.there[name][0]

    def remove_name(self, name: str) -> None:
        del self.there[name]


_STOPPED = BuildStopped(
    "Building mine", "", "", message="Step 2/2 : RUN false\nit failed", stdout="Step 2/2", stderr="it failed"
)


def _with_images(tmp_path: Path) -> tuple[Lesson, _Images, list[str]]:
    images = _Images()
    engine = paper_engine(
        image=images.image, build=images.build, remove_name=images.remove_name, run=RunResult("docker run", "", 0)
    )
    lab = _LoadingLab(tmp_path, paper_kube(make_pod=made_pod, apply_object=()))
    lab.paper_engine = engine
    lesson = OpenedLesson(LESSON, lab, own_namespace="ns")
    return Lesson(lesson, Progress(tmp_path / "progress.json")), images, lab.loaded


def test_a_build_that_stops_leaves_no_older_image_and_is_remembered(tmp_path: Path) -> None:
    lab, images, _ = _with_images(tmp_path)
    assert lab.build("FROM debian", name="mine").exit_status == 0
    images.stop = _STOPPED
    result = lab.build("FROM debian\nRUN false", name="mine")
    assert (result.exit_status, result.stderr, result.message) == (1, "it failed", _STOPPED.message)
    command = "DOCKER_BUILDKIT=0 docker build --force-rm --tag mine -"
    line = f"{command} <<'EOF'\nFROM localhost/paper/debian:lab\nRUN false\nEOF"
    assert str(result) == f"$ {line}\nStep 2/2\nstderr: it failed\nexit status 1"
    assert images.there == {}
    look = lab._checking._world.look
    assert look.last_stop("mine") == look.last_stop("docker.io/library/mine:latest") == result
    for use in (lab.run, lab.image, lab.pod, lab.start):
        with pytest.raises(Misuse, match=r"its last build stopped: Step 2/2 : RUN false\nit failed"):
            use("mine")
    images.stop = None
    lab.build("FROM debian", name="mine")
    assert look.last_stop("mine") is None


def test_the_dockerfile_of_an_image_is_its_last_builds_or_the_participants_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "Dockerfile").write_text("FROM ubuntu", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    lab, images, _ = _with_images(tmp_path)
    look = lab._checking._world.look
    assert look.dockerfile("mine", "none/Dockerfile") is None
    lab.build("FROM debian", name="mine")
    assert look.dockerfile("mine", "mine/Dockerfile") == "FROM debian"
    images.stop = _STOPPED
    lab.build("FROM debian\nRUN false", name="mine")
    assert look.dockerfile("mine:latest", "mine/Dockerfile") == "FROM debian\nRUN false"
    # Somebody builds another one of that name, in a terminal.
    images.there["mine"] = "sha256:new", {}
    assert look.dockerfile("mine", "mine/Dockerfile") == "FROM ubuntu"


def test_an_image_made_by_somebody_after_the_stop_counts(tmp_path: Path) -> None:
    lab, images, _ = _with_images(tmp_path)
    images.stop = _STOPPED
    lab.build("FROM debian", name="mine")
    images.there["mine"] = "sha256:new", {}
    assert lab._checking._world.look.last_stop("mine") is None
    lab.run("mine")


def test_somebodys_own_image_of_that_name_stays_and_is_not_taken_for_the_build(tmp_path: Path) -> None:
    lab, images, _ = _with_images(tmp_path)
    images.there["mine"] = "sha256:theirs", {}
    images.stop = _STOPPED
    lab.build("FROM debian", name="mine")
    assert images.there == {"mine": ("sha256:theirs", {})}
    assert lab._checking._world.look.last_stop("mine") is not None
    with pytest.raises(Misuse, match="its last build stopped"):
        lab.apply({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "mine"}]}})


@pytest.mark.parametrize(
    ("text", "came_back", "remedy"),
    [
        (
            "FROM debain\nUSER 1654",
            "there is no image 'debain' here, and the lab asks no registry",
            "did you mean debian",
        ),
        ("FROM debian AS a\nFROM a\nCOPY --from=nginx / /", "there is no image 'nginx' here", "labkit images"),
        ("FROM debian:12", "there is no image 'debian:12' here", "the lab's own is debian"),
        (" \n", "it is empty", "labkit course restore mine/Dockerfile"),
    ],
)
def test_a_file_from_which_nothing_can_be_built_is_a_stop_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, came_back: str, remedy: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine" / "Dockerfile"
    lab, images, _ = _with_images(tmp_path)
    for good in ("FROM debian", "FROM debian:latest", "FROM scratch"):
        file.write_text(good, encoding="utf-8")
        assert lab.build("mine/Dockerfile", name="mine").exit_status == 0
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Misuse) as wrong:
        lab.build("mine/Dockerfile", name="mine")
    assert came_back in wrong.value.came_back
    assert remedy in wrong.value.remedy
    stopped = lab._checking._world.look.last_stop("mine")
    assert stopped is not None
    assert came_back in (stopped.message or "")
    assert images.there == {}


def test_an_engine_that_takes_no_such_build_is_a_stop(tmp_path: Path) -> None:
    lab, images, _ = _with_images(tmp_path)
    images.stop = EngineRefused("Building", "invalid reference format", "look")
    assert lab.build("FROM debian", name="Mine!").stderr == "invalid reference format"


def test_a_publish_names_the_participants_file_and_not_the_copy(tmp_path: Path) -> None:
    lab, _, _ = _with_images(tmp_path)
    with pytest.raises(Misuse) as wrong:
        lab.publish("-p:ContainerUser=1654", item='<ContainerPort Include="80">')
    assert wrong.value.tried == "Reading hello/hello.csproj"
    assert "close each element" in wrong.value.remedy


def test_a_publish_that_stops_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lab, images, _ = _with_images(tmp_path)
    images.there["my-app"] = "sha256:1", {LABEL: "paper", LESSON_LABEL: LESSON}

    def refuse(*_: object) -> None:
        raise LabFailed("Publishing", "error CONTAINER2012: no", "fix it")

    monkeypatch.setattr(lesson_images, "publish", refuse)
    with pytest.raises(LabFailed, match="CONTAINER2012"):
        lab.publish("-p:ContainerUser=root")
    stopped = lab._checking._world.look.last_stop("my-app")
    assert stopped is not None
    assert stopped.message == "error CONTAINER2012: no"
    assert images.there == {}


def test_an_image_that_was_built_without_the_lab_reaches_the_cluster(tmp_path: Path) -> None:
    lab, images, loaded = _with_images(tmp_path)
    images.there["theirs"] = "sha256:1", {}
    assert lab.pod("theirs").verdict == "running"
    lab.apply({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "theirs"}]}})
    assert loaded == ["docker.io/library/theirs:latest"] * 2


def test_one_that_nobody_built_says_how(tmp_path: Path) -> None:
    lab, _, _ = _with_images(tmp_path)
    with pytest.raises(Misuse, match=r"\nor build it\n  docker build --tag mine"):
        lab.pod("mine")


@pytest.mark.parametrize(
    ("dockerfile", "problem"),
    [("", "it is empty"), (" \n", "it is empty"), ("FROM debian\n" + "RUN \\\n" * 2_000_000, "12000012 characters")],
)
def test_a_dockerfile_that_is_none_or_never_ends_is_a_misuse(tmp_path: Path, dockerfile: str, problem: str) -> None:
    lab, _, _ = _with_images(tmp_path)
    with pytest.raises(Misuse, match=problem):
        lab.build(dockerfile)


@pytest.mark.parametrize(
    ("item", "line"),
    [
        ("", "dotnet publish -t:PublishContainer -p:ContainerRepository=my-app -p:ContainerUser=app"),
        (
            '<A Include="b"\n   Value="c"/>',
            "dotnet publish -t:PublishContainer -p:ContainerRepository=my-app -p:ContainerUser=app"
            '  # with <A Include="b" Value="c"/> in an ItemGroup of hello.csproj',
        ),
    ],
)
def test_the_line_to_type_says_what_the_project_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, item: str, line: str
) -> None:
    published = Published("my-app:latest", "sha256:0", {}, "kit", (), "debian", "the engine", "")
    monkeypatch.setattr(lesson_images, "publish", lambda *_: published)
    lab, _, _ = _with_images(tmp_path)
    assert lab.publish("-p:ContainerUser=app", item=item).line == line


def test_a_dockerfile_of_a_folder_is_built_with_what_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "menu").mkdir()
    (tmp_path / "menu" / "Dockerfile").write_text("FROM debian\nCOPY soup /srv/\n", encoding="utf-8")
    (tmp_path / "menu" / "soup").write_text("hot", encoding="utf-8")
    contexts: list[bytes] = []
    engine = paper_engine(build=lambda context, *_, **__: contexts.append(context))
    lab = Lesson(opened(tmp_path, engine), Progress(tmp_path / "progress.json"))
    assert lab.build("menu/Dockerfile", name="menu").command == "docker build --tag menu menu"
    with tarfile.open(fileobj=io.BytesIO(contexts[0])) as context:
        files = {name: context.extractfile(name).read().decode() for name in context.getnames()}  # type: ignore[union-attr]
    assert files == {"Dockerfile": "FROM localhost/paper/debian:lab\nCOPY soup /srv/\n", "soup": "hot"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "there is no such file"), (b"\xff\xfe", "not UTF-8 text"), (b" \n", "it is empty")],
)
def test_a_dockerfile_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("Dockerfile").write_bytes(content)
    lab = Lesson(opened(tmp_path, paper_engine()), Progress(tmp_path / "progress.json"))
    with pytest.raises(Misuse, match=problem):
        lab.build("Dockerfile", name="menu")


@pytest.mark.parametrize("typed", ["menu", "menu/Dockerfil", "menus/Dockerfile"])
def test_a_dockerfiles_name_that_is_mistyped_is_no_dockerfile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("menu").mkdir()
    Path("menu/Dockerfile").write_text("FROM debian\n", encoding="utf-8")
    lab = Lesson(opened(tmp_path, paper_engine()), Progress(tmp_path / "progress.json"))
    with pytest.raises(Misuse, match="there is no such file") as error:
        lab.build(typed, name="menu")
    assert "did you mean menu/Dockerfile?" in error.value.remedy


def test_a_project_of_ones_own_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lab = Lesson(opened(tmp_path, paper_engine()), Progress(tmp_path / "progress.json"))
    with pytest.raises(Misuse, match="there is no such folder"):
        lab.publish(project="hello")


def test_a_project_that_was_changed_is_named_behind_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def publish(app: Path, options: Options, _: Lab) -> Published:
        text = (app / "hello.csproj").read_text(encoding="utf-8")
        return Published("x:latest", "", {"User": text.count("ContainerUser")}, "kit", (), "", "", "")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(lesson_images, "publish", publish)
    lab = Lesson(opened(tmp_path, paper_engine()), Progress(tmp_path / "progress.json"))
    Path("hello").mkdir()
    project = Path("hello/hello.csproj")
    project.write_text(lab.program("hello.csproj"), encoding="utf-8")
    line = "dotnet publish hello -t:PublishContainer -p:ContainerRepository=my-app"
    assert lab.publish(project="hello").line == line
    project.write_text("<Project><ContainerUser>1654</ContainerUser></Project>", encoding="utf-8")
    published = lab.publish(project="hello")
    assert (published.line, published.config) == (f"{line}  # with hello/hello.csproj as you have it", {"User": 2})


@pytest.mark.parametrize("kind", ["pipe", "link to a device", "large"])
def test_a_file_that_never_ends_is_no_dockerfile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    (tmp_path / "mine").mkdir()
    file = tmp_path / "mine" / "Dockerfile"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "large":
        file.write_text("FROM debian\n" + "RUN \\\n" * 2_000_000, encoding="utf-8")
    else:
        file.symlink_to("/dev/zero")
    monkeypatch.chdir(tmp_path)
    lab, _, _ = _with_images(tmp_path)
    with pytest.raises(Misuse, match=r"Reading (mine/Dockerfile|a Dockerfile)"):
        lab.build("mine/Dockerfile")
    assert (lab._checking._world.look.dockerfile("my-image", "mine/Dockerfile") is None) is (kind != "large")
