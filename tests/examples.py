"""How many examples of each property are tried: `make unit` by itself takes a quarter of them (tools/test.sh)."""

from __future__ import annotations

import os

USUAL = 100


def share_of(examples: int) -> int:
    """As many examples as a property wants, or the share of them that LABKIT_EXAMPLES is of the usual number.

    Args:
        examples: what is tried where nothing is said.
    """
    return max(1, examples * int(os.environ.get("LABKIT_EXAMPLES") or USUAL) // USUAL)
