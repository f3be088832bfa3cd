"""Known ways out of a container as cards, and which of them this machine is open to, by its versions and settings.

No attack is ever made: numbers are compared.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from labkit.base.errors import Misuse, did_you_mean

_FILE = Path(__file__).with_name("cves.toml")


class CardVerdict(StrEnum):
    """Whether this machine is open to a card."""

    FIXED = "fixed"
    AFFECTED = "affected"
    NOT_HERE = "not here"
    UNKNOWN = "unknown"


class Where(StrEnum):
    """Whose version was looked at: the engine's, the node's, or the kernel that both share."""

    ENGINE = "engine"
    NODE = "node"
    KERNEL = "kernel"


@dataclass(frozen=True)
class Exclusion:
    """A fact of the machine with which a bug cannot be used.

    Args:
        fact: a field of `MachineVersions`.
        value: with this value the bug is not here.
        why: the reason.
    """

    fact: str
    value: int
    why: str


@dataclass(frozen=True)
class Card:
    """A known way out of a container.

    Args:
        name: its CVE number.
        title: what it is, in a line.
        was: what it was, as a defender has to know it.
        needed: what the attacker needed.
        non_root: whether a non-root uid would have stopped it: "yes", "partly" or "no".
        why: the reason for that.
        stopped_by: what does stop it.
        component: what had the bug: "runc", "containerd" or "kernel".
        fixed: the first fixed release of each branch.
        sources: where all of this was read.
        since: the release that the bug came with, empty if all older ones have it.
        at_engine: what to add where the component is the engine's.
        not_here: a fact of the machine with which the bug cannot be used.
    """

    name: str
    title: str
    was: str
    needed: str
    non_root: str
    why: str
    stopped_by: str
    component: str
    fixed: tuple[str, ...]
    sources: tuple[str, ...]
    since: str = ""
    at_engine: str = ""
    not_here: Exclusion | None = None

    def to_dict(self) -> dict[str, object]:
        """As JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class MachineVersions:
    """The versions and settings of a machine that the cards are compared with, each None where it is not known.

    Args:
        kernel: release of the kernel of the engine's machine, as uname gives it.
        cgroup_version: 1 or 2.
        engine_runc: version of the engine's runc.
        engine_containerd: version of the containerd under the engine.
        node_runc: version of the node's runc.
        node_containerd: version of the node's containerd.
        max_user_namespaces: user.max_user_namespaces.
    """

    kernel: str | None = None
    cgroup_version: int | None = None
    engine_runc: str | None = None
    engine_containerd: str | None = None
    node_runc: str | None = None
    node_containerd: str | None = None
    max_user_namespaces: int | None = None

    def to_dict(self) -> dict[str, str | int | None]:
        """As JSON-ready values."""
        return asdict(self)


@dataclass(frozen=True)
class Finding:
    """Whether one place of the machine is open to a card, and why."""

    card: str
    where: Where
    verdict: CardVerdict
    reason: str

    def to_dict(self) -> dict[str, str]:
        """As JSON-ready values."""
        return {"card": self.card, "where": str(self.where), "verdict": str(self.verdict), "reason": self.reason}


CARDS = {
    name: msgspec.convert({"name": name, **entry}, Card)
    for name, entry in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()
}
"""All cards: first what leads out of a container, then what defeats non-root itself."""


def find_card(name: str) -> Card:
    """A card by its CVE number.

    Raises:
        Misuse: it does not exist; a similar one, or all of them, are in the remedy.
    """
    if name.upper() in CARDS:
        return CARDS[name.upper()]
    hint = did_you_mean(name.upper(), CARDS, f"there are {', '.join(CARDS)}", cutoff=0.4)
    raise Misuse(f"Looking for card {name!r}", "there is no card of that number", hint)


def check(card: Card, machine: MachineVersions) -> list[Finding]:
    """Whether a machine is open to a card: one finding for the kernel, or one each for the engine and the node.

    A version is *fixed* at or above the fixed release of its branch, and in branches newer than all fixed ones. A
    lower one is *affected* only as a plain number: distributions backport fixes and leave the number as it is,
    so that with anything behind it a lower version is *unknown*.
    """
    return [_finding(card, machine, where, version) for where, version in _versions(card, machine).items()]


def _versions(card: Card, machine: MachineVersions) -> dict[Where, str | None]:
    if card.component == "kernel":
        return {Where.KERNEL: machine.kernel}
    if card.component == "runc":
        return {Where.ENGINE: machine.engine_runc, Where.NODE: machine.node_runc}
    return {Where.ENGINE: machine.engine_containerd, Where.NODE: machine.node_containerd}


