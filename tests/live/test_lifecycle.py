"""A lab's life, on a second lab beside the first: made, interrupted, broken, repaired, removed.

It begins with the first lab's images under its own name, so that what takes its time is the cluster.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from labkit.adapters.kind import Kind, find_kind
from labkit.base.configuration import LABEL, Configuration
from labkit.lab.clean import clean
from labkit.lab.lab import Lab
from labkit.lab.leftovers import Leftover, find_leftovers
from labkit.lab.samples.build_contexts import archive_of_dockerfile
from labkit.show.steps import Silent

_NAME = "labkit-second"
_SECONDS = 180
# Whatever runs the tests may ignore Ctrl-C, as a shell does for what it starts in the background.
_MAIN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from labkit.cli import main; main()"
_KUBECONFIG = "apiVersion: v1\nkind: Config\ncurrent-context: production\ncontexts: []\nclusters: []\nusers: []\n"


_STAGES = f"FROM localhost/{_NAME}/debian:lab AS stage\nRUN id > /id\nFROM scratch\nCOPY --from=stage /id /id\n"


class Second:
    """The second lab, driven by its command as a person would."""

    def __init__(self, folder: Path, first: Lab) -> None:
        self.configuration = Configuration(_NAME, folder / "state", folder / "cache", folder / "data")
        self.kubeconfig = folder / "kubeconfig-of-the-user"
        self.kubeconfig.write_text(_KUBECONFIG, encoding="utf-8")
        self.lab = Lab(self.configuration, Silent())
        self.cut: list[Leftover] = []
        clean(self.lab)  # A run that was killed left its own, with another state.
        self.configuration.cache.mkdir(parents=True)
        (self.configuration.cache / "programs").symlink_to(first.configuration.cache / "programs")
        self.engine = self.lab.engine()
        self.node = self.lab.cluster().node
        self.environment = {
            **os.environ,
            "LABKIT_NAME": _NAME,
            "LABKIT_STATE": str(self.configuration.state),
            "LABKIT_CACHE": str(self.configuration.cache),
            "LABKIT_SOURCE": "stand-in",
            "KUBECONFIG": str(self.kubeconfig),
        }

    def take_images(self, first: Lab, *, without: set[str]) -> None:
        """Give the first lab's images this lab's name; their labels say what they were made from."""
        for name in {*first.catalogue, "node"} - without:
            dockerfile = archive_of_dockerfile(f"FROM {first.configuration.image_reference(name)}\n")
            self.engine.build(dockerfile, self.configuration.image_reference(name), arguments={}, labels={})

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", _MAIN, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=_SECONDS)
        return process.returncode, out, err

    def state(self) -> str:
        return str(json.loads(self.run("status", "--json")[1])["state"])

    def interrupt_at(self, line: str, until: str | None = None) -> tuple[int, str]:
        """Run `up` until it prints a line (and a command in the node succeeds), then press Ctrl-C."""
        process = self.start("up")
        assert process.stderr is not None
        stderr = ""
        for printed in process.stderr:
            stderr += printed
            if line in printed:
                break
        if until is not None:
            self._wait_in_node(until)
        os.killpg(process.pid, signal.SIGINT)
        rest = process.communicate(timeout=_SECONDS)[1]
        return process.returncode, stderr + rest

    def _wait_in_node(self, command: str) -> None:
        deadline = time.monotonic() + _SECONDS
        argv = ["docker", "exec", self.node, "sh", "-c", command]
        while subprocess.run(argv, capture_output=True, check=False).returncode != 0:
            assert time.monotonic() < deadline, f"{command} never succeeded in the node"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def second(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Second]:
    second = Second(tmp_path_factory.mktemp("second"), lab)
    # The second is made of stages, of which the builder keeps one without a name.
    second.take_images(lab, without={"alpine", "aspnetapp-chiseled"})
    assert find_leftovers(second.lab) == []
    yield second
    status, _, err = second.run("clean", "--yes")
    assert status == 0, err


@pytest.mark.parametrize(
    ("line", "until"),
    [
        ("image alpine (stand-in) ...", None),
        ("cluster, with its images ...", "test -d /etc/kubernetes/manifests"),
        ("cluster, with its images ...", "test -f /var/lib/kubelet/config.yaml"),
    ],
    ids=["while an image is built", "when the node runs", "while kubeadm waits"],
)
def test_an_interrupted_up_says_so(second: Second, line: str, until: str | None) -> None:
    status, stderr = second.interrupt_at(line, until)
    assert status == 130, stderr
    assert "interrupted; the next `labkit up` continues from here" in stderr
    assert "Traceback" not in stderr
    assert second.state() in ("absent", "broken")
    if until is None:  # The builder may have been at a step that it has made since: a later test has that removed.
        second.cut = find_leftovers(second.lab)


def test_one_that_was_killed_while_the_engine_makes_the_node_is_in_nobody_s_way(second: Second) -> None:
    process = second.start("up")
    deadline = time.monotonic() + _SECONDS
    # The request is on its way; the engine goes on with it, whoever has ended.
    while not _runs("docker", "run", second.node):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "kind never asked for the node"
        time.sleep(0.005)
    process.kill()
    process.wait()
    for pipe in (process.stdout, process.stderr):  # What it has started still holds the other ends.
        if pipe is not None:
            pipe.close()


def _runs(*arguments: str) -> bool:
    """Whether a program runs with all of these words."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            argv = file.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        if set(arguments) <= {*argv, Path(argv[0]).name}:
            return True
    return False


