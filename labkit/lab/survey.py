"""What there is to know of every sample image at once: as whom it runs, and whether it keeps its contract."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypedDict

from labkit.adapters.engine import Engine, InspectedImage
from labkit.base.errors import LabFailed
from labkit.base.files import read_own_json, write_atomically
from labkit.core.identity.docker_run import explain_in_engine
from labkit.core.identity.model import Image
from labkit.core.image_reference import ImageReference
from labkit.lab.lab import Lab
from labkit.lab.samples.catalogue import Recipe, bases_first
from labkit.lab.samples.contract import refusal_of, violations
from labkit.lab.samples.digest_lock import LOCK_FILE, write_lock
from labkit.lab.samples.image_facts import FileFact, ImageFacts


class SurveyedJson(TypedDict):
    """A sample image, as `labkit images --json` prints it; null for what only one that was made has."""

    name: str
    summary: str
    note: str
    reference: str | None
    source: str | None
    digest: str | None
    user: str | None
    uid: int | None
    non_root: bool | None
    cause: str | None
    size: int | None
    shell: bool | None


class VerifiedJson(TypedDict):
    """A sample image with the promises that it breaks, as `labkit images verify --json` prints it."""

    name: str
    present: bool
    source: str | None
    recorded: str
    broken: list[str]


def survey(lab: Lab) -> list[SurveyedJson]:
    """Every sample image, JSON-ready; what an image that has not been made would be stays None."""
    engine = lab.engine()
    return [_row(recipe, _facts(lab, engine, recipe)) for recipe in bases_first(lab.catalogue)]


def verify(lab: Lab) -> list[VerifiedJson]:
    """Every sample image with the promises that it breaks; `present` is false for one that has not been made."""
    engine = lab.engine()
    rows: list[VerifiedJson] = []
    for recipe in bases_first(lab.catalogue):
        facts = _facts(lab, engine, recipe)
        rows.append(
            {
                "name": recipe.name,
                "present": facts is not None,
                "source": facts.source if facts else None,
                "recorded": recipe.recorded.isoformat(),
                "broken": violations(recipe.contract, facts) if facts else [],
            }
        )
    return rows


def lock(lab: Lab) -> dict[str, str]:
    """Write the digests of the upstream images that are here into the lock file.

    Returns:
        Upstream reference -> digest; empty where every image is a stand-in, and there is nothing to lock.
    """
    engine, digests = lab.engine(), {}
    for recipe in bases_first(lab.catalogue):
        facts = _facts(lab, engine, recipe)
        if facts and recipe.upstream and facts.source == "upstream" and "@" in facts.digest:
            digests[recipe.upstream] = ImageReference.parse(facts.digest).digest
    if digests:
        write_lock(digests, LOCK_FILE)
    return digests


def _row(recipe: Recipe, facts: ImageFacts | None) -> SurveyedJson:
    row: SurveyedJson = {
        "name": recipe.name,
        "summary": recipe.summary,
        "note": recipe.note,
        "reference": None,
        "source": None,
        "digest": None,
        "user": None,
        "uid": None,
        "non_root": None,
        "cause": None,
        "size": None,
        "shell": None,
    }
    if facts is None:
        return row
    answer = explain_in_engine(Image(facts.user, facts.passwd, facts.group))
    cause = refusal_of(facts.user)
    return {
        **row,
        "reference": facts.reference,
        "source": facts.source,
        "digest": facts.digest,
        "user": facts.user,
        "uid": answer.runs_as.uid if answer.runs_as else None,
        "non_root": not cause,
        "cause": cause or None,
        "size": facts.size,
        "shell": facts.shell,
    }


def _facts(lab: Lab, engine: Engine, recipe: Recipe) -> ImageFacts | None:
    """An image's facts; what only a container shows is remembered by the image's id, for it cannot change."""
    reference = lab.configuration.image_reference(recipe.name)
    inspected = engine.image(reference)
    if inspected is None:
        return None
    file = lab.configuration.cache / "facts" / f"{inspected['Id'].rpartition(':')[2]}.json"
    try:
        known = read_own_json(file)
        if set(known["files"]) == set(recipe.contract.files):
            return _from_known(inspected, reference, known)
    except (ValueError, LookupError, TypeError, AttributeError):
        pass  # Not remembered yet, or not readable: looked at again.
    facts = lab.image_facts(recipe.name)
    remembered = {
        "texts": {"/etc/passwd": facts.passwd, "/etc/group": facts.group},
        "shell": facts.shell,
        "files": {path: asdict(fact) if fact else None for path, fact in facts.files.items()},
    }
    with contextlib.suppress(LabFailed):  # A cache that cannot be written is looked at again the next time.
        write_atomically(file, json.dumps(remembered), durable=False)
    return facts


def _from_known(inspected: InspectedImage, reference: str, known: Mapping[str, Any]) -> ImageFacts:
    files = {path: FileFact(**fact) if fact else None for path, fact in known["files"].items()}
    return ImageFacts.from_inspect(
        inspected, reference=reference, texts=known["texts"], shell=known["shell"], files=files
    )
