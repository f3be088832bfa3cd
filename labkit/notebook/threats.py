"""What a notebook does with threats: probes, the vulnerable app, the matrix, cards of breakouts, the worksheet."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.notebook.interrupts import brief_interrupts
from labkit.show.table import Table
from labkit.threat.cve_cards import card_table, cards_table
from labkit.threat.cves import CARDS, MachineVersions, check, find_card
from labkit.threat.evidence import Matrix, Tried
from labkit.threat.machine_versions import look_at_machine
from labkit.threat.matrix_page import matrix_page
from labkit.threat.matrix_picture import MatrixPicture, picture
from labkit.threat.matrix_tables import differences_table, surprises_table
from labkit.threat.measure import MARK, measure
from labkit.threat.on_cluster import marks_on_node
from labkit.threat.postures import ENGINE, VULNERABLE, Posture, find_posture
from labkit.threat.probed_images import ensure_probed
from labkit.threat.probes import Probe, find_probe
from labkit.threat.recorded_matrix import NOT_HERE
from labkit.threat.surroundings import NEIGHBOUR_IMAGE
from labkit.threat.victim import Victim
from labkit.threat.worksheet import Recheck, Worksheet
from labkit.threat.worksheet_pages import export_worksheet, rechecks_table

if TYPE_CHECKING:
    from labkit.lab.lab import Lab


@brief_interrupts("lab.threats")
class Threats:
    """The threat model of one lesson.

    Args:
        lab: the lab.
        labels: by which the lesson's containers are found and removed.
    """

    def __init__(self, lab: Lab, labels: dict[str, str]) -> None:
        self._lab, self._labels = lab, labels
        silent = lab.silent()
        self._measure = partial(measure, silent)
        self._at_work = lambda: silent.steps.last

    # --- trying ---

    def posture(self, name: str) -> Posture:
        """A way to run a container, by its name; it can show itself as a docker line and as a pod."""
        return find_posture(name)

    def describe(self, probe: str) -> Probe:
        """A probe by its name: what is tried, what it means to an attacker, and the rule that decides."""
        return find_probe(probe)

    def probe(self, posture: str, *probes: str, where: str = ENGINE) -> Tried:
        """Run a posture and try probes in it; nothing of it stays.

        Args:
            posture: its name.
            probes: their names; all of them if none is given.
            where: "engine" or "cluster".

        Raises:
            Misuse: there is no such posture or probe, or the place does not have the posture.
            LabError: there is no engine, or no cluster.
        """
        matrix = self._measure([posture], probes, where)
        (trial,) = matrix.trials
        recorded = f"  # {NOT_HERE} {matrix.made[NOT_HERE]}" if NOT_HERE in matrix.made else ""
        return Tried(_matrix_line(posture, probes, where) + recorded, trial.cells)

    def matrix(self, postures: Sequence[str] = (), probes: Sequence[str] = (), where: str | None = None) -> Matrix:
        """Every probe in every posture, on engine and cluster: about ten seconds. Or some of them, side by side.

        Args:
            postures: their names; all of them if none is given.
            probes: their names; all of them if none is given.
            where: "engine" or "cluster"; both if not given.

        Raises:
            Misuse: there is no such posture or probe, or the place does not have a posture.
            LabError: there is no engine, or no cluster.
        """
        return self._measure(postures, probes, where)

    def marks_left(self) -> list[str]:
        """What any probe may have left on the node or on this machine; empty unless something went wrong."""
        pattern = f"{MARK}-*"
        here = map(str, self._lab.configuration.state.glob(pattern))
        if self._lab.configuration.sandbox is not None:  # Nothing is tried on the class's nodes.
            return list(here)
        return [*here, *marks_on_node(self._lab.cluster(), pattern)]

    # --- looking ---

    def picture(self, matrix: Matrix) -> MatrixPicture:
        """The whole matrix at a glance: a picture of the engine, and one of the cluster."""
        return picture(matrix)

    def table(self, matrix: Matrix, where: str) -> Table:
        """The matrix of one place, cell by cell; in a notebook, a click on a cell unfolds its evidence.

        Args:
            matrix: what was measured.
            where: "engine" or "cluster".
        """
        return matrix_page(matrix, where)

    def differences(self, matrix: Matrix) -> Table:
        """Where engine and cluster differ for the same posture, and why."""
        return differences_table(matrix)

    def surprises(self, matrix: Matrix) -> Table:
        """The cells that one would not guess, and why they are so."""
        return surprises_table(matrix)

    # --- the vulnerable app ---

    def victim(self, *, root: bool) -> Victim:
        """Start the vulnerable app, as root or as uid 1654; one that still runs is removed.

        Args:
            root: whether the app runs as root.
        """
        engine = self._lab.engine()
        name = "rce-root" if root else "rce-app"
        self.close()
        ensure_probed(engine, self._lab.configuration, [VULNERABLE[name].image, NEIGHBOUR_IMAGE], self._lab.steps)
        return Victim.start(engine, self._lab.configuration, name, self._labels)

    def close(self) -> None:
        """Remove the containers that the lesson left running."""
        engine = self._lab.engine()
        for container in engine.labelled_containers(*(f"{name}={value}" for name, value in self._labels.items())):
            engine.remove_container(container)

    # --- known ways out ---

    def breakouts(self) -> Table:
        """The cards of known breakouts, and whether this machine's versions are open to each; nothing is attacked."""
        machine = self._machine()
        return cards_table(finding for card in CARDS.values() for finding in check(card, machine))

    def breakout(self, cve: str) -> Table:
        """One card with everything that is known of it.

        Args:
            cve: its number, such as "CVE-2019-5736".

        Raises:
            Misuse: there is no such card.
        """
        card = find_card(cve)
        return card_table(card, check(card, self._machine()))

    def _machine(self) -> MachineVersions:
        return look_at_machine(self._lab.engine(), self._lab.cluster())

    # --- the worksheet ---

    def worksheet(self) -> Worksheet:
        """The participant's worksheet, as the last lesson left it."""
        return Worksheet.open(self._lab.configuration.data / "worksheet.json")

    def export(self, sheet: Worksheet) -> list[Path]:
        """Write a worksheet as Markdown and as one HTML file, beside its own file."""
        return export_worksheet(sheet)

    def recheck(self, sheet: Worksheet) -> list[Recheck]:
        """Try every row of a worksheet again."""
        return sheet.recheck(self._measure)

    def rechecked(self, sheet: Worksheet) -> Table:
        """Try every row of a worksheet again, and show what still holds."""
        return rechecks_table(self.recheck(sheet))


def _matrix_line(posture: str, probes: Sequence[str], where: str) -> str:
    """What to type for trying probes in a posture.

    The posture's own docker line or manifest would start its program, and no probe.
    """
    options = [option for probe in probes for option in ("--probe", probe)]
    return shlex.join(["labkit", "matrix", "--posture", posture, *options, "--where", where])
