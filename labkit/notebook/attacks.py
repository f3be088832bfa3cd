"""What an attacker could do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labkit.adapters.kube import LESSON_LABEL
from labkit.notebook.opened import Opened

if TYPE_CHECKING:
    from labkit.notebook.threats import Threats


class Attacks(Opened):
    """A lesson's way to the threats."""

    @property
    def threats(self) -> Threats:
        """What an attacker could do: probes, the vulnerable app, the matrix, the worksheet."""
        if self._threats is None:
            from labkit.notebook.threats import Threats

            self._threats = Threats(self._lab, {LESSON_LABEL: self.name})
        return self._threats