def test_the_next_up_repairs_it_and_two_at_once_do_not_clash(second: Second) -> None:
    first, other = second.start("up"), second.start("up")
    outputs = [process.communicate(timeout=_SECONDS)[1] for process in (first, other)]
    assert (first.returncode, other.returncode) == (0, 0), outputs
    assert sum("is at work on this lab; waiting for it" in text for text in outputs) == 1
    assert sum("done: cluster" in text for text in outputs) == 1
    assert second.state() == "up"


def test_making_it_leaves_nothing_behind(second: Second) -> None:
    assert second.engine.image(second.configuration.image_reference("aspnetapp-chiseled")) is not None
    assert [leftover for leftover in find_leftovers(second.lab) if leftover not in second.cut] == []


def test_the_kits_kubeconfig_is_private_and_the_users_is_untouched(second: Second) -> None:
    assert second.configuration.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert second.kubeconfig.read_text(encoding="utf-8") == _KUBECONFIG


def test_up_again_changes_nothing(second: Second) -> None:
    before = second.engine.container(second.node)
    status, out, err = second.run("up", "--json")
    assert status == 0
    assert json.loads(out)["state"] == "up"
    assert "..." not in err
    assert second.engine.container(second.node) == before


def test_a_stopped_lab_goes_on(second: Second) -> None:
    assert second.run("down")[0] == 0
    assert second.state() == "stopped"
    status, out, err = second.run("reset")
    assert (status, out) == (1, "")
    assert "it is stopped" in err
    status, _, err = second.run("up")
    assert status == 0, err
    assert "cluster, started again" in err
    with second.lab.cluster().kube() as kube:
        kube.delete_namespace(kube.new_namespace("resumed"))


def test_a_paused_node_and_a_lost_kubeconfig_are_put_right(second: Second) -> None:
    subprocess.run(["docker", "pause", second.node], check=True, capture_output=True)
    second.configuration.kubeconfig.unlink()
    assert second.run("up")[0] == 0
    assert second.state() == "up"