def _finding(card: Card, machine: MachineVersions, where: Where, version: str | None) -> Finding:
    verdict, reason = _judge(card, version)
    not_here = card.not_here
    if verdict is not CardVerdict.FIXED and not_here and getattr(machine, not_here.fact) == not_here.value:
        verdict, reason = CardVerdict.NOT_HERE, not_here.why
    if where is Where.ENGINE and card.at_engine:
        reason = f"{reason}. {card.at_engine}"
    return Finding(card.name, where, verdict, reason)


def _judge(card: Card, text: str | None) -> tuple[CardVerdict, str]:
    """The verdict of a version alone."""
    if text is None:
        return CardVerdict.UNKNOWN, f"the version of {card.component} is not known"
    seen, named = _read(text), f"{card.component} {text}"
    if seen is None:
        return CardVerdict.UNKNOWN, f"{named} is not a version that can be compared"
    fixes = {fix.branch: fix for fix in map(_read, card.fixed) if fix}
    fix, newest = fixes.get(seen.branch), max(fixes)
    if fix and seen.order >= fix.order:
        return CardVerdict.FIXED, f"{named} is not lower than {fix.text}, which fixed it"
    if seen.branch > newest:
        return CardVerdict.FIXED, f"{named} is newer than {_dotted(newest)}, the last branch that needed a fix"
    since = _read(card.since)
    if since and seen.order < since.order:
        # A distribution's older kernel may have the newer code: Red Hat's 4.18 had the bug of 5.1, CVE-2022-0185.
        if seen.extra:
            return CardVerdict.UNKNOWN, f"{named} is lower than {since.text}, which the bug came with; {_NEWER_CODE}"
        return CardVerdict.NOT_HERE, f"{named} is lower than {since.text}, which the bug came with"
    return _of_lower(seen, fix, named)


def _of_lower(seen: _Version, fix: _Version | None, named: str) -> tuple[CardVerdict, str]:
    reason = f"{named} is of {_dotted(seen.branch)}, where no release fixed it"
    if fix:
        reason = f"{named} is lower than {fix.text}, which fixed it"
    if seen.extra:
        return CardVerdict.UNKNOWN, f"{reason}; {_BACKPORTS}"
    if fix and seen.number == fix.number and fix.stage == _RELEASED:
        return CardVerdict.UNKNOWN, f"{reason}; whether it had the fix already is not known"
    return CardVerdict.AFFECTED, reason


_BACKPORTS = "but distributions backport fixes without changing the number: ask yours"
_NEWER_CODE = "but distributions take newer code into older versions: ask yours"

# 1.1.12, v2.3.4+unknown, 1.1.5+ds1-1+deb12u1, 1.0.0~rc6+dfsg1-3, 1.2.0-rc.1, 5.17-rc3, 6.1.0-18-amd64
_VERSION = re.compile(
    r"v?(\d{1,9})\.(\d{1,9})(?!\d)(?:\.(\d{1,9})(?!\d))?(?:[-~]?(alpha|beta|rc)[.-]?(\d{1,9})(?!\d))?(.*)",
    re.ASCII | re.DOTALL,
)
_STAGES = {"alpha": 1, "beta": 2, "rc": 3}
_SNAPSHOT, _RELEASED = (0, 0), (4, 0)
# Such versions are from before the release of their number; Debian's ~ds and ~dfsg only say what was left out of it.
_EARLY = re.compile(r"~(?!ds|dfsg)|-(?:alpha|beta|dev|git|pre|rc)")


@dataclass(frozen=True)
class _Version:
    """A version: its number, its stage (alpha, beta, rc, released), and whatever comes after that."""

    text: str
    number: tuple[int, int, int]
    stage: tuple[int, int]
    extra: str

    @property
    def branch(self) -> tuple[int, int]:
        return self.number[:2]

    @property
    def order(self) -> tuple[tuple[int, int, int], tuple[int, int]]:
        return self.number, self.stage


def _read(text: str) -> _Version | None:
    """A version from its text; None if that is not a version."""
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        return None
    major, minor, patch, stage_name, count, extra = match.groups()
    stage = (_STAGES[stage_name], int(count)) if stage_name else _SNAPSHOT if _EARLY.match(extra) else _RELEASED
    return _Version(text, (int(major), int(minor), int(patch or 0)), stage, extra)


def _dotted(branch: tuple[int, int]) -> str:
    return f"{branch[0]}.{branch[1]}"
