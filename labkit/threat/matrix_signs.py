"""The sign of each word of the matrix, in its picture and in its table, and what the word means."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

from labkit.threat.evidence import Cell
from labkit.threat.judge import Control, Verdict
from labkit.threat.matrix_tables import NOT_TRIED

SIGNS: Mapping[str, str] = {
    str(Verdict.COULD): "●",
    str(Verdict.UNKNOWN): "?",
    str(Control.DAC): "DAC",
    str(Control.CAPABILITY): "CAP",
    str(Control.SECCOMP): "SEC",
    str(Control.NO_NEW_PRIVS): "NNP",
    str(Control.READ_ONLY): "RO",
    str(Control.NAMESPACE): "NS",
    str(Control.ADMISSION): "ADM",
    str(Control.REFUSAL): "REF",
    str(Control.ABSENT): "ABS",
    NOT_TRIED: "-",
}

MEANINGS: Mapping[str, str] = {
    str(Verdict.COULD): "nothing stopped it",
    str(Verdict.UNKNOWN): "what came back does not tell",
    **{str(control): control.meaning for control in Control},
    NOT_TRIED: "left out of this run",
}


def legend(cells: Iterable[Cell]) -> str:
    """What the words of some cells mean, a line each.

    Args:
        cells: those whose words are explained.
    """
    seen = {cell.short for cell in cells}
    return "\n".join(f"{word}: {meaning}" for word, meaning in MEANINGS.items() if word in seen)


def legend_as_html(cells: Iterable[Cell]) -> str:
    """The signs of some cells with their words and meanings, as small text that wraps.

    Args:
        cells: those whose signs are explained.
    """
    seen = {cell.short for cell in cells}
    items = "; ".join(
        f"<strong>{html.escape(sign)}</strong> {html.escape(word)}: {html.escape(MEANINGS[word])}"
        for word, sign in SIGNS.items()
        if word in seen
    )
    return f"<div><small>{items}</small></div>"
