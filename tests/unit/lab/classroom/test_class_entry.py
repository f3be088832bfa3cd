"""Where a class says that it is: a port-forward, a node's port, a load balancer with an address or without one yet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.lab.classroom.class_entry import find_entry
from labkit.lab.classroom.class_settings import ClassSettings
from tests.class_cluster import KeepingCluster, keeping_cluster

SERVICE = "api/v1/namespaces/labkit-class/services/proxy"


@pytest.fixture
def paper() -> Iterator[KeepingCluster]:
    with keeping_cluster() as server:
        yield server


def address(paper: KeepingCluster, exposed: str, host: str = "") -> tuple[str, str]:
    """The address that a browser opens, and what is said of it."""
    with ClusterWriter(paper.access) as cluster:
        entry = find_entry(cluster, ClassSettings(exposed=exposed, host=host, has_certificate=True))
    assert entry.forward == ()
    return entry.address, entry.note


@pytest.mark.parametrize("status", [{}, {"loadBalancer": {}}, {"loadBalancer": {"ingress": []}}])
def test_a_load_balancer_without_an_address_says_where_it_will_be_told(
    paper: KeepingCluster, status: dict[str, Any]
) -> None:
    paper.put(SERVICE, spec={"ports": [{"port": 443}]}, status=status)
    where, note = address(paper, "LoadBalancer")
    assert where == ""
    assert "not given" in note and "labkit class status --context paper" in note


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"ip": "192.0.2.7"}, "https://192.0.2.7/"),
        ({"ip": "2001:db8::7"}, "https://[2001:db8::7]/"),
        ({"hostname": "lb.example", "ip": "192.0.2.7"}, "https://lb.example/"),
    ],
)
def test_a_load_balancers_address_is_the_clusters(paper: KeepingCluster, given: dict[str, str], where: str) -> None:
    paper.put(SERVICE, status={"loadBalancer": {"ingress": [given]}})
    assert address(paper, "LoadBalancer") == (where, "")


def test_the_host_that_was_named_comes_before_the_load_balancers(paper: KeepingCluster) -> None:
    paper.put(SERVICE, status={"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}})
    assert address(paper, "LoadBalancer", "class.example") == ("https://class.example/", "")


@pytest.mark.parametrize(
    ("host", "where", "note"),
    [("192.0.2.10", "https://192.0.2.10:30443/", ""), ("", "https://NODE:30443/", "any node's address will do")],
)
def test_a_nodes_port(paper: KeepingCluster, host: str, where: str, note: str) -> None:
    paper.put(SERVICE, spec={"ports": [{"port": 443, "nodePort": 30443}]})
    assert address(paper, "NodePort", host) == (where, note)


def test_a_port_forward_is_on_loopback(paper: KeepingCluster) -> None:
    with ClusterWriter(paper.access) as cluster:
        entry = find_entry(cluster, ClassSettings(), 8000)
    assert entry.address == "http://127.0.0.1:8000/"
    assert entry.forward_line == "kubectl --context paper --namespace labkit-class port-forward service/proxy 8000:80"
