"""An engine that accepts and never answers: each request has an end, also those that change something."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labkit.adapters.engine import Engine, engine_connection
from labkit.adapters.engine.engine_connection import timeout_of
from labkit.base.configuration import Configuration
from labkit.base.errors import LabFailed
from tests.servers import Answer, choose, http, serve, silent

_JSON = {"Content-Type": "application/json", "Api-Version": "1.45"}
_THERE: dict[str, Answer] = {
    "/_ping": http(b"OK", headers=_JSON),
    "/version": http(b'{"ApiVersion": "1.45", "Arch": "amd64"}', headers=_JSON),
}


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine that says that it is there, and then nothing."""
    for kind in ("_LOOK_SECONDS", "_CHANGE_SECONDS", "_WORK_SECONDS"):
        monkeypatch.setattr(engine_connection, kind, 0.05)
    with serve(choose(_THERE, silent), path=tmp_path / "engine.sock") as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        with Engine.connect(Configuration("silent", tmp_path, tmp_path, tmp_path)) as engine:
            yield engine


@pytest.mark.parametrize(
    "change",
    [
        lambda engine: engine.launch("image", []),
        lambda engine: engine.run("image", ["true"]),
        lambda engine: engine.start("container"),
        lambda engine: engine.stop("container"),
        lambda engine: engine.remove_container("container"),
        lambda engine: engine.remove_image("image"),
        lambda engine: engine.remove_network("network"),
        lambda engine: engine.make_network("network", "fd00::/64"),
        lambda engine: engine.remove_volume("volume"),
        lambda engine: engine.put_files("container", {"/file": b""}),
        lambda engine: engine.execute("container", ["true"]),
        lambda engine: engine.build(b"", "image", arguments={}, labels={}),
        lambda engine: engine.commit("container", "image", labels={}, changes=[]),
        lambda engine: engine.load_images(iter([b"x"])),
        lambda engine: engine.save_image("image", io.BytesIO()),
        lambda engine: list(engine.image_archive("image")),
        lambda engine: engine.push("image", "reference"),
    ],
)
def test_what_never_comes_is_given_up(engine: Engine, change: Callable[[Engine], object]) -> None:
    with pytest.raises(LabFailed, match="the engine stopped answering") as failed:
        change(engine)
    assert "labkit up" in failed.value.remedy


def test_an_answer_that_stops_in_its_middle_is_given_up(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(line: str, client: object) -> None:
        http(b"", headers={**_JSON, "Content-Length": "100"})(line, client)  # type: ignore[arg-type]
        silent(line, client)  # type: ignore[arg-type]

    with serve(choose(_THERE, begin), path=tmp_path / "half.sock") as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        with Engine.connect(Configuration("half", tmp_path, tmp_path, tmp_path)) as half:
            for work in (
                lambda: half.build(b"", "image", arguments={}, labels={}),
                lambda: half.load_images(iter([b"x"])),
                lambda: list(half.image_archive("image")),
                lambda: half.start("container"),
            ):
                with pytest.raises(LabFailed, match="the engine stopped answering"):
                    work()


@pytest.mark.parametrize(
    ("method", "path", "seconds"),
    [
        ("GET", "/v1.45/_ping", 30),
        ("GET", "/v1.45/containers/json", 30),
        ("GET", "/images/localhost/labkit/debian:lab/json", 30),
        ("POST", "/v1.45/containers/create", 120),
        ("POST", "/v1.45/containers/a/start", 120),
        ("DELETE", "/v1.45/images/localhost/labkit/debian:lab", 120),
        ("GET", "/v1.45/containers/a/logs", 120),
        ("POST", "/v1.45/build", 600),
        ("POST", "/v1.45/images/load", 600),
        ("GET", "/v1.45/images/localhost/a:b/get", 600),
        ("PUT", "/v1.45/containers/a/archive", 600),
        ("POST", "/v1.45/containers/a/attach", None),
        ("POST", "/v1.45/containers/a/wait", None),
        ("POST", "/v1.45/exec/a/start", None),
    ],
)
def test_each_kind_of_request_has_its_timeout(method: str, path: str, seconds: float | None) -> None:
    assert timeout_of(method, path) == seconds
