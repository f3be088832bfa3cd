"""Where network policies are enforced, the trial says so, the class works, and nobody reaches what is another's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.lab.classroom.class_trials import try_cluster
from labkit.lab.lab import Lab
from tests.classroom_live.class_player import PlayedRoom, Visitor
from tests.classroom_live.policy_engine import enforced_policies

_REACH = """
import socket
def reaches(host, port):
    try:
        socket.create_connection((host, port), timeout=3).close()
        return True
    except OSError:
        return False
print([reaches(host, port) for host, port in PLACES])
"""


@pytest.fixture(scope="module")
def enforcing(lab: Lab, cluster: ClusterWriter, room: PlayedRoom) -> Iterator[None]:
    with enforced_policies(lab, cluster):
        yield


def test_without_enforcement_the_trial_says_so(lab: Lab, cluster: ClusterWriter, room: PlayedRoom) -> None:
    network = try_cluster(cluster, room.settings, lab.steps).network
    assert network.is_ok is False
    assert "enforces none" in network.message


def test_with_enforcement_the_trial_says_so(
    lab: Lab, cluster: ClusterWriter, room: PlayedRoom, enforcing: None
) -> None:
    assert try_cluster(cluster, room.settings, lab.steps).network.is_ok is True


def test_with_enforcement_the_network_keeps_a_server_from_all_but_its_own(
    cluster: ClusterWriter, attacker: Visitor, victim: Visitor, enforcing: None
) -> None:
    def address(namespace: str, selector: str = "") -> str:
        (pod,) = cluster.list(f"api/v1/namespaces/{namespace}/pods", selector)
        return str(pod["status"]["podIP"])

    hub = attacker.room.settings.name
    victims = (address(victim.namespace), 8888)
    its_own = (address(attacker.namespace), 8888)
    hubs, proxies = (address(hub, "app=hub"), 8081), (address(hub, "app=proxy"), 8001)
    program = _REACH.replace("PLACES", repr([its_own, hubs, victims, proxies]))
    assert attacker.run_python(program).strip() == "[True, True, False, False]"
