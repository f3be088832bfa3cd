"""Whoever ends a command by a signal means an interrupt: it ends what it has begun, and says so."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from labkit.base.signals import Ended, ended_as_interrupted, ending_signals


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The usual handlers, though the tests may run under nohup; afterwards those of before again."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_that_ends_us_is_an_interrupt_within_the_block(number: signal.Signals, status: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt) as raised, ended_as_interrupted():
        os.kill(os.getpid(), number)
    assert isinstance(raised.value, Ended) and raised.value.exit_status == status
    assert signal.getsignal(number) == before


def test_a_terminal_that_is_closed_interrupts_once() -> None:
    """Its shell sends the signal a second time, into the midst of what is being ended."""
    with pytest.raises(Ended), ended_as_interrupted():
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        finally:
            os.kill(os.getpid(), signal.SIGHUP)


def test_what_nohup_has_begun_goes_on_without_its_terminal() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ended_as_interrupted():
        os.kill(os.getpid(), signal.SIGHUP)
        assert ending_signals() == (signal.SIGTERM,)
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_in_another_thread_nothing_changes() -> None:
    """Python lets the main thread alone choose what a signal does."""
    seen: list[object] = []

    def look() -> None:
        with ended_as_interrupted():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
