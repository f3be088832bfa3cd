"""The page's records where the class is on a cluster: as the hub says, whatever participants send and hubs answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from classhub.shared_documents import SharedDocuments
from labkit.base.errors import LabFailed
from labkit.course.course_overview import the_course
from labkit.instructor.class_board import board
from labkit.instructor.cluster_records import ClusterRecords
from tests.played_class import played_class

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NAMES = {"p-000001": "Ann", "p-000002": "Bo", "p-000003": "a\u202eb"}


class PlayedHub:
    """A hub that answers as the real one does, until it is told otherwise."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.shared = SharedDocuments(lambda: self.seconds)
        self.answer: Callable[[int], bytes] = self._answer
        self.asked: list[int] = []

    def start_again(self) -> None:
        """As after its pod was killed: what was shared is gone."""
        self.shared = SharedDocuments(lambda: self.seconds)

    def read(self, since: int) -> bytes:
        """What the instructor's machine asks."""
        self.asked.append(since)
        return self.answer(since)

    def _answer(self, since: int) -> bytes:
        return json.dumps(self.shared.since(since, lambda key: NAMES.get(key, key))).encode()


@pytest.fixture
def hub() -> PlayedHub:
    return PlayedHub()


@pytest.fixture
def records(hub: PlayedHub) -> ClusterRecords:
    return ClusterRecords(the_course(), hub.read, lambda: NOW + timedelta(seconds=hub.seconds - 1000))


def _documents(count: int) -> list[bytes]:
    return [document for _, document in played_class(count, now=NOW)]


def test_who_shares_is_on_the_page_under_the_name_of_their_sign_in(hub: PlayedHub, records: ClusterRecords) -> None:
    first, second = _documents(2)
    hub.shared.take("p-000002", first)
    hub.seconds += 10
    hub.shared.take("p-000003", second)
    records.refresh()
    assert [(who.number, who.name) for who in records.participants()] == [(1, "Bo"), (2, "a?b")]
    rows = board(records.participants(), the_course(), NOW + timedelta(seconds=10))["participants"]
    assert [row["seen"] for row in rows] == [10, 0]
    assert all(row["cells"] for row in rows)
    assert records.problem() == ""


def test_what_was_seen_is_not_asked_for_again_and_stays(hub: PlayedHub, records: ClusterRecords) -> None:
    first, second = _documents(2)
    hub.shared.take("p-000001", first)
    records.refresh()
    (before,) = records.participants()
    hub.shared.take("p-000002", second)
    records.refresh()
    assert hub.asked == [0, 0, 1]  # The second because a hub is new to us.
    assert records.participants()[0].lessons == before.lessons
    hub.shared.forget("p-000001")
    records.refresh()
    assert [who.name for who in records.participants()] == ["Bo"]


def test_a_hub_that_starts_again_loses_nobody_and_no_number(hub: PlayedHub, records: ClusterRecords) -> None:
    first, second = _documents(2)
    hub.shared.take("p-000001", first)
    hub.shared.take("p-000002", second)
    records.refresh()
    hub.start_again()
    hub.seconds += 5
    records.refresh()
    assert [who.name for who in records.participants()] == ["Ann", "Bo"]
    hub.shared.take("p-000002", second)
    records.refresh()
    assert [(who.number, who.name) for who in records.participants()] == [(1, "Ann"), (2, "Bo")]
    hub.seconds += 70
    hub.shared.take("p-000002", second)
    records.refresh()
    assert [(who.number, who.name) for who in records.participants()] == [(2, "Bo")]


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[" * 100_000, b'{"format": "labkit-hand-in", "version": 1, "lessons": 7}']
)
def test_what_makes_no_sense_disturbs_nobody(hub: PlayedHub, records: ClusterRecords, content: bytes) -> None:
    (document,) = _documents(1)
    hub.shared.take("p-000001", document)
    hub.shared.take("p-000002", content)
    records.refresh()
    (before,) = records.participants()
    hub.shared.take("p-000001", content)
    records.refresh()
    assert [who.lessons for who in records.participants()] == [before.lessons]
    assert records.problem() == ""


def _fails(_: int) -> bytes:
    raise LabFailed("Reading the hub", "connection refused", "nothing")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (_fails, "connection refused"),
        (lambda _: b"<html>", "its answer cannot be read"),
        (lambda _: b'{"format": "other"}', "its answer cannot be read"),
        (lambda _: b"[" * 100_000, "its answer cannot be read"),
    ],
)
def test_a_hub_that_does_not_answer_is_told_and_what_is_known_stays(
    hub: PlayedHub, records: ClusterRecords, answer: Any, why: str
) -> None:
    assert "not answered yet" in records.problem()
    (document,) = _documents(1)
    hub.shared.take("p-000001", document)
    records.refresh()
    hub.answer = answer
    records.refresh()
    assert why in records.problem()
    assert len(records.participants()) == 1


def test_times_that_no_clock_has_are_taken_as_now(hub: PlayedHub, records: ClusterRecords) -> None:
    (document,) = _documents(1)
    record = {
        "id": "p-000001",
        "name": "Ann",
        "since_seconds": 1e300,
        "seen_seconds": -1e300,
        "document": document.decode(),
    }
    answer = {"format": "labkit-class-records", "version": 1, "epoch": "e", "revision": 1, "participants": [record]}
    hub.answer = lambda _: json.dumps(answer).encode()
    records.refresh()
    (who,) = records.participants()
    assert (who.since, who.seen) == (NOW, NOW)