def test_a_node_that_stops_while_a_pod_is_observed(second: Second) -> None:
    """As when the engine is stopped: every container of it is."""
    script = (
        "from labkit.lab.lab import Lab; from labkit.core.pods.manifest import *\n"
        "lab = Lab(); kube = lab.cluster().kube(); namespace = kube.new_namespace('observed')\n"
        "first = container_manifest('first', lab.reference('debian'), command=['sleep', '600'])\n"
        "app = container_manifest('app', lab.reference('debian'))\n"
        "pod = pod_manifest('p', [app], init_containers=[first])\n"
        "print('observing', flush=True)\n"
        "kube.make_pod(pod, namespace)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env=second.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as observing:
        assert observing.stdout is not None
        assert observing.stdout.readline() == "observing\n"
        second.engine.stop(second.node)
        _, stderr = observing.communicate(timeout=_SECONDS)
    assert "LabFailed" in stderr
    assert "the cluster does not answer" in stderr
    assert "labkit up" in stderr


def test_a_cluster_removed_behind_our_back_leaves_what_is_cleaned_and_is_made_anew(second: Second, lab: Lab) -> None:
    """Left are an unnamed image, a container that has ended, and the volume of a node that was removed by hand."""
    (volume,) = second.engine.volumes_of(second.node)
    second.engine.build(archive_of_dockerfile(_STAGES), "second-built", arguments={}, labels={})
    second.engine.remove_image("second-built")
    ours, theirs = second.configuration.image_reference("debian"), lab.reference("debian")
    _remove("others-ended")
    for name, image in (("second-ended", ours), ("others-ended", theirs)):
        subprocess.run(["docker", "run", "--name", name, image, "true"], check=True, capture_output=True)
    subprocess.run(["docker", "rm", "--force", second.node], check=True, capture_output=True)
    try:
        status, out, err = second.run("doctor")
        assert status in (0, 3), err
        assert "labkit clean --leftovers" in out
        status, out, err = second.run("clean", "--leftovers")
        assert status == 0, err
        kinds = [line.split()[1] for line in out.splitlines()]
        assert kinds[0] == "container" and kinds[-1] == "volume" and set(kinds[1:-1]) == {"image"}, out
        assert (second.engine.has_volume(volume), find_leftovers(second.lab)) == (False, [])
        assert second.engine.image(ours) is not None
        assert second.engine.container("others-ended") is not None
    finally:
        second.engine.remove_container("others-ended")
    # kind, too, is told that it is gone, and forgets the kubeconfig's context.
    kind = find_kind(second.configuration.cache)
    assert kind is not None
    Kind(kind, _NAME, second.configuration.kubeconfig).delete()
    assert second.state() == "absent"
    status, _, err = second.run("up")
    assert status == 0, err
    assert "done: cluster" in err
    assert find_leftovers(second.lab) == []


def test_clean_leaves_nothing_of_ours_and_all_of_others(second: Second, lab: Lab) -> None:
    debian = lab.reference("debian")
    foreign: dict[str, list[str]] = {
        "foreign": [],
        "foreign-control-plane": ["--label", "io.x-k8s.kind.cluster=foreign"],
    }
    others = ["--label", f"{LABEL}=somebody-elses", debian, "sleep", "600"]
    _remove(*foreign)
    try:
        for name, marks in foreign.items():
            subprocess.run(["docker", "run", "-d", "--name", name, *marks, *others], check=True, capture_output=True)
        ours = second.configuration.image_reference("debian")
        subprocess.run(["docker", "run", "-d", ours, "sleep", "600"], check=True, capture_output=True)
        label = f"{LABEL}={_NAME}"
        subprocess.run(["docker", "network", "create", "--label", label, "second-net"], check=True, capture_output=True)
        subprocess.run(["docker", "volume", "create", "--label", label, "second-vol"], check=True, capture_output=True)
        status, out, err = second.run("clean", "--yes")
        assert status == 0, err
        assert f"removed cluster {_NAME}" in out
        assert _listed(second) == []
        assert not second.configuration.state.exists()
        assert not second.configuration.cache.exists()
        running = subprocess.run(["docker", "ps", "--format", "{{.Names}}"], capture_output=True, text=True, check=True)
        assert set(foreign) | {lab.cluster().node} <= set(running.stdout.split())
        assert lab.state() == "up"
        assert (lab.configuration.cache / "programs").is_dir()
        assert second.kubeconfig.read_text(encoding="utf-8") == _KUBECONFIG
    finally:
        _remove(*foreign)


def _remove(*containers: str) -> None:
    subprocess.run(["docker", "rm", "--force", "--volumes", *containers], check=True, capture_output=True)


def _listed(second: Second) -> list[str]:
    engine = second.engine
    images = [str(image["Id"]) for image in engine.labelled_images()]
    return engine.labelled_containers() + engine.labelled_networks() + engine.labelled_volumes() + images


def test_a_second_lab_would_begin_anew(second: Second) -> None:
    assert second.state() == "absent"
    assert second.lab.status()["images"][0]["digest"] is None
