"""Parts of a page that are seen from the back of a room: a verdict, the line to type for it, long output folded.

A colour never says it alone: a sign and a word stand in it. The colours are the kit's own and dark, so that white text
on them reads in a light and in a dark theme (contrast of at least 6 to 1); all else is inherited.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from enum import StrEnum

from labkit.show.table import NO_MATHEMATICS, fold_html, whole_words

WRAPS = "white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere"
"""How output is broken into lines; JupyterLab would break it in the middle of words."""

# As what a cell prints, where it is JupyterLab; with the panel also where that is smaller (extension/src/style.css).
_SIZE = "font-size:var(--labkit-output-size, var(--jp-code-font-size, inherit))"
_PRE = f"margin:0;padding:0;background:none;color:inherit;{_SIZE};{WRAPS}"
_CODE = f"background:none;color:inherit;padding:0;{_SIZE};{WRAPS}"
_CARD = (
    "border:1px solid color-mix(in srgb, currentColor 25%, transparent);border-left:8px solid {colour};"
    "border-radius:4px;padding:6px 14px;margin:4px 0;max-width:88ch;line-height:1.5;overflow-wrap:anywhere"
)
_CHIP = (
    "display:inline-block;background:{colour};color:#fff;border-radius:4px;padding:1px 10px;margin-right:8px;"
    "white-space:nowrap"
)

COPY_BUTTON = '<button type="button" class="labkit-copy" hidden>Copy</button>'
"""Copies the line beside it; hidden where nothing serves it (extension/src/copy.ts)."""
_MOST_LINES = 24
_LINES_BEFORE_THE_FOLD = 12


class Tone(StrEnum):
    """How a verdict looks: its colour, by what it is for whoever asked."""

    GOOD = "#1b5e20"
    BAD = "#b71c1c"
    OPEN = "#6d4c00"


_SIGNS = {Tone.GOOD: "✓", Tone.BAD: "✗", Tone.OPEN: "…"}


def command_html(line: str) -> str:
    """A line to type, with a button that copies it, which is hidden where nothing serves it (extension/src/copy.ts).

    Args:
        line: as it is pasted, without a prompt; of several lines the first is seen, and the others are folded.
    """
    first, _, rest = line.partition("\n")
    prompt = '<span aria-hidden="true" style="opacity:0.7">$ </span>'
    code = f'<code class="labkit-line" style="{_CODE}">{whole_words(line)}</code>'
    if rest:
        head = f'<summary style="cursor:pointer">{prompt}<code style="{_CODE}">{whole_words(first)}</code></summary>'
        shown = f'<details style="min-width:0">{head}{code}</details>'
    else:
        shown = f'<span style="min-width:0">{prompt}{code}</span>'
    style = "display:flex;align-items:flex-start;gap:8px;margin:2px 0"
    return f'<div class="labkit-command" style="{style}">{shown} {COPY_BUTTON}</div>'


def output_html(text: str) -> str:
    """Output; of a long one the beginning, and the rest folded.

    Args:
        text: as it was printed.
    """
    lines = text.splitlines()
    if len(lines) <= _MOST_LINES:
        return f'<pre style="{_PRE}">{html.escape(text)}</pre>'
    first = "\n".join(lines[:_LINES_BEFORE_THE_FOLD])
    rest = lines[_LINES_BEFORE_THE_FOLD:]
    folded = fold_html(f"{len(rest)} more of {len(lines)} lines", output_block(rest))
    return f'<pre style="{_PRE}">{html.escape(first)}</pre>{folded}'


def output_block(lines: Sequence[str]) -> str:
    """Output as it is, whatever its length."""
    return f'<pre style="{_PRE}">{html.escape(chr(10).join(lines))}</pre>'


def card_html(
    tone: Tone,
    verdict: str,
    headline: str,
    *,
    label: str,
    lines: Sequence[str] = (),
    command: str = "",
    details: str = "",
    note: str = "",
) -> str:
    """A verdict as a card.

    Args:
        tone: its colour and sign.
        verdict: its word, such as "refused".
        headline: beside it, in one line: who says no, and why.
        label: the card's name for a screen reader.
        lines: below it, as HTML.
        command: the line to type for the same, above it; empty for none.
        details: as HTML, folded; empty for none.
        note: small, at the end; empty for none.
    """
    chip = (
        f'<span style="{_CHIP.format(colour=tone.value)}"><span aria-hidden="true">{_SIGNS[tone]}</span> '
        f"{html.escape(verdict)}</span> "
    )
    parts = [
        command_html(command) if command else "",
        f'<div style="font-size:1.35em;font-weight:600">{chip}{html.escape(headline)}</div>',
        *(f"<div>{line}</div>" for line in lines),
        fold_html("Details", details) if details else "",
        f"<div><small>{html.escape(note)}</small></div>" if note else "",
    ]
    style = _CARD.format(colour=tone.value)
    attributes = f'{NO_MATHEMATICS} role="group" aria-label="{html.escape(label)}" style="{style}"'
    return f"<div {attributes}>{''.join(parts)}</div>"
