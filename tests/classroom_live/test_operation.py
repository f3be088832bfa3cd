"""What an administrator does to a cluster, and an instructor to a class: nobody loses what they have done.

test_hub.py has a hub that is killed.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.base.errors import LabError, LabFailed
from labkit.base.waiting import wait_until
from labkit.lab.classroom.class_bringup import ClassWishes
from labkit.lab.classroom.class_settings import CLASS_LABEL
from labkit.lab.lab import Lab
from tests.classroom_live.class_player import Visitor
from tests.classroom_live.kept_work import do_work, find_work
from tests.classroom_live.node_registry import changed_images, node_registry
from tests.classroom_live.own_class import OwnClass

_NAME = "labkit-class-operated"
_UP_SECONDS = 180.0
_DRAIN_SECONDS = 120
_CULLED_SECONDS = 240.0
_LOOK_SECONDS = 0.5


@pytest.fixture(scope="module")
def operated(lab: Lab, cluster: ClusterWriter, storage_class: str) -> Iterator[OwnClass]:
    wishes = ClassWishes(class_name=_NAME, participants=2, engine="none", storage_class=storage_class)
    group = OwnClass(lab, cluster, wishes)
    try:
        group.up()
        yield group
    finally:
        group.down()


def _server_pod(cluster: ClusterWriter, visitor: Visitor) -> dict[str, Any]:
    (pod,) = cluster.list(f"api/v1/namespaces/{visitor.namespace}/pods")
    return dict(pod)


def test_an_evicted_server_comes_back_with_notebook_progress_and_tabs(
    cluster: ClusterWriter, operated: OwnClass, runner: asyncio.Runner
) -> None:
    with operated.entered() as room, Visitor(room, runner, "Eva") as eva:
        eva.start_server()
        work = eva.run(do_work(eva.web, "# before the eviction"))
        name = _server_pod(cluster, eva)["metadata"]["name"]
        metadata = {"name": name, "namespace": eva.namespace}
        path = f"api/v1/namespaces/{eva.namespace}/pods/{name}/eviction"
        cluster.post(path, {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata})
        eva.await_stopped()
        eva.start_server()
        assert eva.run(find_work(eva.web)) == work


def test_whoever_was_on_a_node_that_is_drained_finds_all_again(
    cluster: ClusterWriter, operated: OwnClass, runner: asyncio.Runner
) -> None:
    with operated.entered() as room, Visitor(room, runner, "Dora") as dora:
        dora.start_server()
        work = dora.run(do_work(dora.web, "# before the drain"))
        who, return_code = (dora.participant, dora.web.shown_name), dora.web.return_code
        node = _server_pod(cluster, dora)["spec"]["nodeName"]
        try:
            _drain(cluster, node)
            assert operated.status().hub.startswith("no node takes its pod"), "the node was the only one"
        finally:
            subprocess.run(["kubectl", *cluster.access.kubectl_options, "uncordon", node], check=True)
    _await_up(operated)
    with operated.entered() as room, Visitor(room, runner, return_code=return_code) as dora:
        assert (dora.participant, dora.web.shown_name) == who
        dora.await_stopped()
        dora.start_server()
        assert dora.run(find_work(dora.web)) == work


def _drain(cluster: ClusterWriter, node: str) -> None:
    """As an administrator does. A participant's server belongs to no controller: such pods go by --force alone."""
    options = ["--force", "--delete-emptydir-data", "--ignore-daemonsets", f"--pod-selector={CLASS_LABEL}={_NAME}"]
    argv = ["kubectl", *cluster.access.kubectl_options, "drain", node, *options, f"--timeout={_DRAIN_SECONDS}s"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _await_up(group: OwnClass) -> None:
    """Wait until hub and proxy are ready again; while the API server is busy, nothing is known of them."""

    def state() -> str:
        try:
            status = group.status()
        except LabError as error:
            return str(error)
        return status.state if status.state == "up" else f"hub: {status.hub}; proxy: {status.proxy}"

    wait_until(
        f"the class {group.name}",
        state,
        seconds=_UP_SECONDS,
        remedy="look at its pods",
        is_there=lambda seen: seen == "up",
        interval=_LOOK_SECONDS,
    )


def test_an_idle_server_is_stopped_and_comes_back_where_it_was_and_a_used_one_stays(
    operated: OwnClass, runner: asyncio.Runner
) -> None:
    operated.up(idle_minutes=1)
    try:
        with operated.entered() as room, Visitor(room, runner, "Uma") as user, Visitor(room, runner, "Ida") as idle:
            user.start_server()  # Before the other: if both counted as idle, she would be the first to go.
            idle.start_server()
            work = idle.run(do_work(idle.web, "# before the break"))
            user.run(_use_until_stopped(user, idle))
            idle.start_server()
            assert idle.run(find_work(idle.web)) == work
    finally:
        operated.up()


async def _use_until_stopped(user: Visitor, idle: Visitor) -> None:
    """Run a cell now and then until the hub has stopped the other's server."""
    async with user.web.kernel() as kernel:
        await kernel.run("kept = 6 * 7")
        deadline = time.monotonic() + _CULLED_SECONDS
        while not (state := await idle.web.state()) or state.get("servers"):
            assert time.monotonic() < deadline, "the hub does not stop a server that nobody uses"
            assert await kernel.run("print(kept)") == "42\n"
            await asyncio.sleep(1)
        assert await kernel.run("print(kept)") == "42\n"
    assert (await user.web.state())["servers"][""]["ready"], "a server that is used was stopped"


@pytest.mark.timeout(600, func_only=True)
def test_an_upgrade_in_place_pulls_what_was_pushed_by_digest_and_keeps_progress(
    lab: Lab, cluster: ClusterWriter, operated: OwnClass, runner: asyncio.Runner
) -> None:
    with operated.entered() as room, Visitor(room, runner, "Pia") as pia:
        pia.start_server()
        work = pia.run(do_work(pia.web, "# before the upgrade"))
        before, return_code = _server_pod(cluster, pia), pia.web.return_code
    try:
        with changed_images(lab), node_registry(lab) as registry:
            upgraded = operated.up(registry=registry.path).settings
            assert upgraded.hub_image.startswith(f"{registry.path}/class-hub@sha256:")
            assert upgraded.participant_image.startswith(f"{registry.path}/class-participant@sha256:")
            assert _images_of_hub_and_proxy(cluster) == {upgraded.hub_image}
            with operated.entered() as room, Visitor(room, runner, return_code=return_code) as pia:
                pia.start_server()  # It runs, so this opens it.
                assert _server_pod(cluster, pia)["metadata"]["uid"] == before["metadata"]["uid"], "it was stopped"
                assert pia.run(find_work(pia.web)) == work
                _restart(pia)
                (container,) = _server_pod(cluster, pia)["spec"]["containers"]
                assert container["image"] == upgraded.participant_image
                assert pia.run(find_work(pia.web)) == work
                registry.end()
                _restart(pia)
                assert pia.run(find_work(pia.web)) == work, "the node has the image, and asks nobody for it"
    finally:
        operated.up()


def test_a_registry_that_goes_away_is_told_and_the_class_stays_as_it_is(
    lab: Lab, cluster: ClusterWriter, operated: OwnClass
) -> None:
    _await_up(operated)
    before = _ids_of_hub_and_proxy(cluster)
    with changed_images(lab), node_registry(lab) as registry:
        registry.end()
        with pytest.raises(LabFailed, match="connection refused") as caught:
            operated.up(registry=registry.path)
    assert registry.path in caught.value.tried
    assert _ids_of_hub_and_proxy(cluster) == before
    assert operated.status().state == "up"


def _restart(visitor: Visitor) -> None:
    """Have somebody stop their server and start it again."""
    visitor.run(visitor.web.ask_hub("DELETE", f"users/{visitor.participant}/server"))
    visitor.await_stopped()
    visitor.start_server()


def _hub_and_proxy(cluster: ClusterWriter) -> list[dict[str, Any]]:
    """Their pods but for those that are on their way out."""
    pods = cluster.list(f"api/v1/namespaces/{_NAME}/pods")
    return [dict(pod) for pod in pods if not pod["metadata"].get("deletionTimestamp")]


def _images_of_hub_and_proxy(cluster: ClusterWriter) -> set[str]:
    return {container["image"] for pod in _hub_and_proxy(cluster) for container in pod["spec"]["containers"]}


def _ids_of_hub_and_proxy(cluster: ClusterWriter) -> set[str]:
    return {pod["metadata"]["uid"] for pod in _hub_and_proxy(cluster)}
