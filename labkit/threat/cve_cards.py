"""How the cards of known ways out of a container look."""

from __future__ import annotations

from collections.abc import Iterable

from labkit.show.table import Table
from labkit.threat.cves import CARDS, Card, Finding

_NARROW, _WIDE = 40, 88
_NOTE = "No attack was made: versions and settings were compared."


def cards_table(findings: Iterable[Finding] = ()) -> Table:
    """All cards, one a row.

    Args:
        findings: of `labkit.threat.cves.check` for any of the cards.
    """
    known = list(findings)
    rows = [
        (
            f"{card.name}\n{card.title}",
            card.needed,
            card.non_root,
            "\n".join(f"{finding.where}: {finding.verdict}" for finding in known if finding.card == card.name)
            or "not looked at",
        )
        for card in CARDS.values()
    ]
    return Table("", ("CVE", "needed", "would non-root have stopped it", "here"), rows, _NOTE, (_NARROW, _NARROW))


def card_table(card: Card, findings: Iterable[Finding] = ()) -> Table:
    """One card with everything that is known of it.

    Args:
        card: the card.
        findings: of `labkit.threat.cves.check`; those of other cards are ignored.
    """
    rows = [
        ("what it was", card.was),
        ("needed", card.needed),
        ("would non-root have stopped it", f"{card.non_root}. {card.why}"),
        ("what stops it", card.stopped_by),
        ("had the bug", card.component + (f", since {card.since}" if card.since else "")),
        ("fixed in", ", ".join(card.fixed)),
    ]
    rows += [
        (f"here, {finding.where}", f"{finding.verdict}: {finding.reason}")
        for finding in findings
        if finding.card == card.name
    ]
    rows.append(("sources", "\n".join(card.sources)))
    return Table(f"{card.name}: {card.title}", (), rows, _NOTE, (None, _WIDE))
