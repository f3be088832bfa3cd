"""How the threat matrix looks as tables, and in a sentence; `labkit.threat.matrix_picture` draws it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from labkit.show import counted
from labkit.show.table import Table
from labkit.threat.evidence import Cell, Matrix
from labkit.threat.expected import reason_for, surprising
from labkit.threat.judge import Verdict
from labkit.threat.postures import PLACES
from labkit.threat.probes import PROBES

NOT_TRIED = "not tried"
"""What stands in the place of a cell that the matrix does not have."""


def matrix_table(matrix: Matrix, where: str) -> Table:
    """All cells of one place, each in a word: `could`, the control that stopped it, or `unknown`.

    Args:
        matrix: what was tried.
        where: "engine" or "cluster".

    Returns:
        One row for each probe, one column for each posture.
    """
    cells = {(cell.probe, cell.posture): cell.short for cell in matrix.cells if cell.where == where}
    postures = list(dict.fromkeys(posture for _, posture in cells))
    rows = [
        (PROBES[probe].title, probe, *(cells.get((probe, posture), NOT_TRIED) for posture in postures))
        for probe in dict.fromkeys(probe for probe, _ in cells)
    ]
    return Table(f"On the {where}", ("what is tried", "probe", *postures), rows, made_line(matrix.made))


def differences_table(matrix: Matrix) -> Table:
    """Where the same posture differs between the engine and the cluster, and why.

    Args:
        matrix: what was tried at both places.

    Returns:
        One row for each probe and reason, with all postures for which they are the same.
    """
    alike: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for on_engine, on_cluster in matrix.differences():
        why = "\n".join(text for text in dict.fromkeys((reason_for(on_engine), reason_for(on_cluster))) if text)
        alike[on_engine.probe, on_engine.full_verdict, on_cluster.full_verdict, why].append(on_engine.posture)
    order = list(PROBES)
    rows = [
        (", ".join(alike[key]), PROBES[key[0]].title, *key[1:])
        for key in sorted(alike, key=lambda key: order.index(key[0]))
    ]
    note = f"{counted(sum(map(len, alike.values())), 'cell')} with a difference."
    heads = ("postures", "what is tried", "on the engine", "on the cluster", "why")
    return Table("", heads, rows, note, (34, 26, None, None, 46))


def surprises_table(matrix: Matrix) -> Table:
    """The cells that are not what one would guess (`labkit.threat.expected.guess`), by their reasons.

    Args:
        matrix: what was tried.

    Returns:
        One row for each reason: how many cells, which, and why.
    """
    reasons: dict[str, list[Cell]] = defaultdict(list)
    for cell in surprising(matrix.cells):
        reasons[reason_for(cell) or "No reason is noted."].append(cell)
    tried = list(dict.fromkeys((cell.posture, cell.where) for cell in matrix.cells))
    rows = [(len(cells), "\n".join(_grouped(cells, tried)), why) for why, cells in reasons.items()]
    note = (
        "The guess: root can do everything within its container and others nothing; nobody gets out, "
        "unless root is privileged or has a folder of the host."
    )
    return Table("", ("cells", "what came out", "why"), rows, note, (None, 64, 56))


def cells_table(cells: Iterable[Cell]) -> Table:
    """A few cells in detail: what was called, what came back, and what follows from it."""
    rows = [
        (
            PROBES[cell.probe].title,
            f"{cell.posture}\non the {cell.where}",
            cell.full_verdict,
            exchange(cell),
            conclusion(cell),
        )
        for cell in cells
    ]
    heads = ("what is tried", "posture", "verdict", "what was called, what came back", "why")
    return Table("", heads, rows, widths=(24, None, None, 46, 40))


def describe_matrix(matrix: Matrix) -> str:
    """The matrix in a sentence or two, for those who do not see the picture."""
    counts = Counter((cell.where, cell.verdict) for cell in matrix.cells)
    if not counts:
        return "The threat matrix is empty: nothing was tried."
    places = "; ".join(
        f"on the {where} " + ", ".join(f"{counts[where, verdict]} {verdict}" for verdict in Verdict)
        for where in PLACES
        if any(counts[where, verdict] for verdict in Verdict)
    )
    probes = counted(len({cell.probe for cell in matrix.cells}), "probe")
    postures = counted(len({cell.posture for cell in matrix.cells}), "posture")
    return f"The threat matrix, {probes} in {postures}: {places}. The table of the matrix says every cell in words."


def made_line(made: Mapping[str, str]) -> str:
    """When and with what a matrix was measured, in a line; empty if that is not known."""
    labels = {"date": "measured", "kubernetes": "Kubernetes", "cgroups": "control groups"}
    values = {**made, "date": made.get("date", "").replace("T", " ").replace("+00:00", " UTC")}
    return ", ".join(f"{labels.get(name, name)} {value}" for name, value in values.items() if value)


def exchange(cell: Cell) -> str:
    """What was called, and what came back below it."""
    evidence = cell.evidence
    message = next((str(evidence[name]) for name in ("said", "message", "unknown") if evidence.get(name)), "")
    if message == cell.reason:
        message = ""  # it stands in the next column
    code = str(evidence.get("errno") or evidence.get("cause") or "")
    came_back = ": ".join(part for part in (code, message) if part) or ("done" if evidence.get("done") else "")
    return "\n".join(part for part in (str(evidence.get("call") or ""), came_back and f"→ {came_back}") if part)


def conclusion(cell: Cell) -> str:
    """Why it came out so, and whether it was seen from outside of the container."""
    outside = cell.evidence.get("outside", "not asked")
    if outside is None and cell.verdict is not Verdict.COULD:
        outside = "not asked"  # nothing was made, so there was nothing to look for
    seen = {True: "seen from outside: yes", False: "seen from outside: no", None: "from outside nobody could look"}
    return "\n".join(part for part in (cell.reason, seen.get(outside, "")) if part)


def _grouped(cells: Sequence[Cell], tried: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Cells as short lines: probes with the same verdict in the same postures are named together."""
    seen_in: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    for cell in cells:
        seen_in[cell.probe, cell.short].add((cell.posture, cell.where))
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (probe, verdict), postures in seen_in.items():
        alike[verdict, "; ".join(_places(postures, tried))].append(probe)
    return (f"{', '.join(probes)}: {verdict} in {names}" for (verdict, names), probes in alike.items())


def _places(postures: set[tuple[str, str]], tried: Sequence[tuple[str, str]]) -> Iterator[str]:
    by_place = {
        where: _families({name for name, at in postures if at == where}, [name for name, at in tried if at == where])
        for where in PLACES
        if any(at == where for _, at in postures)
    }
    if len(set(by_place.values())) == 1 and len(by_place) == len({at for _, at in tried}):
        yield next(iter(by_place.values()))
    else:
        yield from (f"{names}, on the {where}" for where, names in by_place.items())


def _families(postures: set[str], tried: Sequence[str]) -> str:
    """Names of postures, in short: `app-*` for all of that family that were tried."""
    names = []
    for family in dict.fromkeys(name.partition("-")[0] for name in tried):
        members = [name for name in tried if name.partition("-")[0] == family]
        inside = [name for name in members if name in postures]
        missing = [name for name in members if name not in postures]
        if inside and len(members) > 2 and len(missing) < 2:
            names.append(" but ".join([f"{family}-*", *missing]))
        else:
            names += inside
    return ", ".join(names)
