"""One build at a time: whoever waits sees how far it is, can be stopped, and goes on when the holder is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from labkit.adapters import build_lock as module
from labkit.adapters.build_lock import LockFile, build_lock
from labkit.adapters.cancellation import Cancellation, Cancelled
from labkit.show.steps import Tally


class Told(Tally):
    """Remembers what it was told, and tells a test of each."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.counts: list[tuple[int, int, str, int]] = []
        self._then = then

    def count(self, done: int, of: int, unit: str, before: int = 0) -> None:
        self.counts.append((done, of, unit, before))
        self._then()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "_WRITE_SECONDS", 0.0)


def test_who_waits_sees_how_far_the_holder_is_and_goes_on_when_it_has_ended(tmp_path: Path) -> None:
    seen = threading.Event()
    waiting, order = Told(seen.set), list[str]()

    def wait() -> None:
        with build_lock(tmp_path / "x", "Building x", waiting):
            order.append("second")

    thread = threading.Thread(target=wait)
    holder = Told()
    with build_lock(tmp_path / "x", "Building x", holder) as shared:
        shared.count(10, 100, "packages", before=5)
        thread.start()
        assert seen.wait(5)
        shared.count(40, 100, "packages", before=5)
        seen.clear()
        assert seen.wait(5)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert holder.counts == [(10, 100, "packages", 5), (40, 100, "packages", 5)]
    # What had been done when it began to wait was done before, so that its seconds are no measure of the whole.
    assert waiting.counts[0] == (0, 90, "packages", 15)
    assert (30, 90, "packages", 15) in waiting.counts


def test_what_waits_can_be_stopped(tmp_path: Path) -> None:
    with build_lock(tmp_path / "x", "Building x", Tally()) as shared:
        cancellation = Cancellation()
        waiting = Told(cancellation.cancel)
        shared.count(1, 2, "packages")
        with cancellation, pytest.raises(Cancelled), build_lock(tmp_path / "x", "Building x", waiting):
            pytest.fail("it was held")


@pytest.mark.parametrize("text", ["", "[1, 2", "{}", "null", '["a", 2, "packages", 0]', "[1]", "\0\0"])
def test_a_count_that_is_none_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)
    cancellation, waiting = Cancellation(), Told()
    lock = LockFile(tmp_path / "x")
    assert lock.acquire()
    lock.write(text)
    timer = threading.Timer(0.05, cancellation.cancel)
    timer.start()
    with cancellation, pytest.raises(Cancelled), build_lock(tmp_path / "x", "Building x", waiting):
        pytest.fail("it was held")
    lock.close()
    assert waiting.counts == []
