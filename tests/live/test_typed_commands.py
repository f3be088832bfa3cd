"""The article's own lines, typed in a terminal of the lab; and what people type that they should not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.adapters.engine import Engine
from labkit.adapters.kube import Kube
from labkit.base.configuration import LESSON_LABEL
from labkit.lab.lab import Lab
from labkit.notebook import Lesson
from tests.course import lesson_with_own_progress

_LESSON = "08-change-the-user"
_SECONDS = 90.0


class LabTerminal:
    """A terminal of the lab, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def type(self, line: str) -> tuple[int, str]:
        """Type a line; its exit status and what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "labkit", "shell", "-c", line],
            cwd=self.folder,
            env={**os.environ, "SHELL": "/bin/bash", "LABKIT_LESSON": _LESSON},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout.strip()


@pytest.fixture
def typed(tmp_path: Path) -> LabTerminal:
    """A terminal of the lab."""
    return LabTerminal(tmp_path)


@pytest.fixture(scope="module")
def lesson(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """A lesson; what is typed in it goes with it."""
    with lesson_with_own_progress(_LESSON, lab, tmp_path_factory.mktemp("lesson")) as lesson:
        yield lesson


def test_the_lines_of_the_article_for_docker(typed: LabTerminal, lesson: Lesson, engine: Engine) -> None:
    assert typed.type("docker run --rm debian whoami") == (0, "root")
    assert typed.type("docker inspect --format='{{.Config.User}}' aspnetapp") == (0, "1654")
    status, container = typed.type("docker run -d aspnetapp")
    assert status == 0
    assert typed.type(f"docker exec -u root {container} whoami") == (0, "root")
    assert len(engine.labelled_containers(f"{LESSON_LABEL}={_LESSON}")) == 1
    lesson.reset()
    assert engine.labelled_containers(f"{LESSON_LABEL}={_LESSON}") == []


def test_a_build_gets_the_labs_images_and_goes_with_the_lesson(
    typed: LabTerminal, lesson: Lesson, engine: Engine
) -> None:
    (typed.folder / "Dockerfile").write_text("FROM debian\nUSER 4242\n", encoding="utf-8")
    status, output = typed.type("docker build -t typed-image . && docker run --rm typed-image id -u")
    assert (status, output.splitlines()[-1]) == (0, "4242"), output
    (typed.folder / "Dockerfile").write_text("FROM debain\n", encoding="utf-8")
    status, output = typed.type("docker build -t typed-image .")
    assert (status, "did you mean debian?" in output) == (2, True), output
    manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: own}\nspec: {containers: [{name: a, image: typed-image}]}"
    (typed.folder / "own.yaml").write_text(manifest, encoding="utf-8")
    policy = "kubectl get po own -o jsonpath='{.spec.containers[0].imagePullPolicy}'"
    status, output = typed.type(f"kubectl apply -f own.yaml && {policy}")
    assert (status, output.endswith("pod/own created\nIfNotPresent")) == (0, True), output
    lesson.reset()
    assert engine.image("typed-image") is None


def test_what_a_participant_does_to_the_kubeconfig_is_undone_by_a_reset(
    typed: LabTerminal, lesson: Lesson, lab: Lab
) -> None:
    before = lab.configuration.kubeconfig.read_bytes()
    assert typed.type("kubectl config use-context mine")[0] == 1
    assert typed.type("kubectl config set-context --current --namespace=kube-system")[0] == 0
    assert "coredns" in typed.type("kubectl get po")[1] or "etcd" in typed.type("kubectl get po")[1]
    lesson.reset()
    assert typed.type("kubectl config view --minify -o jsonpath='{..namespace}'") == (0, lesson.namespace)
    assert lab.configuration.kubeconfig.read_bytes() == before


def test_a_namespace_that_a_participant_deletes_comes_back_by_a_reset(
    typed: LabTerminal, lesson: Lesson, kube: Kube
) -> None:
    assert typed.type(f"kubectl delete ns {lesson.namespace} --wait=false")[0] == 0
    lesson.reset()
    assert lesson.namespace in kube.namespaces(_LESSON)
    assert typed.type("kubectl get po") == (0, f"No resources found in {lesson.namespace} namespace.")


@pytest.mark.parametrize("verb", ["rm -f", "kill", "stop"])
def test_the_node_is_spared(typed: LabTerminal, lab: Lab, engine: Engine, verb: str) -> None:
    (node,) = lab.cluster().containers
    identifier = typed.type(f"docker ps -q --filter name=^{node}$")[1]
    for name in (node, identifier):
        status, output = typed.type(f"docker {verb} {name}")
        assert (status, "the node of the lab's cluster" in output) == (2, True), output
    state = engine.container(node)
    assert state is not None and state.running


@pytest.mark.alone  # it opens lessons while the terminal is there
def test_a_terminal_that_was_opened_before_the_lesson_is_in_it(lab: Lab, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "LABKIT_LESSON"}
    namespace = "kubectl config view --minify -o jsonpath='{..namespace}'"
    argv = [sys.executable, "-m", "labkit", "shell", "-c", 'echo open; while read -r line; do eval "$line"; echo; done']
    with subprocess.Popen(
        argv, env={**environment, "SHELL": "/bin/bash"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as terminal:
        assert terminal.stdin is not None and terminal.stdout is not None
        assert terminal.stdout.readline() == "open\n"
        for _ in range(2):
            with lesson_with_own_progress(_LESSON, lab, tmp_path) as lesson:
                terminal.stdin.write(f"{namespace}\n")
                terminal.stdin.flush()
                assert terminal.stdout.readline().strip() == lesson.namespace
        terminal.stdin.close()
    assert terminal.returncode == 0


def test_what_waits_for_a_terminal_does_not_wait(typed: LabTerminal, lesson: Lesson) -> None:
    status, output = typed.type("docker run --rm -it debian bash")
    assert (status, "not a TTY" in output, "a notebook's cell has none: leave it out" in output) == (1, True, True), (
        output
    )
    assert typed.type("docker run --rm -i debian cat") == (0, "")


def test_no_registry_is_asked(typed: LabTerminal, lesson: Lesson) -> None:
    status, output = typed.type("docker run --rm debain whoami")
    assert (status, "did you mean debian?" in output, "No such image" in output) == (125, True, True), output
    status, output = typed.type("docker pull debian")
    assert (status, "asks no registry" in output) == (2, True), output
    status, output = typed.type("kubectl run typo --image=aspnetap")
    assert (status, "did you mean aspnetapp?" in output) == (0, True), output
    assert typed.type("kubectl get po typo -o jsonpath='{.spec.containers[0].imagePullPolicy}'") == (0, "Never")


def test_kubectl_names_what_was_typed_and_no_copy_of_it(typed: LabTerminal, lesson: Lesson) -> None:
    pod = (
        "{apiVersion: v1, kind: Pod, metadata: {name: spelt}, "
        "spec: {containers: [{name: main, image: %s, securityContext: {runAsNonRot: true}}]}}\n"
    )
    for name, image in (("one/pod.yaml", "debian"), ("two/pod.yaml", "alpine")):
        (typed.folder / name).parent.mkdir()
        (typed.folder / name).write_text(pod % image, encoding="utf-8")
    for names, seen in (("./one/pod.yaml", ["./one/pod.yaml"]), ("two/", ["two/pod.yaml"])):
        status, output = typed.type(f"kubectl apply --validate=strict -f {names}")
        assert (status, [name in output for name in seen], "scratch" in output) == (1, [True], False), output
    # Two of one name are two.
    shown = typed.type("kubectl create --dry-run=client --validate=false -o name -f one/pod.yaml,two/pod.yaml")
    assert shown == (0, "pod/spelt\npod/spelt")
    images = typed.type("kubectl create --dry-run=client --validate=false -o yaml -f one/pod.yaml,two/pod.yaml")[1]
    assert ("labkit/debian" in images, "labkit/alpine" in images) == (True, True), images
    status, output = typed.type("kubectl apply -f ./no//such.yaml")
    assert (status, "./no//such.yaml" in output) == (1, True), output
