"""What the kit makes of pods and images as the real API server and engine gave them.

The files hold what Kubernetes 1.37.2 and Docker 26.1.5 answered in November 2026, each with the outcome that it is of.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labkit.adapters.engine import read_inspected
from labkit.core.pods.verdicts import judge, pod_summary
from labkit.lab.lab import IMAGES_FOLDER
from labkit.lab.samples.catalogue import Catalogue
from labkit.lab.samples.image_facts import ImageFacts

_HERE = Path(__file__).parent
PODS = sorted((_HERE / "pods").glob("*.json"))
IMAGES = sorted((_HERE / "images").glob("*.json"))


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_there_is_something_to_replay() -> None:
    assert len(PODS) >= 12
    assert {path.stem for path in IMAGES} == set(Catalogue(IMAGES_FOLDER))


@pytest.mark.parametrize("path", PODS, ids=lambda path: path.stem)
def test_a_pod_has_its_outcome(path: Path) -> None:
    recorded = _read(path)
    timed_out = recorded["expected"].pop("timed_out", False)
    outcome = judge(recorded["pod"], recorded["events"], timed_out=timed_out)
    expected = recorded["expected"]
    says = expected.pop("says", "")
    assert says in (outcome.message or "")
    assert {name: getattr(outcome, name) for name in ("verdict", "cause", "container", "refuser")} == expected
    assert pod_summary(recorded["pod"])[0] == outcome.pod


@pytest.mark.parametrize(
    "name", ["image-runs-as-root", "image-user-not-numeric", "image-user-out-of-range", "run-as-user-is-root"]
)
def test_a_refusal_is_recorded_under_its_cause(name: str) -> None:
    assert _read(_HERE / "pods" / f"{name}.json")["expected"]["cause"] == name


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_an_image_has_a_user_that_its_contract_allows(path: Path) -> None:
    facts = ImageFacts.from_inspect(read_inspected(_read(path)), reference=path.stem, texts={}, shell=False)
    contract = Catalogue(IMAGES_FOLDER)[path.stem].contract
    assert facts.user in contract.users
    assert facts.source == "stand-in"
    assert facts.to_dict()["reference"] == path.stem
