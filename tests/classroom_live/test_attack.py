"""One participant tries to reach another's pods, secrets and server, the hub, and the cluster: all is refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from tests.classroom_live.class_player import Visitor

PROGRAM = Path(__file__).with_name("attack_program.py")


@pytest.fixture(scope="module")
def results(cluster: ClusterWriter, attacker: Visitor, victim: Visitor) -> dict[str, tuple[int, str, str]]:
    (pod,) = cluster.list(f"api/v1/namespaces/{victim.namespace}/pods")
    places = {
        "own": attacker.namespace,
        "own_id": attacker.participant,
        "lab": attacker.lab_namespace,
        "other": victim.namespace,
        "other_id": victim.participant,
        "other_lab": victim.lab_namespace,
        "other_pod": pod["metadata"]["name"],
        "other_address": pod["status"]["podIP"],
        "node_address": pod["status"]["hostIP"],
        "hub": attacker.room.settings.name,
    }
    program = PROGRAM.read_text(encoding="utf-8").replace("PLACES: dict = {}", f"PLACES = {places!r}")
    printed = attacker.run_python(program)
    return {title: (status, by, text) for title, status, by, text in json.loads(printed.splitlines()[-1])}


def test_every_attempt_is_refused(results: dict[str, tuple[int, str, str]]) -> None:
    assert len(results) > 60
    assert {title: text for title, (_, by, text) in results.items() if not by} == {}


def test_each_is_refused_by_whom_it_should_be(results: dict[str, tuple[int, str, str]]) -> None:
    who = {title: by for title, (_, by, _) in results.items()}
    by_roles = [title for title in who if title.startswith(("list ", "all rights", "no ", "a token of", "be the hub"))]
    by_roles.remove("no level")
    assert {who[title] for title in by_roles} == {"the roles"}
    for title in ("the level privileged", "no level", "another class", "another class, and privileged at once"):
        assert who[title] == "the ceiling", title
    for title in ("a privileged pod", "a pod with the node's files", "a pod on the node's network"):
        assert who[title] == "Pod Security", title
    for title in ("a pod on a node of its choice", "a pod before all others", "a pod on nodes kept for others"):
        assert who[title] == "the ceiling", title
    assert who["a pod of 64 GiB"] == "the quota"
    assert who["be root"] == who["write /etc/passwd"] == "the kernel"


def test_the_victim_has_noticed_nothing(cluster: ClusterWriter, victim: Visitor, results: object) -> None:
    assert victim.status(f"/user/{victim.participant}/api/status") == 200
    assert list(cluster.list(f"api/v1/namespaces/{victim.namespace}/pods"))


def test_a_browser_reaches_no_other_server(attacker: Visitor, victim: Visitor) -> None:
    for path in ("lab", "api/contents", "api/kernels"):
        assert attacker.status(f"/user/{victim.participant}/{path}") in (403, 404), path


def test_the_class_of_others_lets_nobody_in(attacker: Visitor, runner: asyncio.Runner) -> None:
    with Visitor(attacker.room, runner, "Eve", code="wrong-codeso") as visitor:
        assert visitor.participant == ""
