"""Where images come from: upstream, a mirror of it, or the kit's own stand-ins.

Nothing else in the kit knows; everything else reads the image's labels.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from labkit.adapters.engine import Engine
from labkit.base.configuration import Configuration
from labkit.base.errors import Misuse
from labkit.base.files import read_own, read_own_json, write_atomically
from labkit.base.resources import CLUSTER, require
from labkit.core.image_reference import ImageReference

PROBE_SECONDS = 4.0
_PEEK_SECONDS = 1.5
_REMEMBERED_SECONDS = 12 * 3600.0
_PROBE = "registry.k8s.io/pause:3.10"


class Source(StrEnum):
    """Where an image came from."""

    UPSTREAM = "upstream"
    STAND_IN = "stand-in"


@dataclass(frozen=True)
class Decision:
    """Which source is used, and why.

    Args:
        source: the source.
        mirror: host and path prefix of a registry that is asked in place of every upstream one; empty for none.
        why: in words.
        decided: when, in seconds since the epoch.
    """

    source: Source
    mirror: str
    why: str
    decided: float

    def reference(self, upstream: str) -> str:
        """The reference to pull for an upstream image: its own, or the mirror's."""
        if not self.mirror:
            return upstream
        return f"{self.mirror.rstrip('/')}/{ImageReference.parse(upstream).path}"


def decide(engine: Engine, configuration: Configuration, asked: str | None = None) -> Decision:
    """Decide where images come from: as asked, as remembered, or by one short look at a registry.

    Args:
        engine: the engine that would pull.
        configuration: whose state remembers the decision.
        asked: "upstream" or "stand-in"; None to read LABKIT_SOURCE and, without it, to find out.

    Raises:
        Misuse: there is no such source.
    """
    asked = asked_source(asked)
    mirror = chosen_mirror(configuration)
    file = configuration.state / "source.json"
    if asked is not None:
        if asked not in set(Source):
            raise Misuse(
                "Deciding where images come from", f"there is no source {asked!r}", f"ask for {' or '.join(Source)}"
            )
        return _remember(file, Decision(Source(asked), mirror, "asked for", time.time()))
    if (known := remembered(configuration)) is not None and known.mirror == mirror:
        return known
    return _remember(file, _probe(engine, mirror, PROBE_SECONDS))


def asked_source(asked: str | None = None) -> str | None:
    """The source that was asked for: this one, or the one that LABKIT_SOURCE names; None if none was."""
    return asked or os.environ.get("LABKIT_SOURCE") or None


def preview(engine: Engine, configuration: Configuration) -> Decision:
    """What `decide` would say, found out in less time and not written down; for the doctor."""
    asked, mirror = asked_source(), chosen_mirror(configuration)
    if asked in set(Source):
        return Decision(Source(asked), mirror, "asked for", time.time())
    if (known := remembered(configuration)) is not None and known.mirror == mirror:
        return known
    return _probe(engine, mirror, _PEEK_SECONDS)


def chosen_mirror(configuration: Configuration) -> str:
    """The registry that is asked in place of upstream: LABKIT_REGISTRY's, or the one of `labkit registry use`."""
    if (named := os.environ.get("LABKIT_REGISTRY")) is not None:
        return named
    return (read_own(configuration.state / "mirror") or "").strip()


def _probe(engine: Engine, mirror: str, seconds: float) -> Decision:
    reference = Decision(Source.UPSTREAM, mirror, "", 0.0).reference(_PROBE)
    if engine.can_reach_registry(reference, seconds):
        return Decision(Source.UPSTREAM, mirror, "a registry answers", time.time())
    return Decision(Source.STAND_IN, mirror, f"timed out: no registry answered within {seconds:.0f} s", time.time())


def remembered(configuration: Configuration) -> Decision | None:
    """The last decision, if it is not too old to go by; a file that cannot be read counts as none."""
    try:
        document = read_own_json(configuration.state / "source.json")
        decision = Decision(
            Source(document["source"]), str(document["mirror"]), str(document["why"]), float(document["decided"])
        )
    except (ValueError, KeyError, TypeError):
        return None
    return decision if 0 <= time.time() - decision.decided < _REMEMBERED_SECONDS else None


def forget(configuration: Configuration) -> None:
    """Look again next time."""
    (configuration.state / "source.json").unlink(missing_ok=True)


def node_upstream() -> str:
    """kind's own node image, by digest."""
    return require(CLUSTER / "node" / "upstream").read_text(encoding="utf-8").strip()


def _remember(file: Path, decision: Decision) -> Decision:
    write_atomically(file, json.dumps(asdict(decision)))
    return decision
