"""Probes: harmless attempts, with what each means to an attacker and the rule that it tests."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from labkit.base.errors import Misuse, did_you_mean

_FILE = Path(__file__).with_name("probes.toml")


@dataclass(frozen=True)
class Probe:
    """A harmless attempt.

    Args:
        name: what it is called in the matrix and by the probe program.
        title: what is tried.
        meaning: what success gives to an attacker.
        rule: what decides, with its source.
        threat: "rce" for what running code in the container gives, "breakout" for what leads out of it.
    """

    name: str
    title: str
    meaning: str
    rule: str
    threat: str

    def __str__(self) -> str:
        # Whether it leads out of the container is an exercise.
        return f"{self.name}: {self.title}\ngives an attacker: {self.meaning}\nwhat decides: {self.rule}"

    def to_dict(self) -> dict[str, str]:
        """As JSON-ready values."""
        return asdict(self)


PROBES = {name: Probe(name, **told) for name, told in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()}
"""All probes, in the order of the matrix."""


def find_probe(name: str) -> Probe:
    """A probe by its name.

    Raises:
        Misuse: it does not exist; a similar name is in the remedy.
    """
    if name in PROBES:
        return PROBES[name]
    hint = did_you_mean(name, PROBES, "see what there is\n  labkit matrix --list")
    raise Misuse(f"Looking for probe {name!r}", "there is no such probe", hint)
