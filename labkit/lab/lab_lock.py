"""The lock of whatever changes the lab."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack

from labkit.base.configuration import Configuration
from labkit.base.locks import locked
from labkit.lab.bringup.background import running
from labkit.lab.bringup.up_display import UpDisplay, choose_display
from labkit.show.steps import Steps

_LOCK_SECONDS = 3 * 3600.0


@contextlib.contextmanager
def lab_locked(configuration: Configuration, steps: Steps) -> Iterator[None]:
    """Hold the lab's lock; whoever waits for it sees what its holder is at.

    Args:
        configuration: the lab's.
        steps: where that is shown.
    """
    with ExitStack() as shown:
        display: list[UpDisplay] = []

        def show() -> None:
            if (state := running(configuration)) is not None:
                if not display:
                    display.append(shown.enter_context(choose_display(steps)))
                display[0].show(state)

        with locked(configuration.state / "lock", seconds=_LOCK_SECONDS, on_wait=steps.note, while_waiting=show):
            shown.close()
            yield
