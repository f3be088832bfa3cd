"""A class that a test may drain, bring up again and take down: nobody else's test is in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.lab.classroom.class_bringup import ClassUp, ClassWishes, bring_up_class
from labkit.lab.classroom.class_settings import ClassSettings
from labkit.lab.classroom.class_state import ClassStatus
from labkit.lab.classroom.cluster_class import ClusterClass
from labkit.lab.lab import Lab
from tests.classroom_live.class_player import PlayedRoom, entered_room


class OwnClass:
    """It.

    Args:
        lab: whose engine builds the images.
        cluster: where it is.
        wishes: what is asked for, each time that it is brought up.
    """

    def __init__(self, lab: Lab, cluster: ClusterWriter, wishes: ClassWishes) -> None:
        self._lab = lab
        self._cluster = cluster
        self._wishes = wishes

    @property
    def name(self) -> str:
        """The class's, and its namespace's."""
        return self._wishes.class_name

    def up(self, **wishes: Any) -> ClassUp:
        """Bring it up, or up to date.

        Args:
            wishes: what is asked for this time, besides.
        """
        return bring_up_class(self._lab, self._cluster, replace(self._wishes, **wishes), 0, lambda plan: None)

    @contextlib.contextmanager
    def entered(self) -> Iterator[PlayedRoom]:
        """It, reached for as long as the block lasts and its proxy's pod is the same."""
        with entered_room(self._lab, self._cluster, self.name) as room:
            yield room

    def status(self) -> ClassStatus:
        """How it is."""
        return self._group.status()

    def down(self) -> None:
        """Take it down with all that is in it."""
        self._group.down(progress=True)

    @property
    def _group(self) -> ClusterClass:
        return ClusterClass(self._cluster, ClassSettings(name=self.name), self._lab.steps)
