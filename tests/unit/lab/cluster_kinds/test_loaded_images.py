"""Which images the node has, read from what its containerd prints, and which it lacks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import cast

import pytest

from labkit.adapters.engine import ContainerState, Engine
from labkit.base.errors import LabFailed
from labkit.core.run_results import ExecResult
from labkit.lab.cluster_kinds.loaded_images import LoadedImages, parse_loaded

LISTING = (
    "REF TYPE DIGEST SIZE PLATFORMS LABELS\n"
    "localhost/labkit/debian:lab application/x sha256:1 120 MiB linux/amd64 a=b,labkit.image=sha256:7 \n"
    "registry.k8s.io/etcd:3 application/x sha256:2 1 MiB linux/amd64 io.cri-containerd.image=managed \n\n"
)


class EngineWithNode:
    """Runs the node, whose containerd answers after some looks, and may not take labels."""

    def __init__(self, looks: int = 0, label_status: int = 0) -> None:
        self.looks, self.label_status = looks, label_status
        self.calls: list[str] = []

    def container(self, _: str) -> ContainerState | None:
        return ContainerState(running=True, image_id="", labels={})

    def execute(self, node: str, argv: Sequence[str]) -> ExecResult:
        self.calls.append(" ".join(argv[3:]))
        if "-q" in argv:
            self.looks -= 1
            if self.looks > 1:
                raise LabFailed("Running ctr", "not yet", "wait")
            return ExecResult(1 if self.looks > 0 else 0, "")
        return ExecResult(self.label_status, "no such image\n") if "label" in argv else ExecResult(0, LISTING)

    def meaning(self, _: Mapping[str, str]) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def pipe_images(self, images: Mapping[str, str], receiver: Sequence[str]) -> None:
        self.calls.append(f"{' '.join(images)} -> {' '.join(receiver)}")


def _loaded(engine: EngineWithNode) -> LoadedImages:
    return LoadedImages(cast(Engine, engine), "node")


def test_what_a_node_has_is_read_from_its_labels() -> None:
    assert parse_loaded(LISTING) == {"localhost/labkit/debian:lab": "sha256:7"}
    assert parse_loaded("") == {}


@pytest.mark.parametrize(("image", "is_missing"), [("sha256:7", False), ("sha256:8", True)])
def test_an_image_that_has_changed_is_missing(image: str, is_missing: bool) -> None:
    images = {"localhost/labkit/debian:lab": image, "new": "sha256:9"}
    missing = _loaded(EngineWithNode()).missing(images)
    assert ("localhost/labkit/debian:lab" in missing, missing["new"]) == (is_missing, "sha256:9")


def test_the_node_is_asked_for_the_images_in_question_alone() -> None:
    engine = EngineWithNode()
    _loaded(engine).missing({"localhost/labkit/debian:lab": "sha256:7", "new:1": "sha256:9"})
    assert engine.calls == ['images ls name=="localhost/labkit/debian:lab" name=="new:1"']


def test_what_is_loaded_is_labelled_with_its_id() -> None:
    engine = EngineWithNode()
    _loaded(engine).load({"a": "sha256:1"})
    assert engine.calls == [
        "a -> exec --interactive node ctr --namespace k8s.io images import --local -",
        "images label a labkit.image=sha256:1",
    ]


def test_a_label_that_is_refused_is_an_error_with_the_reason() -> None:
    with pytest.raises(LabFailed, match="Loading a into the node: no such image"):
        _loaded(EngineWithNode(label_status=1)).load({"a": "sha256:1"})


def test_containerd_is_waited_for() -> None:
    engine = EngineWithNode(looks=3)
    _loaded(engine).wait(60.0)
    assert len(engine.calls) == 3


def test_nobody_waits_in_vain() -> None:
    stop = threading.Event()
    stop.set()
    engine = EngineWithNode(looks=1000)
    _loaded(engine).wait(60.0, stop)
    assert len(engine.calls) == 1


def test_what_is_removed_goes_by_name_and_nothing_is_asked_for_nothing() -> None:
    engine = EngineWithNode()
    _loaded(engine).remove({"b:1", "a:1"})
    _loaded(engine).remove(())
    assert engine.calls == ["images rm a:1 b:1"]
