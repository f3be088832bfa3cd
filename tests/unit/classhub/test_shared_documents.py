"""What participants share is kept as it came, bounded, and told to the instructor's machine once."""

from __future__ import annotations

import pytest

from classhub.shared_documents import MOST_BYTES, NotTaken, SharedDocuments


def _documents(shared: SharedDocuments, revision: int = 0) -> dict[str, str | None]:
    return {
        record["id"]: record["document"]
        for record in shared.since(revision, lambda participant: participant)["participants"]
    }


def test_each_has_one_document_and_what_was_seen_is_not_sent_again() -> None:
    shared = SharedDocuments()
    shared.take("p-000001", b"first")
    shared.take("p-000002", b"other")
    seen = shared.since(0, str)["revision"]
    shared.take("p-000001", b"second")
    assert _documents(shared) == {"p-000001": "second", "p-000002": "other"}
    assert _documents(shared, seen) == {"p-000001": "second", "p-000002": None}


def test_times_are_by_the_hubs_clock() -> None:
    now = 100.0
    shared = SharedDocuments(lambda: now)
    shared.take("p-000001", b"{}")
    now = 130.0
    shared.take("p-000001", b"{}")
    now = 131.5
    (record,) = shared.since(0, lambda _: "Ann")["participants"]
    assert (record["name"], record["since_seconds"], record["seen_seconds"]) == ("Ann", 31.5, 1.5)


@pytest.mark.parametrize(
    ("content", "why"), [(b"x" * (MOST_BYTES + 1), "larger than 128 kB"), (b"\xff\xfe", "no text")]
)
def test_what_is_refused_leaves_what_was_there(content: bytes, why: str) -> None:
    shared = SharedDocuments()
    shared.take("p-000001", b"{}")
    with pytest.raises(NotTaken, match=why):
        shared.take("p-000001", content)
    assert _documents(shared) == {"p-000001": "{}"}


def test_who_stops_is_forgotten() -> None:
    shared = SharedDocuments()
    shared.take("p-000001", b"{}")
    assert shared.forget("p-000001")
    assert not shared.forget("p-000001")
    assert _documents(shared) == {}
