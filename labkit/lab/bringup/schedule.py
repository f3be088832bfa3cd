"""PURE. A schedule: steps, what each needs, and which of them may begin now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

WORKERS = 4
"""How many steps run side by side at most."""


@dataclass(frozen=True)
class Step:
    """A step of a schedule.

    Args:
        name: names it for other steps, for its duration, and in the state that other processes read.
        title: what it makes, as people read it.
        run: makes it, or sees that it is there, in a thread of its own; what it returns is of no account.
        needs: the names of the steps that must be done before.
        seconds: how long making it takes on two quiet processors, until this machine knows better.
        nice: whether it gives way to whatever else the machine does, when it runs behind a lesson.
        lane: of the steps of one lane only one runs at a time, such as those that use every processor.
        front: whether a lesson can begin only when it is done.
        is_made: whether it is there already, as far as that can be told at once; for the estimate.
    """

    name: str
    title: str
    run: Callable[[], object]
    needs: tuple[str, ...] = ()
    seconds: float = 1.0
    nice: bool = False
    lane: str = ""
    front: bool = False
    is_made: Callable[[], bool] | None = None


class Schedule:
    """Steps in the order in which they are preferred.

    Args:
        steps: each needs only steps that stand before it, so there is no circle.

    Raises:
        ValueError: two steps have one name, or one needs a step that does not stand before it.
    """

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps: dict[str, Step] = {}
        for step in steps:
            if step.name in self._steps:
                raise ValueError(f"there are two steps {step.name!r}")
            if missing := set(step.needs) - set(self._steps):
                raise ValueError(f"step {step.name!r} needs {sorted(missing)}, which do not stand before it")
            self._steps[step.name] = step

    def __iter__(self) -> Iterator[Step]:
        return iter(self._steps.values())

    def __getitem__(self, name: str) -> Step:
        return self._steps[name]

    def __len__(self) -> int:
        return len(self._steps)

    def with_needs(self, names: Iterable[str]) -> frozenset[str]:
        """Some steps, and all that they need."""
        wanted = set(names)
        for step in reversed(self._steps.values()):
            if step.name in wanted:
                wanted.update(step.needs)
        return frozenset(wanted)

    def front(self) -> frozenset[str]:
        """What must be done before a lesson can begin."""
        return self.with_needs(step.name for step in self if step.front)

    def next_steps(
        self, waiting: Collection[str], running: Collection[str], done: Collection[str], workers: int = WORKERS
    ) -> list[Step]:
        """The steps that may begin now.

        Args:
            waiting: the steps that have not begun and are still wanted.
            running: the steps that have begun and not ended.
            done: the steps that have ended well.
            workers: how many may run side by side.
        """
        lanes = {self._steps[name].lane for name in running} - {""}
        chosen: list[Step] = []
        for step in self:
            if len(running) + len(chosen) >= workers:
                break
            if step.name in waiting and set(step.needs) <= set(done) and step.lane not in lanes:
                chosen.append(step)
                lanes |= {step.lane} - {""}
        return chosen

    def seconds_left(self, left: Mapping[str, float], running: Collection[str], workers: int = WORKERS) -> float:
        """How long the rest takes, if every step takes as long as is expected.

        Args:
            left: the seconds that each step which is not done still takes.
            running: those of them that have begun.
            workers: how many may run side by side.
        """
        clock = 0.0
        ends = {name: left[name] for name in running}
        waiting = set(left) - set(running)
        done = {step.name for step in self} - set(left)
        while True:
            for step in self.next_steps(waiting, ends, done, workers):
                waiting.discard(step.name)
                ends[step.name] = clock + left[step.name]
            if not ends:
                return clock
            first = min(ends, key=lambda name: ends[name])
            clock = max(clock, ends.pop(first))
            done.add(first)
