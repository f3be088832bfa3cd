"""The course holds the article's claims, each shown where it belongs, and says where the article has aged."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from labkit.base.resources import CHECKOUT

SHOWN_IN = {
    "S1": "01 10",
    "S2": "02",
    "S3": "01 02",
    "S4": "06",
    "S5": "03",
    "S6": "03",
    "S7": "03 07",
    "S8": "03 04",
    "S9": "04",
    "S10": "01 05",
    "S11": "05",
    "S12": "05",
    "S13": "06",
    "S14": "03 06",
    "S15": "07",
    "S16": "07",
    "S17": "07",
    "S18": "08",
    "S19": "08",
    "S20": "08",
    "S21": "08",
    "S22": "08",
    "S23": "02 04",
    "S24": "11",
}
"""Each claim of the article, and the lessons that show it."""

ERRATA = {
    1: "the API accepts the manifest, the kubelet refuses",
    2: "empty is root, a name is another error, there is an upper bound, runAsUser replaces the image's value",
    3: "init and ephemeral containers count, and a container may opt out",
    4: "samples:aspnetapp is no longer root",
    5: "Dockerfile.chiseled sets USER now",
    6: "8.0 is Debian, 10.0 is Ubuntu with a uid 1000 of its own",
    7: "a chiseled family may come out as -extra",
    8: "a ContainerUser has to exist at run time only, and only if it is a name",
    9: "ContainerUser=root writes a name",
    10: "EnableSdkContainerSupport is needed no more",
    11: "the SDK's output is aligned with restricted only as to the user",
    12: "what the threat model leaves out",
    13: "dated: the API link, and .NET 8 itself",
}
"""Where the article is imprecise, or the world has changed since."""


def _marked(mark: str) -> dict[object, set[str]]:
    """What cells carry in their metadata -> the numbers of the lessons."""
    lessons: dict[object, set[str]] = defaultdict(set)
    for path in sorted((CHECKOUT / "notebooks").glob("[0-9][0-9]-*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for number in cell["metadata"].get("labkit", {}).get(mark, []):
                lessons[number].add(path.name[:2])
    return lessons


@pytest.mark.parametrize("claim", SHOWN_IN)
def test_each_claim_is_shown_where_it_belongs(claim: str) -> None:
    assert set(SHOWN_IN[claim].split()) <= _marked("seed")[claim]


def test_each_erratum_is_taught_and_no_other() -> None:
    assert {number for number, lessons in _marked("erratum").items() if lessons} == set(ERRATA)


def test_claims_are_shown_by_cells_that_run() -> None:
    """Prose alone shows nothing."""
    for path in (CHECKOUT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            assert cell["cell_type"] == "code" or not cell["metadata"].get("labkit", {}).get("seed")
