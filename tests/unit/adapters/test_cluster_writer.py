"""Changing a cluster: what it answers is told, a slow one is asked once more, and nothing is made twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter, path_of
from labkit.adapters.kube.user_kubeconfig import ClusterAccess
from labkit.base.errors import LabError, LabFailed, NoRight

SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}


@pytest.fixture
def answers() -> list[Any]:
    """What comes back, one for each request: a status and a message, or an error."""
    return []


@pytest.fixture
def writer(answers: list[Any]) -> Iterator[ClusterWriter]:
    def answer(request: httpx2.Request) -> httpx2.Response:
        following = answers.pop(0)
        if isinstance(following, Exception):
            raise following
        return httpx2.Response(following[0], json={"message": following[1]})

    parameters = {"base_url": "http://paper", "transport": httpx2.MockTransport(answer)}
    with ClusterWriter(ClusterAccess("paper", "default", "http://paper", parameters)) as writer:
        yield writer


def test_a_slow_cluster_is_asked_once_more(writer: ClusterWriter, answers: list[Any]) -> None:
    answers += [httpx2.ReadTimeout("slow"), (200, "")]
    assert writer.apply(SPACE).is_ok
    answers += [httpx2.ReadTimeout("slow"), httpx2.ReadTimeout("slow")]
    with pytest.raises(LabFailed, match="does not answer"):
        writer.delete("api/v1/namespaces/a")
    assert answers == []


def test_what_would_be_made_twice_is_not_asked_twice(writer: ClusterWriter, answers: list[Any]) -> None:
    answers += [httpx2.ReadTimeout("slow"), (200, "")]
    with pytest.raises(LabFailed, match="does not answer"):
        writer.create(SPACE)
    assert len(answers) == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((403, 'namespaces is forbidden: User "u" cannot patch'), NoRight),
        ((422, "it is invalid"), LabFailed),
        ((401, "Unauthorized"), LabFailed),
        (httpx2.ConnectError("no route"), LabFailed),
    ],
)
def test_a_no_is_told_in_its_words(writer: ClusterWriter, answers: list[Any], answer: Any, error: type) -> None:
    answers.append(answer)
    with pytest.raises(error, match=answer[1] if isinstance(answer, tuple) else "no route"):
        writer.apply(SPACE)


@pytest.mark.parametrize("answer", [(403, 'namespaces is forbidden: User "u" cannot patch'), (422, "it is invalid")])
def test_a_no_names_the_doctor_of_the_same_cluster(writer: ClusterWriter, answers: list[Any], answer: Any) -> None:
    answers.append(answer)
    with pytest.raises(LabError) as caught:
        writer.apply(SPACE)
    assert caught.value.remedy.endswith("\n  labkit class doctor --context paper")


def test_deleting_what_is_not_there_is_no_error(writer: ClusterWriter, answers: list[Any]) -> None:
    answers += [(404, "not found"), (200, ""), (403, "forbidden")]
    assert writer.delete("api/v1/namespaces/a") is False
    assert writer.delete("api/v1/namespaces/a") is True
    with pytest.raises(NoRight):
        writer.delete("api/v1/namespaces/a")


def test_paths() -> None:
    assert path_of(SPACE) == "api/v1/namespaces/a"
    binding = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding"}
    binding_path = path_of({**binding, "metadata": {"name": "b", "namespace": "a"}})
    assert binding_path == "apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings/b"
